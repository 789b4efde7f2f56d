"""MLflow: a run for each model, where MLFLOW_TRACKING_URI says."""

import json
import os
from typing import TYPE_CHECKING

from angle_bench.evaluation.tracking.model_report import PROJECT, ModelReport

if TYPE_CHECKING:
    from mlflow import MlflowClient


class MlflowTracker:
    """Runs in the experiment MLFLOW_EXPERIMENT_NAME; a run that the caller has open stays."""

    def report(self, model: ModelReport) -> str:
        """Parameters, scores as metrics, tables and the whole report as artifacts.

        Returns:
            The store, and the run's number in it.
        """
        from mlflow import MlflowClient, get_tracking_uri
        from mlflow.entities import Param

        client = MlflowClient()
        tags = {"suite": model.group, "signature": str(model.config["signature"])}
        run = client.create_run(_experiment(client), tags=tags, run_name=model.name)
        number = run.info.run_id
        params = [Param(key, str(value)) for key, value in model.config.items()]
        client.log_batch(number, params=params)
        for name, score in model.metrics.items():
            client.log_metric(number, name, score)
        for name, table in model.tables.items():
            client.log_table(number, table.by_column(), f"{name}.json")
        whole = {"config": dict(model.config), "failures": dict(model.failures)}
        client.log_text(number, json.dumps(whole, indent=1, ensure_ascii=False), "report.json")
        client.set_terminated(number, "FAILED" if model.failures else "FINISHED")
        return f"run {number} in {get_tracking_uri()}"


def _experiment(client: "MlflowClient") -> str:
    """The number of the experiment, which is made where there is none."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)
