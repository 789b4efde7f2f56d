"""Weights & Biases: a run for each model, online or as WANDB_MODE says."""

import os

from angle_bench.evaluation.tracking.model_report import PROJECT, ModelReport


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
            settings=wandb.Settings(console="off", silent=True),
        )
        with run:
            tables = {
                name: wandb.Table(columns=list(each.columns), data=list(map(list, each.rows)))
                for name, each in model.tables.items()
            }
            run.log({**model.metrics, **tables})
            if model.failures:
                run.summary["failures"] = dict(model.failures)
        return run.url or str(run.dir)
