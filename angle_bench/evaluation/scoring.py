"""Score one task with mteb: load and check its data, evaluate, keep per-item predictions."""

import copy
import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import datasets
import mteb
from mteb.abstasks import AbsTaskSTS
from mteb.results import TaskResult
from mteb.timing import TimingStack

from angle_bench.errors import DataError, first_line
from angle_bench.evaluation.adapter import MtebEncoder
from angle_bench.evaluation.data import Located, stage
from angle_bench.evaluation.own_tasks import OwnData, own_task
from angle_bench.evaluation.verify import Verification, verify
from angle_bench.results.predictions import PairPredictions, Predictions
from angle_bench.results.suites import Task

# our encoder cuts its own batches by tokens; others forward what the loader hands them
LOADER_BATCH = 512
LOADER_BATCH_OF_OTHERS = 32


@dataclass(frozen=True)
class Scored:
    """What came of a task."""

    result: TaskResult
    predictions: Sequence[Predictions]
    verification: Verification


@dataclass(frozen=True)
class Prepared:
    """A task with its data loaded and checked."""

    task: Task
    mteb_task: mteb.AbsTask
    verification: Verification
    random: tuple[Any, Any]

    def texts(self) -> list[str]:
        """All texts of a task that compares pairs, as often as they occur; of others none."""
        if not isinstance(self.mteb_task, AbsTaskSTS):
            return []
        return [
            text
            for subset in self.mteb_task.hf_subsets
            for split in self.task.splits
            for name in _columns(self.mteb_task)
            for text in pairs_of(self.mteb_task, subset, split)[name][:]
        ]

    def release(self) -> None:
        """Let go of the data."""
        if self.mteb_task.data_loaded:
            self.mteb_task.unload_data()


def prepare(task: Task, located: Located) -> Prepared:
    """Load and check a task's data.

    Args:
        task: What the suite asks for.
        located: Where the data is.

    Raises:
        DataError: The data cannot be loaded, or is not what the task needs.
    """
    mteb_task = build(task, located)
    try:
        _load_data(mteb_task, task, located)
        if isinstance(mteb_task, AbsTaskSTS):
            _check_pairs(mteb_task, task)
        random = copy.deepcopy((mteb_task.rng_state, mteb_task.np_rng))
        return Prepared(task, mteb_task, verify(mteb_task, task, located), random)
    except BaseException:
        if mteb_task.data_loaded:
            mteb_task.unload_data()
        raise


def score(encoder: Any, prepared: Prepared) -> Scored:
    """Evaluate an encoder, anything that mteb evaluates, on a task.

    The task evaluates itself: `mteb.evaluate` would do the same after importing
    sentence-transformers, which takes longer than scoring stored vectors.
    """
    task, mteb_task = prepared.task, prepared.mteb_task
    timer = TimingStack()
    started = time.monotonic()
    # a task draws from a state that advances: every encoder meets the one it began with
    mteb_task.rng_state, mteb_task.np_rng = copy.deepcopy(prepared.random)
    with tempfile.TemporaryDirectory(prefix="angle-bench-") as folder:
        scores = {
            split: mteb_task.evaluate(
                encoder,
                split,
                list(mteb_task.hf_subsets),
                encode_kwargs={"batch_size": _loader_batch(encoder), "show_progress_bar": False},
                prediction_folder=Path(folder),
                timer=timer,
            )
            for split in task.splits
        }
        predictions: Sequence[Predictions] = _pair_predictions(mteb_task, task, Path(folder))
        if isinstance(mteb_task, OwnData):
            predictions = mteb_task.predictions(Path(folder)) or predictions
    result = TaskResult.from_task_results(
        mteb_task,
        scores,
        evaluation_time=time.monotonic() - started,
        date=datetime.now(tz=UTC),
        evaluation_phases=timer.phases or None,
    )
    return Scored(result, predictions, prepared.verification)


def _loader_batch(encoder: Any) -> int:
    return LOADER_BATCH if isinstance(encoder, MtebEncoder) else LOADER_BATCH_OF_OTHERS


def build(task: Task, located: Located) -> mteb.AbsTask:
    """The mteb task with this project's splits, subsets, data and revision."""
    if task.own:
        made = own_task(task, located)
    else:
        subsets, splits = list(task.subsets), list(task.splits)
        made = mteb.get_task(task.name, eval_splits=splits, hf_subsets=subsets)
    if isinstance(made, OwnData):  # which reads the files as they are
        return made
    source = made.metadata.dataset | {"revision": located.revision}
    if located.files:
        source["path"] = str(stage(task, located))
        made.fast_loading = False  # it wants one merged file with a column lang, not a folder each
    made.metadata = made.metadata.model_copy(update={"dataset": source})
    return made


def _load_data(mteb_task: mteb.AbsTask, task: Task, located: Located) -> None:
    try:
        mteb_task.load_data()
    except DataError:  # an own task says what is wrong
        raise
    except Exception as error:  # transport, parser and builder errors share no base
        cause = error.__cause__ or error
        reason = first_line(cause)
        if located.origin == "hub":
            folder = "" if task.subsets == ("default",) else f"{task.subsets[0]}/"
            raise DataError(
                f"the data set {task.dataset} could not be fetched from the hub: {reason}",
                f"--mirror DIR with DIR/{task.dataset}/{folder}{task.splits[0]}.parquet, "
                "or the same command with a network",
            ) from error
        first, *others = located.files.values()
        places = f"{first} and {len(others)} more" if others else f"{first}"
        raise DataError(
            f"{places} cannot be loaded as {task.type} data: {reason}",
            f"the file of {task.dataset} copied there again",
        ) from error


def pairs_of(mteb_task: mteb.AbsTask, subset: str, split: str) -> datasets.Dataset:
    """The rows of a subset and split of a loaded task."""
    loaded: Any = mteb_task.dataset
    if subset not in loaded and subset == "default":
        return loaded[split]
    return loaded[subset][split]


def _check_pairs(mteb_task: AbsTaskSTS, task: Task) -> None:
    first, second = _columns(mteb_task)
    for subset in mteb_task.hf_subsets:
        for split in task.splits:
            rows = pairs_of(mteb_task, subset, split)
            where = f"{task.dataset} {subset}/{split}"
            absent = [name for name in (first, second, "score") if name not in rows.column_names]
            if absent:
                raise DataError(
                    f"{where} has no column {', '.join(absent)}; its columns are "
                    f"{', '.join(rows.column_names)}.",
                    f"a file with the columns {first}, {second} and score",
                )
            if len(rows) == 0:
                raise DataError(f"{where} has no rows.", "a file with the pairs of this split")
            _check_gold(rows["score"][:], where)


def _check_gold(gold: Sequence[Any], where: str) -> None:
    for index, value in enumerate(gold):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise DataError(
                f"{where} row {index} has the gold score {value!r}, which is no number.",
                "a file whose column score holds numbers only",
            )


def _columns(mteb_task: AbsTaskSTS) -> tuple[str, str]:
    first, second = mteb_task.column_names
    return str(first), str(second)


def _pair_predictions(mteb_task: mteb.AbsTask, task: Task, folder: Path) -> list[PairPredictions]:
    if not isinstance(mteb_task, AbsTaskSTS):
        return []
    saved = json.loads((folder / mteb_task.prediction_file_name).read_text(encoding="utf-8"))
    key = "cosine_scores" if task.metric.startswith("cosine") else "similarity_scores"
    first, second = _columns(mteb_task)
    parts = []
    for subset in mteb_task.hf_subsets:
        for split in task.splits:
            rows = pairs_of(mteb_task, subset, split)
            parts.append(
                PairPredictions(
                    subset=subset,
                    split=split,
                    text1=rows[first][:],
                    text2=rows[second][:],
                    gold=rows["score"][:],
                    score=saved[subset][split][key],
                )
            )
    return parts
