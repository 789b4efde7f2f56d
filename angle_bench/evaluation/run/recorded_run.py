"""A run with a record of the command that is there from its start."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.record import RunRecord
from angle_bench.evaluation.run.run_options import Options
from angle_bench.evaluation.run.runner import run


def recorded(
    jobs: Sequence[Job], options: Options, asked: Mapping[str, Any], progress: Progress
) -> None:
    """Run the jobs.

    Args:
        jobs: The models with their tasks; their outcomes are filled in place.
        options: Where results go, where data is, how it is computed.
        asked: What the record says of the question.
        progress: Told what happens, and closed at the end.
    """
    outcomes = [outcome for job in jobs for outcome in job.variants]
    record = RunRecord(options.root, options.command, asked)
    record.write({}, None)
    code = 1
    try:
        with closing(progress):
            run(jobs, options, progress)
        code = 1 if any(outcome.failures for outcome in outcomes) else 0
    except KeyboardInterrupt:
        code = 130
        raise
    finally:
        record.write({o.spec.variant_label: o.summary() for o in outcomes}, code)
