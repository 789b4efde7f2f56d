"""The registry of known checkpoints, read from registry.toml."""

import tomllib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from angle_bench.models.prompts import PromptPolicy
from angle_bench.models.spec import Dtype, PoolingName, Settings, Shape


class Package(BaseModel):
    """An installed Python package that carries the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: str
    folder: str

    def locate(self) -> Path | None:
        """The folder of the weights, if the package is installed; nothing is imported."""
        found = find_spec(self.module)
        if found is None or found.origin is None:
            return None
        return Path(found.origin).parent / self.folder


class Entry(BaseModel):
    """One row of the registry: a checkpoint as its authors meant it.

    Attributes:
        name: The hub id.
        revision: The hub commit that the row was checked against; None follows `main`.
        contents: Content hashes that are known to be a hub commit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    revision: str | None = None
    pooling: PoolingName
    normalize: bool = False
    max_length: int
    dtype: Dtype = "float32"
    prompts: PromptPolicy = PromptPolicy()
    license: str | None = None
    source: str
    shape: Shape
    package: Package | None = None
    contents: dict[str, str] = {}

    @property
    def short_name(self) -> str:
        """The hub id without its organisation."""
        return self.name.rpartition("/")[2]

    def settings(self) -> Settings:
        """The authors' settings."""
        return Settings(
            pooling=self.pooling,
            normalize=self.normalize,
            prompts=self.prompts,
            max_length=self.max_length,
            dtype=self.dtype,
        )


@cache
def registry() -> dict[str, Entry]:
    """All rows by hub id."""
    rows = tomllib.loads((Path(__file__).parent / "registry.toml").read_text())["model"]
    entries = [Entry.model_validate(row) for row in rows]
    return {entry.name: entry for entry in entries}


def find(name: str) -> Entry | None:
    """The row of a short or full name, whatever its case."""
    wanted = name.casefold()
    for entry in registry().values():
        if wanted in (entry.name.casefold(), entry.short_name.casefold()):
            return entry
    return None
