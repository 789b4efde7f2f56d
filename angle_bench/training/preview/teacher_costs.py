"""What teachers add to memory and time of a training, as far as their files say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.weights import outside_embeddings
from angle_bench.training.data.dataset import Example
from angle_bench.training.preview.checkpoint_size import (
    QUANTIZED,
    parameters_of,
    shapes_of,
)
from angle_bench.training.teachers.teaching import Teaching

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}


@dataclass(frozen=True)
class TeacherCost:
    """What a teacher costs.

    Attributes:
        memory: Bytes of its weights.
        inside: Parameters that every token is multiplied with.
        tokens: That go through it in the whole training.
        dtype: In which it computes; None is the training's.
        cut: A line, where its own length cuts texts of the first batches.
        left_out: Who is not counted here, and why; empty where everything is.
    """

    memory: int = 0
    inside: int = 0
    tokens: int = 0
    dtype: str | None = None
    cut: str = ""
    left_out: str = ""


def teacher_costs(
    taught: Sequence[Teaching],
    places: Sequence[CheckpointPaths | None],
    chunks: Sequence[Sequence[Example]],
    tokens: int,
    batches: int,
    once: int | None,
) -> list[TeacherCost]:
    """What the teachers of a training cost.

    Args:
        taught: The teachers.
        places: Where each is; None where it would have to be downloaded.
        chunks: The rows of the first batches.
        tokens: Of the candidate in a batch, padding included.
        batches: Of the whole training.
        once: The batches that hold each text of the data once, which is when a teacher of
            similarities computes it; None where that is not known.
    """
    return [
        _cost(each, place, chunks, tokens, batches, once)
        for each, place in zip(taught, places, strict=True)
    ]


def _cost(
    teaching: Teaching,
    place: CheckpointPaths | None,
    chunks: Sequence[Sequence[Example]],
    tokens: int,
    batches: int,
    once: int | None,
) -> TeacherCost:
    label, settings = teaching.spec.label, teaching.spec.settings
    if place is None:
        return TeacherCost(left_out=f"the teacher {label}, whose files are not here")
    if settings is None or teaching.spec.loader != "transformers":
        return TeacherCost(left_out=f"the teacher {label}, which {teaching.spec.loader} computes")
    parameters = parameters_of(shapes_of(place.whole))
    if not parameters:
        return TeacherCost(left_out=f"the teacher {label}, whose weights are no safetensors")
    size = QUANTIZED.get(settings.quantization or "", BYTES[settings.dtype])
    memory, used = round(parameters * size), outside_embeddings(place.whole, parameters)
    if teaching.section.compare == "vectors":
        return TeacherCost(memory, used, tokens * batches)
    made = _batches(teaching, place, chunks)
    own = sum(map(_distinct_tokens, made)) // max(1, len(made))
    passes = batches if once is None else min(batches, once)
    return TeacherCost(memory, used, own * passes, settings.dtype, _cut(teaching, made))


def _batches(
    teaching: Teaching, place: CheckpointPaths, chunks: Sequence[Sequence[Example]]
) -> list[Any]:
    """The first batches in a teacher's own tokens and prompts."""
    # these bring torch
    from angle_bench.checkpoints.loading.tokenizer import load_tokenizer
    from angle_bench.training.data.collate import Collator

    collate = Collator(load_tokenizer(place), teaching.spec.required_settings())
    return [collate(chunk) for chunk in chunks]


def _distinct_tokens(batch: Any) -> int:
    return sum(dict(zip(batch["distinct"], batch["lengths"], strict=True)).values())


def _cut(teaching: Teaching, made: Sequence[Any]) -> str:
    cut = sum(batch["cut"] for batch in made)
    if not cut:
        return ""
    texts = sum(len(batch["lengths"]) for batch in made)
    limit, label = teaching.spec.required_settings().max_length, teaching.spec.label
    return f"of the first {texts:,} texts the teacher {label} cuts {cut:,} to {limit} tokens"
