"""What the sections of a recipe share: a section is a table of its TOML. No torch."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
InverseTemperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]
MOST = 2**31 - 1  # of what is counted: steps, rows, tokens


class Section(BaseModel):
    """A table of a recipe: an unknown key is an error, and so is a number beyond all meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="after")
    def _countable(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name != "seed" and isinstance(value, int) and value > MOST:
                raise ValueError(f"{name} is more than {MOST:,}")
        return self
