"""The weighted average of checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.api.calling.arguments import access_of
from angle_bench.api.calling.progress_bars import WarningsOnly, in_python
from angle_bench.api.calling.words import Places, place, public
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.errors import UsageError, fix_said_as
from angle_bench.extras import needs_all


@dataclass(frozen=True)
class MergedPart:
    """A checkpoint of an average.

    Attributes:
        label: What it is called in words.
        name: Its name.
        revision: Its commit, or the hash of its files.
        weight: How much of the average it is, from 0 to 1.
    """

    label: str
    name: str
    revision: str
    weight: float


@dataclass(frozen=True, repr=False)
class Merged(Value):
    """An average of checkpoints.

    Attributes:
        output: The new folder.
        parts: What it was made of.
    """

    output: Path
    parts: tuple[MergedPart, ...]

    def __fspath__(self) -> str:
        """The folder, for whatever takes a path."""
        return str(self.output)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench merge --json`."""
        parts = [
            {"name": part.name, "revision": part.revision, "weight": part.weight}
            for part in self.parts
        ]
        return {"output": str(self.output), "parts": parts}

    def to_text(self) -> str:
        """The folder, and how much of it each checkpoint is."""
        parts = " + ".join(f"{part.weight:.3g} x {part.label}" for part in self.parts)
        return f"saved {self.output}  {parts}"


@public
def merge(
    models: Sequence[Places],
    output: Places,
    weights: Sequence[float] | None = None,
    *,
    mirror: Places | None = None,
    base: Places | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    pooling: str | int | None = None,
    prompt: str | None = None,
    max_length: int | None = None,
    dtype: str | None = None,
) -> Merged:
    """Average the weights of checkpoints (a model soup); `angle_bench.load(output)` is the result.

    Args:
        models: What would stand after `-m`, two or more of one architecture. Of LoRA adapters of
            one base the average is exact, at the sum of their ranks.
        output: The new folder.
        weights: How much each counts, in relation to the others; all the same without.
        mirror: A folder with models under their hub ids.
        base: The base of adapters, where the recorded one is elsewhere.
        trust_remote_code: Whether Python files that come with the checkpoints may run.
        allow_pickle: Whether weights may be read that are no safetensors.
        pooling: Used for all of them, and recorded in the result.
        prompt: Likewise.
        max_length: Likewise.
        dtype: Likewise.

    Returns:
        The folder, which can be passed wherever a path can, and its parts.

    Raises:
        UsageError: There is no such setting, the checkpoints are unlike in theirs, or the folder
            holds something else.
        ModelError: Their weights, configs, tokenizers or bases are unlike.
        ResultsError: The folder cannot be written.

    Examples:
        >>> merge(["out/seed-1", "out/seed-2"], "soup", weights=[1, 3])
        saved soup  0.25 x seed-1 + 0.75 x seed-2
    """
    if isinstance(models, str | Path):
        raise UsageError("an average is of several checkpoints.", "a list of two or more")
    changes = Overrides(pooling=pooling, prompt=prompt, max_length=max_length, dtype=dtype)
    return merged(
        [str(model) for model in models],
        place(output),
        weights,
        changes=changes,
        access=access_of(mirror, base, trust_remote_code, allow_pickle),
        command=["angle_bench.merge"],
        progress=in_python(True),
    )


def merged(
    paths: Sequence[str],
    output: Path,
    weights: Sequence[float] | None,
    *,
    changes: Overrides,
    access: LoadOptions,
    command: Sequence[str],
    progress: WarningsOnly,
) -> Merged:
    """As `merge`, with all that the command line can ask."""
    needs_all("merge")

    from angle_bench.checkpoints.resolve import resolve

    with fix_said_as("-m ", "angle-bench merge "):
        specs = [resolve(path, changes, access) for path in paths]
    for note in dict.fromkeys(f"{spec.label}: {spec.note}" for spec in specs if spec.note):
        progress.warning(note)

    from angle_bench.training.merging.merge import merge as write
    from angle_bench.training.merging.merge import shares_of

    written = write(specs, output, weights, command)
    shares = shares_of(specs, weights)
    parts = tuple(
        MergedPart(spec.label, spec.name, spec.revision, share)
        for spec, share in zip(specs, shares, strict=True)
    )
    return Merged(written, parts)
