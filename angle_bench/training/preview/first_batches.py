"""The first batches of a recipe: what they hold, how long they are, what is cut."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.training.data.dataset import Example
from angle_bench.training.recipe.recipe import Recipe

MEASURED = 8  # batches that say how many tokens a batch has
SHOWN = 4  # rows of the first batch that are decoded


@dataclass(frozen=True)
class ShownText:
    """A text of the first batch, as the model gets it."""

    text: str
    tokens: int


@dataclass(frozen=True)
class ShownRow:
    """A row of the first batch."""

    row: int
    label: float | None
    texts: Sequence[ShownText]


def first_rows(recipe: Recipe, examples: Iterator[Example]) -> list[list[Example]]:
    """The rows of the first batches."""
    size = recipe.train.batch_size
    chunks = (list(itertools.islice(examples, size)) for _ in range(MEASURED))
    return [chunk for chunk in chunks if chunk]


def collated(
    recipe: Recipe, spec: ModelSpec, place: CheckpointPaths, chunks: Sequence[Sequence[Example]]
) -> list[tuple[Any, Any]]:
    """The first batches, each with the tokenizer that made it."""
    # these bring torch
    from angle_bench.checkpoints.loading.backbone import refuse_gradient_checkpointing
    from angle_bench.checkpoints.loading.tokenizer import load_tokenizer
    from angle_bench.training.data.collate import Collator

    if recipe.model.gradient_checkpointing:
        refuse_gradient_checkpointing(place.whole, place.trust)
    tokenizer = load_tokenizer(place)
    collate = Collator(tokenizer, spec.required_settings(), recipe.prompts, recipe.train.seed)
    return [(collate(chunk), tokenizer) for chunk in chunks]


def shown_rows(batch: Any, tokenizer: Any) -> list[ShownRow]:
    """The first rows of a batch, each text as the model gets it."""
    each = batch["texts_per_row"]
    lengths = batch["attention_mask"].sum(1).tolist()
    found = []
    for number, row in enumerate(batch["row_ids"].tolist()[:SHOWN]):
        texts = [
            ShownText(tokenizer.decode(batch["input_ids"][place][: lengths[place]]), lengths[place])
            for place in range(number * each, (number + 1) * each)
        ]
        label = round(float(batch["labels"][number]), 4) if "labels" in batch else None
        found.append(ShownRow(row, label, texts))
    return found


def mean_tokens(batches: Sequence[tuple[Any, Any]]) -> int:
    """Tokens of a batch, with its padding, on average."""
    return round(sum(_forwarded(batch) for batch, _ in batches) / len(batches))


def _forwarded(batch: Any) -> int:
    """Tokens of a batch that go through the model, padding between texts of like lengths too."""
    from angle_bench.training.model.grouping import OVERHEAD, grouped  # brings torch

    groups = grouped(batch["lengths"], OVERHEAD["cpu"])
    sizes = zip(groups.texts, groups.longest, strict=True)
    return sum(len(texts) * longest for texts, longest in sizes)


def lines_of_cut(spec: ModelSpec, batches: Sequence[tuple[Any, Any]]) -> list[str]:
    """A line that counts texts of the first batches that are cut, if any is."""
    cut = sum(batch["cut"] for batch, _ in batches)
    texts = sum(len(batch["lengths"]) for batch, _ in batches)
    limit = spec.required_settings().max_length
    return [f"of the first {texts:,} texts {cut:,} are cut to {limit} tokens"] if cut else []
