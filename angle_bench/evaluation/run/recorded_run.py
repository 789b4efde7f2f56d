"""A run with a record of the command that is there from its start, and grows with it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, cast

from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.record import RunRecord
from angle_bench.evaluation.run.run_options import Options
from angle_bench.evaluation.run.runner import run

NEWS = ("model", "scored", "failed")  # after which the record is written


def recorded(
    jobs: Sequence[Job], options: Options, asked: Mapping[str, Any], progress: Progress
) -> None:
    """Run the jobs.

    Args:
        jobs: The models with their tasks; their outcomes are filled in place.
        options: Where results go, where data is, how it is computed.
        asked: What the record says of the question; by its `work` others see how far all is.
        progress: Told what happens, and closed at the end.
    """
    outcomes = [outcome for job in jobs for outcome in job.variants]
    record = RunRecord(options.root, options.command, asked)

    def note(code: int | None = None) -> None:
        record.write({o.spec.variant_label: o.summary() for o in outcomes}, code)

    code = 1
    with record.held():
        note()
        try:
            with closing(progress):
                run(jobs, options, cast(Progress, _Noted(progress, note)))
            code = 1 if any(outcome.failures for outcome in outcomes) else 0
        except KeyboardInterrupt:
            code = 130
            raise
        finally:
            note(code)


class _Noted:
    """A watcher of a run; the record is written after what it is told of."""

    def __init__(self, progress: Progress, note: Callable[[], None]) -> None:
        self._progress = progress
        self._note = note

    def __getattr__(self, name: str) -> Any:
        told = getattr(self._progress, name)
        if name not in NEWS:
            return told

        def told_and_noted(*given: Any) -> None:
            told(*given)
            self._note()

        return told_and_noted
