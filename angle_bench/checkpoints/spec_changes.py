"""Settings that may explain why a checkpoint does not score what was published, one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.spec import POOLINGS, Settings
from angle_bench.checkpoints.templates import NAMED, named

LENGTHS = (128, 256, 512)
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Change:
    """One setting changed.

    Attributes:
        name: What a person reads, such as `pooling mean`.
        settings: All settings with the change.
        free: Whether the vectors come from the same forward pass as without the change.
    """

    name: str
    settings: Settings
    free: bool = False


def single_changes(settings: Settings, longest: int, half: bool) -> list[Change]:
    """Every setting that could explain a gap, changed alone.

    Args:
        settings: Those that were measured.
        longest: The most tokens that the checkpoint takes.
        half: Whether 16-bit dtypes are worth trying, which a CPU computes slowly.
    """
    changes = [*_poolings(settings), *_prompts(settings), *_lengths(settings, longest)]
    if half:
        changes += [
            _changed(f"dtype {name}", settings, dtype=name)
            for name in DTYPES
            if name != settings.dtype
        ]
    prepared = not settings.prepare_sentence
    name = "sentence preparation" if prepared else "no sentence preparation"
    return [*changes, _changed(name, settings, prepare_sentence=prepared)]


def _poolings(settings: Settings) -> Iterator[Change]:
    for pooling in POOLINGS:
        if pooling not in (settings.pooling, "cls_avg_v0", "all"):
            yield _changed(f"pooling {pooling}", settings, free=True, pooling=pooling)
    if settings.pooling != "cls_avg_v0":
        yield _changed("pooling cls_avg_v0", settings, pooling="cls_avg_v0")


def _prompts(settings: Settings) -> Iterator[Change]:
    for template in NAMED.values():
        policy = PromptPolicy(default=template)
        if policy != settings.prompts:
            yield _changed(f"prompt {named(template)}", settings, prompts=policy)


def _lengths(settings: Settings, longest: int) -> Iterator[Change]:
    for length in LENGTHS:
        if length != settings.max_length and length <= longest:
            yield _changed(f"max_length {length}", settings, max_length=length)


def _changed(name: str, settings: Settings, *, free: bool = False, **changes: Any) -> Change:
    return Change(name, settings.with_changes(**changes), free)
