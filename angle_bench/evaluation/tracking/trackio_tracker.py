"""Trackio: a run for each model, in a local database or where TRACKIO_SPACE_ID says."""

import os
import sys
from contextlib import redirect_stdout

from angle_bench.evaluation.tracking.model_report import PROJECT, ModelReport


class TrackioTracker:
    """Runs in the project TRACKIO_PROJECT; trackio itself reads the other variables of its own."""

    def report(self, model: ModelReport) -> str:
        """Config, scores and tables.

        Returns:
            The project, and the name of the run in it.
        """
        import pandas as pd
        import trackio

        project = os.environ.get("TRACKIO_PROJECT") or PROJECT
        with redirect_stdout(sys.stderr):  # stdout is the command's own
            run = trackio.init(
                project=project,
                name=model.name,
                group=model.group,
                config=dict(model.config) | {"failures": dict(model.failures)},
                embed=False,
            )
            tables = {
                name: trackio.Table(dataframe=pd.DataFrame(table.by_column()))
                for name, table in model.tables.items()
            }
            run.log({**model.metrics, **tables})
            trackio.finish()
        return f"run {run.name} of {project}"
