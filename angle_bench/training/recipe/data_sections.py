"""`[data]` and `[prompts]`: what is trained on."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from angle_bench.checkpoints.templates import check_written, wants_instruction
from angle_bench.training.recipe.section import Section

COLUMNS = ("text1", "text2", "label", "query", "positive", "negative")


class DataSource(Section):
    """`[[data.train]]`: rows from a file, a folder or the hub, exactly one of `path` and `hub`.

    Attributes:
        path: CSV, JSON lines, parquet, a folder of these, or a saved dataset.
        hub: A data set's id.
        config: Of the hub data set.
        revision: Of the hub data set.
        columns: Ours by theirs: `{ sentence1 = "text1" }` renames sentence1.
        label_range: The labels that become 0 and 1, such as (0, 5).
        weight: How often rows of this source are drawn, relative to the others; without any
            weight the sources stand one after the other.
        limit: The first rows, for trials.
        encoding: Of text files; None is UTF-8, or UTF-16 by its mark.
        skip_bad_rows: Rows that cannot be read are left out and counted.
    """

    path: str | None = None
    hub: str | None = None
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    columns: dict[str, str] = Field(default={})
    label_range: tuple[float, float] | None = None
    weight: float | None = Field(default=None, gt=0)
    limit: int | None = Field(default=None, ge=1)
    encoding: str | None = None
    skip_bad_rows: bool = False

    @property
    def written(self) -> str:
        """Where keys of it are written, for hints."""
        return "in its [[data.train]]"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.hub is None):
            raise ValueError("a source has either a path or a hub id")
        if self.path is not None and (self.config, self.revision) != (None, None):
            raise ValueError("config and revision are of hub data sets alone")
        unknown = sorted(set(self.columns.values()) - set(COLUMNS))
        if unknown or len(set(self.columns.values())) < len(self.columns):
            wrong = unknown[0] if unknown else "the same column twice"
            raise ValueError(f"columns renames to {wrong}; ours are {', '.join(COLUMNS)}")
        if self.label_range is not None and not self.label_range[0] < self.label_range[1]:
            raise ValueError("label_range is the lowest label and the highest, as in [0, 5]")
        return self


class Data(Section):
    """`[data]`: what is trained on.

    Attributes:
        shuffle: Whether each epoch has an order of its own, or the rows come as they stand.
        streaming: Rows are read as they are needed; `max_steps` says where training ends.
        drop_duplicates: Rows that stand twice are used once.
    """

    train: tuple[DataSource, ...]
    shuffle: bool = True
    streaming: bool = False
    drop_duplicates: bool = False


def _template(text: str) -> str:
    check_written(text)
    if wants_instruction(text):
        raise ValueError(
            f"the prompt {text!r} wants the instruction of a task, and training texts are of "
            "none; write the instruction itself"
        )
    return text


Template = Annotated[str, AfterValidator(_template)]


class Prompts(Section):
    """`[prompts]`: templates with `{text}`; `text` is for both sides of format A.

    Attributes:
        more_text: Templates that rows get as often as `text`, drawn for each row and epoch. The
            candidate keeps `text` alone.
        more_query: The same of `query`.
        more_document: The same of `document`; positive and negative of a row get one.
    """

    text: Template = ""
    query: Template = ""
    document: Template = ""
    more_text: tuple[Template, ...] = ()
    more_query: tuple[Template, ...] = ()
    more_document: tuple[Template, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        for role in ("text", "query", "document"):
            every = (getattr(self, role), *getattr(self, f"more_{role}"))
            if len(set(every)) < len(every):
                raise ValueError(f"prompts.{role} and more_{role} hold a template twice")
        return self
