"""Weights & Biases: a run for each model, online or as WANDB_MODE says."""

import os
from pathlib import Path

from angle_bench.evaluation.tracking.model_report import PROJECT, ModelReport

LOGIN_SECONDS = 30  # that somebody at a terminal has for the key


class WandbTracker:
    """Runs in the project WANDB_PROJECT; wandb itself reads the other variables of its own."""

    def report(self, model: ModelReport) -> str:
        """Config, scores as a summary, and tables.

        Returns:
            The page of the run, or its folder where it is kept here.
        """
        import wandb

        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            name=model.name,
            group=model.group,
            job_type="evaluation",
            config=dict(model.config),
            reinit="create_new",  # a run that the caller has open stays as it is
            settings=wandb.Settings(console="off", silent=True, login_timeout=LOGIN_SECONDS),
        )
        with run:
            tables = {
                name: wandb.Table(columns=list(each.columns), data=list(map(list, each.rows)))
                for name, each in model.tables.items()
            }
            run.log({**model.metrics, **tables})
            if model.failures:
                run.summary["failures"] = dict(model.failures)
        return str(Path(run.dir).parent if run.offline else run.url)
