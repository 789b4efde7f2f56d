"""A known checkpoint, as its authors, or a user, meant it."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from angle_bench.checkpoints.endpoint.endpoint_ref import is_endpoint
from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.spec import (
    Attention,
    Dtype,
    Pooling,
    Quantization,
    Settings,
    Shape,
    Similarity,
)
from angle_bench.checkpoints.templates import check_written
from angle_bench.suites.published import Published


def _written(policy: PromptPolicy) -> PromptPolicy:
    for template in policy.templates():
        check_written(template)
    return policy


class Package(BaseModel):
    """A Python package that carries the weights.

    Attributes:
        module: What it is imported by.
        folder: Where in it the weights are.
        extra: The extra of angle-bench that brings it, if one does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: str
    folder: str
    extra: str = ""

    def locate(self) -> Path | None:
        """The folder of the weights, if the package is installed; nothing is imported."""
        found = find_spec(self.module)
        if found is None or found.origin is None:
            return None
        return Path(found.origin).parent / self.folder


class Entry(BaseModel):
    """One checkpoint as its authors, or a user, meant it. What is left out is the folder's own.

    Attributes:
        name: What is typed; of the registry's rows the hub id.
        hub: The hub id, where the name is another one.
        path: The folder, where it is no checkpoint of the hub.
        revision: The hub commit that the row was checked against; None follows `main`.
        base: The model that an adapter was trained on, a hub id or a folder.
        endpoint: What would stand after -m for a model that a server computes.
        usd_per_million_tokens: What its owner charges, so that a run says what it cost.
        padding_side: Where its authors' tokenizer pads; no vector here depends on it.
        cuts: Which of layers and sizes it was trained to be cut in.
        evidence: What the vectors that are computed here were compared with, and the test.
        contents: Content hashes that are known to be a hub commit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hub: str | None = None
    path: Path | None = None
    revision: str | None = None
    base: str | None = None
    endpoint: str | None = None
    usd_per_million_tokens: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    pooling: Pooling | None = None
    normalize: bool | None = None
    max_length: int | None = None
    dtype: Dtype | None = None
    attention: Attention | None = None
    quantization: Quantization | None = None
    merge_adapter: bool | None = None
    include_prompt: bool | None = None
    prepare_sentence: bool | None = None
    bidirectional_start: int | None = Field(default=None, ge=0)
    lowercase: bool | None = None
    similarity: Similarity | None = None
    truncate_dim: int | None = Field(default=None, ge=1)
    prompts: Annotated[PromptPolicy, AfterValidator(_written)] | None = None
    padding_side: Literal["left", "right"] | None = None
    cuts: tuple[Literal["layers", "sizes"], ...] = ()
    license: str | None = None
    source: str | None = None
    evidence: str | None = None
    shape: Shape | None = None
    package: Package | None = None
    contents: dict[str, str] = {}
    published: tuple[Published, ...] = ()
    _file: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _of_a_server_or_not(self) -> Self:
        """A server decides all but the prompts; nobody charges for what is computed here."""
        if self.endpoint is None:
            wrong = ["usd_per_million_tokens"] * (self.usd_per_million_tokens is not None)
            why = "is the price of an endpoint, and the row has none"
        else:
            wrong = sorted(_OF_FILES & self.model_fields_set)
            why = "cannot be set: the server of the endpoint decides it"
            if not is_endpoint(self.endpoint):
                wrong, why = ["endpoint"], "is no openai:MODEL, or openai:MODEL@URL"
        if wrong:
            raise PydanticCustomError("endpoint", "{key} {why}", {"key": wrong[0], "why": why})
        return self

    @property
    def file(self) -> Path | None:
        """The TOML file of a user's row; None for a row that comes with the package."""
        return self._file

    def of_file(self, file: Path) -> "Entry":
        """The same row as one that a user wrote in this file."""
        row = self.model_copy()
        row._file = file
        return row

    @property
    def short_name(self) -> str:
        """The hub id without its organisation."""
        return self.name.rpartition("/")[2]

    @property
    def hub_id(self) -> str:
        """Its name on the hub."""
        return self.hub or self.name

    def to_dict(self) -> dict[str, Any]:
        """All that is known, as plain values; `row_file` is the TOML file of a user's row."""
        row = self.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        return row if self.file is None else {**row, "row_file": str(self.file)}

    def given(self) -> dict[str, Any]:
        """The settings that the row has."""
        row = {name: getattr(self, name) for name in Settings.model_fields if name in _SETTINGS}
        return {name: value for name, value in row.items() if value is not None}

    def settings(self, own: Settings | None = None) -> Settings:
        """The row's settings, over those that the folder itself records.

        Raises:
            pydantic.ValidationError: Neither says the pooling or the length.
        """
        return Settings.model_validate((own.model_dump() if own else {}) | self.given())


_SETTINGS = set(Entry.model_fields)
# what a model has that is computed here, and one of a server has not
_OF_FILES = _SETTINGS & {*Settings.model_fields} - {"prompts"}
_OF_FILES |= {"hub", "path", "revision", "base", "package", "contents", "cuts", "shape"}
