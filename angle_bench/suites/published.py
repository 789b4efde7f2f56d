"""Scores that somebody published, with their sources: data in tasks/published/."""

import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict

from angle_bench.files.places import tasks_folder


class Published(BaseModel):
    """Scores that somebody published of one model, ×100.

    Attributes:
        suite: Whose protocol they follow, a name that `-t` takes.
        source: Who published them.
        average: The mean as published.
        scores: By task.
        types: The means of task types.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    source: str
    average: float | None = None
    scores: dict[str, float] = {}
    types: dict[str, float] = {}


class PublishedRow(Published):
    """Published scores with the model's hub id, or its name where it is on no hub."""

    model: str


@cache
def shipped() -> tuple[PublishedRow, ...]:
    """The published scores that come with the package."""
    text = (tasks_folder() / "published" / "scores.toml").read_text(encoding="utf-8")
    return tuple(PublishedRow.model_validate(row) for row in tomllib.loads(text)["published"])


def published_of(model: str) -> tuple[Published, ...]:
    """What was published of a model, by its hub id."""
    rows = (row for row in shipped() if row.model == model)
    said = (row.model_dump(exclude={"model"}, exclude_unset=True) for row in rows)
    return tuple(Published.model_validate(each) for each in said)
