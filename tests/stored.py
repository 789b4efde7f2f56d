"""Results folders made on the spot: real files, scores from numpy."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from angle_bench.checkpoints.spec import Settings
from angle_bench.files.atomic import write_json
from angle_bench.reporting.statistics.measures import Spearman
from angle_bench.results.find.stored_models import StoredModel, stored_models
from angle_bench.results.layout import ModelFolder
from angle_bench.results.predictions import PairPredictions, predictions_file
from angle_bench.results.text_hash import pair_hash, text_hash
from angle_bench.results.training_texts import FILE_NAME, SCHEMA
from angle_bench.suites.task import Suite, Task

WORDS = ["a", "man", "eats", "the", "red", "apple", "while", "two", "dogs", "run"]
MEAN = Settings(pooling="mean", max_length=256)


def task(name: str, **changes: Any) -> Task:
    row = {"name": name, "type": "STS", "dataset": "o/d", "revision": "r", "splits": ("test",)}
    return Task.model_validate({**row, "metric": "cosine_spearman", **changes})


class Pairs:
    """Made-up pairs of sentences that share sentences, and scores of made-up models on them."""

    def __init__(self, name: str, count: int = 120, seed: int = 0) -> None:
        random = np.random.default_rng([seed, *name.encode()])
        sentences = [
            f"{name} {number} {' '.join(random.choice(WORDS, 4))}" for number in range(count)
        ]
        picked = random.integers(0, count, size=(count, 2))
        self.text1 = [sentences[at] for at in picked[:, 0]]
        self.text2 = [sentences[at] for at in picked[:, 1]]
        self.gold = np.round(random.uniform(0, 5, count), 1)

    def scores(self, noise: float, seed: int) -> np.ndarray:
        """Of a model that is the further from the gold scores, the more noise it has."""
        random = np.random.default_rng(seed)
        return np.asarray(self.gold / 5 + noise * random.normal(size=len(self.gold)))

    def part(
        self, scores: np.ndarray, subset: str = "default", split: str = "test"
    ) -> PairPredictions:
        """As predictions of one subset and split."""
        return PairPredictions(subset, split, self.text1, self.text2, self.gold, scores)


class Recorded(TypedDict, total=False):
    """What a run record says; what is left out is made up."""

    settings: Settings
    label: str | None
    checkpoint: Path | None
    command: Sequence[str]


class Results:
    """A results folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(
        self,
        name: str,
        task: str,
        *parts: PairPredictions,
        revision: str | None = None,
        data: str = "local-0123456789abcdef",
        settings_id: str | None = None,
        mteb: str = "2.26.24",
        **recorded: Unpack[Recorded],
    ) -> ModelFolder:
        """Store a task's pairs, its record and its result."""
        folder = ModelFolder(self.root, name, revision or made_up_revision(name), settings_id)
        scores = {
            (part.split, part.subset): Spearman(
                np.asarray(part.gold, float), np.asarray(part.score, float)
            ).value()
            for part in parts
        }
        self.record(folder, task, **recorded)
        predictions_file(folder.predictions(task), parts).write(folder.predictions(task))
        self.result(folder, task, scores, data, mteb)
        return folder

    def put_table(
        self, name: str, task: str, table: Mapping[str, Sequence[Any]], score: float
    ) -> ModelFolder:
        """Store predictions of any kind with the score that they are said to give."""
        folder = ModelFolder(self.root, name, made_up_revision(name))
        self.record(folder, task)
        pq.write_table(pa.table(dict(table)), folder.predictions(task))
        self.result(folder, task, {("test", "default"): score}, "r")
        return folder

    def record(self, folder: ModelFolder, task: str, **recorded: Unpack[Recorded]) -> None:
        settings = recorded.get("settings", MEAN)
        checkpoint = recorded.get("checkpoint")
        model = {
            "name": folder.name,
            "label": recorded.get("label") or folder.name.rpartition("/")[2],
            "revision": folder.revision,
            "loader": "transformers",
            "folder": None if checkpoint is None else str(checkpoint),
            "base": None,
            "settings": settings.canonical(),
            "settings_digest": settings.digest(),
        }
        command = list(recorded.get("command", ()))
        write_json(folder.record(task), {"task": task, "model": model, "command": command})

    def result(
        self,
        folder: ModelFolder,
        task: str,
        scores: Mapping[tuple[str, str], float],
        data: str = "r",
        mteb: str = "2.26.24",
    ) -> None:
        splits: dict[str, list[dict[str, Any]]] = {}
        for (split, subset), score in scores.items():
            splits.setdefault(split, []).append({"hf_subset": subset, "main_score": score})
        head = {"task_name": task, "dataset_revision": data, "mteb_version": mteb}
        write_json(folder.result(task), {**head, "scores": splits})

    def model(self, name: str) -> StoredModel:
        """The stored model of a label or name."""
        stored = stored_models(self.root)
        (found,) = [one for one in stored if name in (one.label, one.name)]
        return found


def made_up_revision(name: str) -> str:
    """A content of its own for every name."""
    return f"sha256-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def suite(*tasks: Task, average: str = "tasks") -> Suite:
    return Suite.model_validate({"name": "S", "version": "1", "average": average, "task": tasks})


def put_training(checkpoint: Path, pairs: Sequence[tuple[str, str]], texts: Sequence[str]) -> None:
    """What training would leave in a checkpoint's folder."""
    rows = [("pair", pair_hash(text_hash(a), text_hash(b))) for a, b in pairs]
    rows += [("text", text_hash(text)) for text in texts]
    columns = {"kind": [kind for kind, _ in rows], "hash": [value for _, value in rows]}
    pq.write_table(pa.table(columns, schema=SCHEMA), checkpoint / FILE_NAME)
