"""A task's failure: two lines for the user, the traceback on disk."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import (
    MEMORY_FIX,
    AngleBenchError,
    ResultsError,
    first_line,
    no_memory,
)
from angle_bench.evaluation.run.record import model_record, utc_now
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import write_failure


@dataclass(frozen=True)
class Failure:
    """Why a task has no score, and what to type."""

    what: str
    fix: str


def record_failure(
    folder: ModelFolder, spec: ModelSpec, task: str, error: Exception, command: Sequence[str]
) -> Failure:
    """Keep a failure on disk with its traceback; where that fails too, the failure says so."""
    failure = _failure(error, folder, task)
    try:
        write_failure(
            folder,
            task,
            {
                "task": task,
                "model": model_record(spec),
                "error": failure.what,
                "fix": failure.fix,
                "traceback": "".join(traceback.format_exception(error)),
                "command": list(command),
                "utc": utc_now(),
            },
        )
    except ResultsError as unwritten:
        if not isinstance(error, ResultsError):
            fix = failure.fix if failure.fix == MEMORY_FIX else unwritten.fix  # for want of memory
            return Failure(f"{failure.what} And {unwritten.what}", fix)
    return failure


def _failure(error: Exception, folder: ModelFolder, task: str) -> Failure:
    if isinstance(error, AngleBenchError):
        return Failure(error.what, error.fix)
    if no_memory(error):
        return Failure("memory ran out.", MEMORY_FIX)
    what = f"{type(error).__name__}: {first_line(error)}"
    return Failure(what, f"less {folder.error(task)}, which holds the traceback")
