"""ModelSpec: a checkpoint and every setting that changes a vector. Values only, no torch."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, ConfigDict, Field

from angle_bench.checkpoints.endpoint.endpoint import Endpoint
from angle_bench.checkpoints.prompts import PromptPolicy

PoolingName = Literal["cls", "mean", "cls_avg", "max", "cls_max", "last", "cls_avg_v0", "all"]
Pooling = PoolingName | Annotated[int, Field(ge=0)]  # an int k: the k-th real token, from 0
Dtype = Literal["float32", "bfloat16", "float16"]
Attention = Literal["auto", "sdpa", "eager", "flash_attention_2"]
Quantization = Literal["8bit", "4bit"]
Loader = Literal["transformers", "sentence-transformers", "model2vec", "mteb", "endpoint"]
# what a checkpoint gives: a vector of a text, a score of two texts, a sparse vector, or a vector of
# each token
Kind = Literal["encoder", "cross-encoder", "sparse encoder", "multi-vector encoder"]
# how two vectors are compared; mteb 2.26 scores by the first two alone
Similarity = Literal["cosine", "dot", "euclidean", "manhattan"]
# what vectors are quantised to before they are scored
Precision = Literal["float32", "int8", "binary"]

POOLINGS: tuple[str, ...] = get_args(PoolingName)
SCORED_PRECISIONS: tuple[Precision, ...] = get_args(Precision)
POOLING_ALIASES = {"avg": "mean"}


def typed_pooling(typed: str) -> str | int:
    """The pooling that a word stands for: a name, another name for it, or a token's number."""
    word = typed.strip()
    if word.isascii() and word.isdigit():
        return int(word)
    return POOLING_ALIASES.get(word, word)


class Output(NamedTuple):
    """One vector that a forward pass gives of a text: a layer, and how it is pooled."""

    layer: int | None
    pooling: Pooling


class Settings(BaseModel):
    """Every setting that changes a vector; no default depends on the device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pooling: Pooling
    normalize: bool = False
    prompts: PromptPolicy = PromptPolicy()
    max_length: int = Field(gt=1)
    dtype: Dtype = "float32"
    attention: Attention = "auto"  # sdpa where the architecture has it, else eager
    compile: bool = False
    quantization: Quantization | None = None  # by bitsandbytes
    merge_adapter: bool = False  # into its base; rounds otherwise than the two side by side
    dense: tuple[str, ...] = ()  # sentence-transformers' Dense modules after the pooling
    lowercase: bool = False
    # whether the tokens of what stands before a text are pooled, too
    include_prompt: bool = True
    prepare_sentence: bool = False  # as the authors' STS script does for their LLaMA checkpoints
    bidirectional_start: int | None = Field(default=None, ge=0)  # of a decoder; None is causal
    layer: int | None = Field(default=None, ge=0)  # hidden_states[layer]; None is the last one
    size: int | None = Field(default=None, ge=1)  # the leading dimensions; None is all of them
    similarity: Similarity = "cosine"
    precision: Precision = "float32"  # of vectors as they are scored; those of a store stay float32
    # the leading dimensions that the checkpoint itself keeps, without another normalisation
    truncate_dim: int | None = Field(default=None, ge=1)

    @property
    def output(self) -> Output:
        """The layer and its pooling."""
        return Output(self.layer, self.pooling)

    @property
    def kept(self) -> bool:
        """Whether a text's vector can be used again: it is one, and the same in every batch."""
        return self.pooling not in ("all", "cls_avg_v0")

    def canonical(self) -> dict[str, Any]:
        """All settings as plain values, the form that is recorded.

        Of vectors in float32 no precision is said, as in records from before there were others.
        """
        said = self.model_dump(mode="json")
        if self.precision == "float32":
            del said["precision"]
        return said

    def digest(self) -> str:
        """The first 8 hex digits of the sha256 of the canonical JSON (CONTRACTS "Identity").

        Settings at this class's defaults are left out, so that a new one orphans no result.
        """
        given = self.model_dump(mode="json", exclude_defaults=True)
        if self.prompts.filled_otherwise:
            given["prompts"]["filled"] = True  # no score of the words as they are comes back
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


class Trust(BaseModel):
    """What of a checkpoint may run code of its makers; nothing unless the user says so.

    Attributes:
        remote_code: Python files that come with it.
        pickle: Weights that are no safetensors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    remote_code: bool = False
    pickle: bool = False


NO_TRUST = Trust()


class FirstStage(BaseModel):
    """The scored model whose first 100 documents of each query another model ranks again.

    Attributes:
        name: Its name.
        revision: Its revision.
        settings_id: Eight hex digits where it was scored under other settings than its own.
        label: What it was called when it was scored; no part of an identity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    revision: str
    settings_id: str | None = None
    label: str = ""

    def digest(self, own: str | None) -> str:
        """The first 8 hex digits of the sha256 of what it is, and of the second stage's settings.

        Args:
            own: The digest of settings of the second stage that are not its own, else None.
        """
        text = json.dumps([self.name, self.revision, self.settings_id, own])
        return hashlib.sha256(f"first stage {text}".encode()).hexdigest()[:8]


class ModelSpec(BaseModel):
    """One checkpoint, resolved: where it is, what it is, and how it is used.

    Attributes:
        name: The hub id, or `local/<folder>`.
        label: What tables show.
        revision: The hub commit, or `sha256-<first 16 hex of the content>`.
        loader: Who builds the encoder: this package, another library, or a server (`endpoint`).
        kind: What it gives; all but an encoder are scored by mteb's wrappers.
        first_stage: Whose documents it ranks again in retrieval tasks; None is the whole corpus.
        folder: Where the files are, if they are not to be fetched from the hub.
        base: The base of an adapter, a folder or a hub id; None for a whole checkpoint.
        trust: What of it may run code when it is loaded.
        settings: What is used; None where another loader decides.
        endpoint: Which server computes it, and what is asked of it, where one does.
        defaults: What the registry or the folder itself says.
        shape: Its layers and width, if its config or the registry says them.
        note: A line for the user, such as a pooling that nothing recorded.
        selected_on_test: Test splits that the checkpoint was chosen by.
        row_file: The user's TOML file that has its row, if one does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: str
    revision: str
    loader: Loader = "transformers"
    kind: Kind = "encoder"
    first_stage: FirstStage | None = None
    folder: Path | None = None
    base: str | None = None
    trust: Trust = NO_TRUST
    settings: Settings | None = None
    defaults: Settings | None = None
    endpoint: Endpoint | None = None
    shape: Shape | None = None
    note: str | None = None
    selected_on_test: tuple[str, ...] = ()
    row_file: Path | None = None

    @property
    def settings_id(self) -> str | None:
        """The digest of a first stage, or of settings that differ from the defaults, else None."""
        if self.endpoint is not None:
            return self.endpoint.digest()
        own = None
        if self.settings is not None and self.settings != self.defaults:
            own = self.settings.digest()
        return own if self.first_stage is None else self.first_stage.digest(own)

    @property
    def computed_by(self) -> str:
        """Who computes it, in words; a library by its name."""
        return "its server" if self.loader == "endpoint" else self.loader

    @property
    def short_revision(self) -> str:
        """Eight digits of the revision, for headers."""
        return self.revision.removeprefix("sha256-")[:8]

    @property
    def variant_label(self) -> str:
        """The label, with layer, size, precision and first stage where it is not used plainly."""
        parts = [self.label]
        if self.settings is not None and self.settings.layer is not None:
            parts.append(f"layer {self.settings.layer}")
        if self.settings is not None and self.settings.size is not None:
            parts.append(f"size {self.settings.size}")
        if self.endpoint is not None and self.endpoint.dimensions is not None:
            parts.append(f"size {self.endpoint.dimensions}")
        if self.settings is not None and self.settings.precision != "float32":
            parts.append(self.settings.precision)
        if self.first_stage is not None:
            parts.append(f"on {self.first_stage.label}")
        return " ".join(parts)

    def required_settings(self) -> Settings:
        """The settings of a checkpoint that this package loads itself."""
        if self.settings is None:
            raise ValueError(
                f"{self.name} is loaded by {self.computed_by}, without settings of ours"
            )
        return self.settings

    def header(self, tasks: Iterable[tuple[str, str]]) -> str:
        """The first line of a run: label, revision, pooling, prompt on these tasks, dtype.

        Args:
            tasks: Pairs of task name and type.
        """
        head = f"{self.label}@{self.short_revision}"
        if self.endpoint is not None:
            prompts = self.endpoint.prompts.summary(tasks)
            return f"{head} · {prompts} · computed by {self.endpoint.url}"
        if self.first_stage is not None:
            head += f" on {self.first_stage.label}"
        if self.settings is None:
            what = "" if self.kind == "encoder" else f" · {self.kind}"
            return f"{head}{what} · loaded by {self.loader}"
        used = self.settings
        parts = [head, str(used.pooling), used.prompts.summary(tasks), used.dtype]
        parts += [] if used.quantization is None else [used.quantization]
        parts += [] if used.attention == "auto" else [used.attention]
        if used.bidirectional_start is not None:
            parts.append(f"bidirectional from layer {used.bidirectional_start}")
        return " · ".join([*parts, "compiled"] if used.compile else parts)
