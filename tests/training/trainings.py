"""Short trainings of tiny checkpoints on word salad."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.training.loop.fine_tune import fine_tune
from angle_bench.training.loop.schedule import Stop
from angle_bench.training.loop.trained import Trained
from angle_bench.training.loop.training_events import TrainingProgress
from angle_bench.training.loop.training_request import TrainingRequest
from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import WORDS, sts_rows, write_rows


def sentence(random_: random.Random) -> str:
    return " ".join(random_.choices(WORDS, k=random_.randint(3, 9)))


def rows_of(format: str, count: int = 24, seed: int = 0, *, lists: bool = False) -> list[Any]:
    """Rows of a format; with `lists` every text column holds two texts."""
    random_ = random.Random(f"{format} {seed}")

    def text() -> Any:
        return [sentence(random_), sentence(random_)] if lists else sentence(random_)

    columns = {
        "A": ("text1", "text2"),
        "B": ("query", "positive"),
        "C": ("query", "positive", "negative"),
    }[format]
    rows: list[dict[str, Any]] = [{name: text() for name in columns} for _ in range(count)]
    if format == "A":
        for number, row in enumerate(rows):
            row["label"] = float(number % 2)
    return rows


def recipe_of(
    folder: Path, start: Path, format: str = "A", *, lists: bool = False, **sections: Any
) -> Recipe:
    """A recipe on rows that are written beside it; two epochs of three steps."""
    place = folder / f"rows-{format}{'-lists' if lists else ''}.jsonl"
    if not place.is_file():
        write_rows(place, rows_of(format, lists=lists))
    given: dict[str, Any] = {
        "data": {"train": [{"path": str(place)}]},
        "select": {"suite": ""},
        **sections,
    }
    given["model"] = {"name": str(start), "pooling": "mean", **sections.get("model", {})}
    given["train"] = {
        "epochs": 2,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "log_steps": 1,
        **sections.get("train", {}),
    }
    return Recipe.model_validate(given)


class Seen(TrainingProgress):
    """Keeps what a training says; `stop_after` stops it at a step."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop = Stop()
        self.parts: list[Mapping[str, float]] = []
        self.scores: list[tuple[int, float, bool]] = []
        self.saved_at: list[str] = []
        self.warnings: list[str] = []
        self._stop_after = stop_after

    def step(self, done: int) -> None:
        self.stop.asked = done == self._stop_after

    def logged(self, step: int, parts: Mapping[str, float], learning_rate: float) -> None:
        self.parts.append(parts)

    def evaluated(self, step: int, score: float, best: bool) -> None:
        self.scores.append((step, score, best))

    def saved(self, place: Path) -> None:
        self.saved_at.append(place.name)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    @property
    def losses(self) -> list[float]:
        return [sum(parts.values()) for parts in self.parts]


def trained(
    recipe: Recipe, folder: Path, seen: Seen | None = None, **request: Any
) -> tuple[Trained, Seen]:
    """Train, and what was said meanwhile."""
    watch = seen or Seen()
    access = LoadOptions(base=recipe.model.base, mirror=request.pop("mirror", None))
    done = fine_tune(
        recipe, TrainingRequest(folder, access, device="cpu", **request), watch, watch.stop
    )
    return done, watch


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a candidate."""
    adapter = folder / "adapter_model.safetensors"
    return load_file(adapter if adapter.is_file() else folder / "model.safetensors")


def assert_same_weights(one: Path, other: Path, atol: float = 0.0) -> None:
    """Bit for bit, or as near as is said."""
    mine, its = weights(one), weights(other)
    assert mine.keys() == its.keys()
    for name, weight in mine.items():
        assert torch.allclose(weight, its[name], atol=atol, rtol=0), name


def dev_mirror(folder: Path, count: int = 40) -> Path:
    """A mirror with a development part of STS-B in word salad."""
    write_rows(folder / "mteb/stsbenchmark-sts/validation.jsonl", sts_rows(count, seed=7))
    return folder
