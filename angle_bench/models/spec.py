"""ModelSpec: a checkpoint and every setting that changes a vector. Values only, no torch."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from angle_bench.models.prompts import PromptPolicy

PoolingName = Literal["cls", "mean", "cls_avg", "max", "cls_max", "last"]
Dtype = Literal["float32", "bfloat16", "float16"]
Attention = Literal["auto", "sdpa", "eager", "flash_attention_2"]
Loader = Literal["transformers", "mteb"]

POOLING_ALIASES = {"avg": "mean"}


class Settings(BaseModel):
    """Every setting that changes a vector; no default depends on the device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pooling: PoolingName
    normalize: bool = False
    prompts: PromptPolicy = PromptPolicy()
    max_length: int = Field(gt=1)
    dtype: Dtype = "float32"
    attention: Attention = "auto"  # sdpa where the architecture has it, else eager
    compile: bool = False
    lowercase: bool = False
    bidirectional_start: int | None = Field(default=None, ge=0)  # of a decoder; None is causal
    layer: int | None = Field(default=None, ge=0)  # hidden_states[layer]; None is the last one
    size: int | None = Field(default=None, ge=1)  # the leading dimensions; None is all of them

    def canonical(self) -> dict[str, Any]:
        """All settings as plain values, the form that is recorded."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """The first 8 hex digits of the sha256 of the canonical JSON (CONTRACTS "Identity").

        Settings at this class's defaults are left out, so that a new one orphans no result.
        """
        given = self.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(given, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def with_changes(self, **changes: Any) -> Self:
        """A checked copy with some settings replaced; `None` leaves one as it is."""
        given = {key: value for key, value in changes.items() if value is not None}
        return self.model_validate(self.model_dump() | given)


class Shape(BaseModel):
    """What a checkpoint's config says of its transformer.

    Attributes:
        layers: How many layers follow the embeddings.
        width: The length of a token vector.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: int
    width: int


class ModelSpec(BaseModel):
    """One checkpoint, resolved: where it is, what it is, and how it is used.

    Attributes:
        name: The hub id, or `local/<folder>`.
        label: What tables show.
        revision: The hub commit, or `sha256-<first 16 hex of the content>`.
        loader: Who builds the encoder: this package, or mteb's own loader.
        folder: Where the files are, if they are not to be fetched from the hub.
        settings: What is used; None where mteb's loader decides.
        defaults: What the registry or the folder itself says.
        shape: Its layers and width, if its config or the registry says them.
        note: A line for the user, such as a pooling that nothing recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: str
    revision: str
    loader: Loader = "transformers"
    folder: Path | None = None
    settings: Settings | None = None
    defaults: Settings | None = None
    shape: Shape | None = None
    note: str | None = None

    @property
    def settings_id(self) -> str | None:
        """The digest of settings that differ from the defaults, else None."""
        if self.settings is None or self.settings == self.defaults:
            return None
        return self.settings.digest()

    @property
    def short_revision(self) -> str:
        """Eight digits of the revision, for headers."""
        return self.revision.removeprefix("sha256-")[:8]

    @property
    def variant_label(self) -> str:
        """The label, with layer and size where they are not the checkpoint's own."""
        parts = [self.label]
        if self.settings is not None and self.settings.layer is not None:
            parts.append(f"layer {self.settings.layer}")
        if self.settings is not None and self.settings.size is not None:
            parts.append(f"size {self.settings.size}")
        return " ".join(parts)

    def required_settings(self) -> Settings:
        """The settings of a checkpoint that this package loads itself."""
        if self.settings is None:
            raise ValueError(f"{self.name} is loaded by mteb and has no settings of ours")
        return self.settings

    def header(self, tasks: Iterable[tuple[str, str]]) -> str:
        """The first line of a run: label, revision, pooling, prompt on these tasks, dtype.

        Args:
            tasks: Pairs of task name and type.
        """
        head = f"{self.label}@{self.short_revision}"
        if self.settings is None:
            return f"{head} · loaded by mteb"
        used = self.settings
        parts = [head, used.pooling, used.prompts.summary(tasks), used.dtype]
        parts += [] if used.attention == "auto" else [used.attention]
        if used.bidirectional_start is not None:
            parts.append(f"bidirectional from layer {used.bidirectional_start}")
        return " · ".join([*parts, "compiled"] if used.compile else parts)
