"""Score one task with mteb: load and check its data, evaluate, keep per-item predictions."""

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import mteb
from mteb.abstasks import AbsTaskRetrieval, AbsTaskSTS
from mteb.results import TaskResult
from mteb.timing import TimingStack

from angle_bench.errors import DataError, ModelError, first_line
from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder
from angle_bench.evaluation.scoring.candidates import rank_candidates
from angle_bench.evaluation.scoring.checks import Findings, check
from angle_bench.evaluation.scoring.corpus_search import CorpusSearch
from angle_bench.evaluation.scoring.loaded_rows import (
    pair_columns,
    pair_rows,
    parts,
    read_columns_at_once,
)
from angle_bench.evaluation.scoring.per_item import Scores, kept_predictions
from angle_bench.evaluation.scoring.sample import keep_some
from angle_bench.evaluation.scoring.verify import Verification, verify
from angle_bench.evaluation.task_data import Located, stage
from angle_bench.evaluation.user_tasks.build import own_task
from angle_bench.evaluation.user_tasks.task_types import OwnData
from angle_bench.results.predictions import Predictions
from angle_bench.results.ranked_documents import RankedDocuments
from angle_bench.suites.task import Task


@dataclass(frozen=True)
class ScoredTask:
    """What came of a task."""

    result: TaskResult
    predictions: Sequence[Predictions]
    verification: Verification
    warnings: tuple[str, ...] = ()
    ranked: Sequence[RankedDocuments] = ()


@dataclass(frozen=True)
class Prepared:
    """A task with its data loaded and checked.

    Attributes:
        random: The states that the task draws from, as they were at first.
        warnings: What the user should know of the data.
    """

    task: Task
    mteb_task: mteb.AbsTask
    verification: Verification
    random: tuple[Any, Any]
    warnings: tuple[str, ...] = ()

    def texts(self) -> list[str]:
        """All texts of a task that compares pairs, as often as they occur; of others none."""
        return [text for pair in self.pairs() for text in pair]

    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of an STS task; of others none."""
        if not isinstance(self.mteb_task, AbsTaskSTS):
            return []
        columns = pair_columns(self.mteb_task)
        found: list[tuple[str, str]] = []
        for subset, split in parts(self.mteb_task, self.task):
            rows = pair_rows(self.mteb_task, subset, split)
            found += zip(rows[columns.first][:], rows[columns.second][:], strict=True)
        return found

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
        findings = check(mteb_task, task)
        if located.limit is not None:
            keep_some(mteb_task, task.splits, located.limit)
        read_columns_at_once(mteb_task, task)
        random = copy.deepcopy((mteb_task.rng_state, mteb_task.np_rng))
        verification = verify(mteb_task, task, located)
        if located.candidates is not None:
            rank_candidates(mteb_task, task, located.candidates)
        skipped = [line for read in located.read.values() for line in read.skipped]
        warnings = (*skipped, *data_warnings(findings, verification))
        return Prepared(task, mteb_task, verification, random, warnings)
    except BaseException:
        if mteb_task.data_loaded:
            mteb_task.unload_data()
        raise


def data_warnings(findings: Findings, verification: Verification) -> tuple[str, ...]:
    """What the user should know of data, if it may be scored.

    Raises:
        DataError: It is in doubt, and neither MTEB's own nor for a smoke run.
    """
    if findings.doubts and verification.verdict not in ("hub", "equal", "smoke run"):
        raise findings.doubts[0]
    doubts = (f"{doubt.what} It is scored as it is." for doubt in findings.doubts)
    return (*findings.warnings, *doubts)


def score(encoder: Any, prepared: Prepared, batch: int) -> ScoredTask:
    """Evaluate an encoder, anything that mteb evaluates, on a task.

    The task evaluates itself: `mteb.evaluate` would do the same after importing
    sentence-transformers, which takes longer than scoring stored vectors.

    Args:
        encoder: What mteb evaluates.
        prepared: The task.
        batch: How many texts it is handed at once.

    Raises:
        ModelError: The main score is no number.
    """
    task, mteb_task = prepared.task, prepared.mteb_task
    timer = TimingStack()
    started = time.monotonic()
    model: Any = encoder
    if isinstance(mteb_task, AbsTaskRetrieval) and isinstance(encoder, SentenceEncoder):
        model = CorpusSearch(encoder)  # type: ignore[arg-type]  # it takes lists of strings, too
    # a task draws from a state that advances: every encoder meets the one it began with
    mteb_task.rng_state, mteb_task.np_rng = copy.deepcopy(prepared.random)
    with kept_predictions(mteb_task, task) as kept:
        scores = {
            split: mteb_task.evaluate(
                model,
                split,
                list(mteb_task.hf_subsets),
                encode_kwargs={"batch_size": batch, "show_progress_bar": False},
                prediction_folder=kept.folder,
                timer=timer,
            )
            for split in task.splits
        }
        _refuse_nan(prepared, scores)
        predictions = kept.predictions(scores)
    result = TaskResult.from_task_results(
        mteb_task,
        scores,
        evaluation_time=time.monotonic() - started,
        date=datetime.now(tz=UTC),
        evaluation_phases=timer.phases or None,
    )
    return ScoredTask(
        result, predictions, prepared.verification, prepared.warnings, tuple(kept.ranked)
    )


def _refuse_nan(prepared: Prepared, scores: Scores) -> None:
    few = prepared.verification.verdict == "smoke run"
    for split, by_subset in scores.items():
        for subset, row in by_subset.items():
            if not math.isfinite(row["main_score"]):
                raise ModelError(
                    f"{prepared.task.name} {subset}/{split} has no {prepared.task.metric}: it is "
                    f"{row['main_score']}. "
                    + ("The samples are too few." if few else "The vectors do not differ."),
                    "a larger --limit" if few else "--dtype float32, or another checkpoint",
                )


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
            said = " (private)" if task.private else ""
            token = " and HF_TOKEN of an account that may read it" if task.private else ""
            raise DataError(
                f"the data set {task.dataset}{said} could not be fetched from the hub: {reason}",
                f"--mirror DIR with DIR/{task.dataset}/{folder}{task.splits[0]}.parquet, "
                f"or the same command with a network{token}",
            ) from error
        first, *others = located.files.values()
        places = f"{first} and {len(others)} more" if others else f"{first}"
        raise DataError(
            f"{places} cannot be loaded as {task.type} data: {reason}",
            f"the file of {task.dataset} copied there again",
        ) from error
