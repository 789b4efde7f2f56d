"""How the best checkpoint is found: the benchmark's own path, on splits for choosing."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.encoding.encoder import Encoder, TextsDone
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.errors import DataError, UsageError, fix_said_as
from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
from angle_bench.evaluation.encoders.run_encoder import LOADER_BATCH
from angle_bench.evaluation.scoring.score import Prepared, prepare, score
from angle_bench.evaluation.task_data import locate
from angle_bench.results.training_record import TrainingRecord
from angle_bench.suites import averages
from angle_bench.suites.select import find_all, joined
from angle_bench.suites.shipped import suites
from angle_bench.suites.task import Suite, Task
from angle_bench.training.model.distributed import RankWorkers
from angle_bench.training.model.fsdp import asked, outer_weights
from angle_bench.training.model.student import Student

# fixed, since what is measured would round a score otherwise on another day
BATCH_TOKENS = {"cpu": 4096, "cuda": 65536, "mps": 16384}
FOR_CHOOSING = {"dev", "development", "val", "valid", "validation", "train"}
DEV_SUITE = "-dev"


def selection_suite(text: str) -> Suite | None:
    """The suite that a recipe chooses by; None where it chooses nothing.

    Raises:
        UsageError: There is none of this name, or it holds an aggregate.
    """
    if not text:
        return None
    with fix_said_as("-t ", "--set select.suite="):
        suite = joined(find_all([text]))
    if whole := [task.name for task in suite.task if task.parts]:
        raise UsageError(
            f"select.suite {text} holds {whole[0]}, which is the mean of others.",
            f"--set select.suite={suite.task[0].name}",
        )
    return suite


def test_splits(suite: Suite) -> tuple[str, ...]:
    """The splits of a suite that are for testing, such as `STSBenchmark test`.

    Those are what a suite of this package or a benchmark of mteb scores, and of other tasks every
    split whose name does not say that it is for choosing.
    """
    return tuple(
        f"{task.name} {split}"
        for task in suite.task
        for split in task.splits
        if split not in FOR_CHOOSING or _scored_elsewhere(task, split)
    )


def _scored_elsewhere(task: Task, split: str) -> bool:
    return any(
        other.name == task.name and split in other.splits
        for suite in suites().values()
        if not suite.name.endswith(DEV_SUITE)
        for other in suite.task
    )


def refuse_test_splits(suite: Suite, allowed: bool) -> tuple[str, ...]:
    """The test splits that a recipe chooses by, where that is allowed.

    Raises:
        UsageError: A test split chooses, and that is not allowed.
    """
    found = test_splits(suite)
    if found and not allowed:
        raise UsageError(
            f"select.suite {suite.name} scores {', '.join(found)}, which "
            f"{'is' if len(found) == 1 else 'are'} for testing: a checkpoint that was chosen by "
            "them looks better than it is.",
            "--set select.suite=STSB-dev; or --select-on-test, which marks all its scores",
        )
    return found


@dataclass
class _Listening(Encoder):
    """An encoder that remembers the texts it was asked for."""

    heard: dict[str, None] = field(default_factory=dict)

    def encode(
        self,
        texts: Sequence[str],
        template: str = "",
        done: TextsDone | None = None,
        output: int = 0,
    ) -> Vectors:
        self.heard |= dict.fromkeys(texts)
        return super().encode(texts, template, done, output)


class Selection:
    """Scores a candidate while it is trained.

    Args:
        suite: What it is chosen by.
        student: What is trained.
        spec: The checkpoint that it started from, for names and prompts.
        mirror: Local data.

    Attributes:
        data: The revision of each task's data, by its name.

    Raises:
        DataError: The data of a task is not here, or not what the task needs.
    """

    def __init__(
        self, suite: Suite, student: Student, spec: ModelSpec, mirror: Path | None
    ) -> None:
        self.suite = suite
        self._student = student
        loaded = [_loaded(task, mirror) for task in suite.task]
        self._prepared = [prepared for prepared, _ in loaded]
        self.data = {each.task.name: revision for each, revision in loaded}
        worker = RankWorkers(student.forward(), alike=asked())
        self._encoder = _Listening(
            load_tokenizer=lambda: student.tokenizer,
            settings=student.settings,
            width=student.dimension,
            start=lambda: worker,
            batch_tokens=BATCH_TOKENS[torch.device(worker.loaded.device).type],
        )
        checkpoint = Checkpoint(
            folder=Path(),
            name=spec.name,
            revision=spec.revision,
            content="",
            settings=student.settings,
            parameters=worker.loaded.parameters,
        )
        trained = spec.model_copy(update={"settings": student.settings})
        self._mteb = MtebEncoder(trained, self._encoder, checkpoint)

    def score(self) -> float:
        """The mean main score of the suite, from 0 to 1, with the weights as they are now.

        Nothing that training draws is touched.

        Raises:
            ModelError: The candidate's vectors are not finite, or do not differ.
        """
        module = self._student.module
        training = module.training
        module.eval()
        try:
            with untouched_random(), outer_weights(module):
                scored = [score(self._mteb, each, LOADER_BATCH) for each in self._prepared]
                scores = [each.result.get_score() for each in scored]
        finally:
            module.train(training)
        found = averages.overall(self.suite, scores)
        assert found is not None  # every task was scored
        return found

    def record(self, record: TrainingRecord) -> None:
        """Note what the candidate is chosen by: every text that was scored, and every pair."""
        for text in self._encoder.heard:
            record.text(text)
        for prepared in self._prepared:
            for first, second in prepared.pairs():
                record.pair(first, second)


def _loaded(task: Task, mirror: Path | None) -> tuple[Prepared, str]:
    """A task with its data, and the revision of these."""
    try:
        located = locate(task, mirror)
        return prepare(task, located), located.revision
    except DataError as error:
        raise DataError(
            f"the checkpoint is to be chosen by {task.name}: {error.what}",
            f"{error.fix}; or --set 'select.suite=\"\"', which keeps the last checkpoint",
        ) from error


@contextmanager
def untouched_random() -> Iterator[None]:
    """Random states are afterwards what they were before."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        yield
    random.setstate(python)
    np.random.set_state(numpy)
