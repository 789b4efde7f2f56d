"""What came of a run, as values, frames and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.checkpoints.folder.saved_steps import SavedTraining
    from angle_bench.checkpoints.spec import ModelSpec
    from angle_bench.evaluation.run.failure import Failure
    from angle_bench.evaluation.run.jobs import Job
    from angle_bench.evaluation.run.outcome import ModelOutcome
    from angle_bench.reporting.tables.table import Table
    from angle_bench.suites.task import Suite

WIDTH = 120  # columns of a table that is shown in a notebook or a prompt


@dataclass(frozen=True, repr=False)
class RunResult:
    """What came of a run.

    Attributes:
        jobs: The models with their tasks and what came of each.
        suites: What is shown together.
        suite: All tasks.
        trainings: Whose steps are among the models.
        limit: How many samples a task a smoke run took; its scores are comparable with nothing.
    """

    jobs: "Sequence[Job]"
    suites: "Sequence[Suite]"
    suite: "Suite"
    trainings: "Sequence[SavedTraining]" = ()
    limit: int | None = None

    @property
    def outcomes(self) -> "list[ModelOutcome]":
        """Models, and the variants of them, in their order."""
        return [outcome for job in self.jobs for outcome in job.variants]

    @property
    def labels(self) -> list[str]:
        """What tables call them."""
        return [outcome.spec.variant_label for outcome in self.outcomes]

    @property
    def failures(self) -> "dict[str, dict[str, Failure]]":
        """By model and task why there is no score; empty where all is well."""
        return {
            outcome.spec.variant_label: dict(outcome.failures)
            for outcome in self.outcomes
            if outcome.failures
        }

    def all_failures(self) -> "Iterator[tuple[str, str, Failure]]":
        """Label, task and failure, one after the other."""
        for label, failures in self.failures.items():
            for task, failure in failures.items():
                yield label, task, failure

    @property
    def exit_code(self) -> int:
        """What the command ends with: 1 where a task failed."""
        return 1 if self.failures else 0

    def table_of(self, outcomes: "Sequence[ModelOutcome]", suite: "Suite") -> "Table":
        """Scores of some models on a suite, as the reports have them."""
        from angle_bench.evaluation.run.record import model_record
        from angle_bench.reporting.tables.run_table import stored_row
        from angle_bench.reporting.tables.table import Table

        rows = [
            stored_row(o.spec.variant_label, model_record(o.spec), suite, o.answers)
            for o in outcomes
        ]
        return Table(suite, tuple(rows))

    def to_dataframe(self) -> "pd.DataFrame":
        """All metrics, tidy: a row for each model, task, split, subset and metric.

        Columns as in `angle_bench.scores`; scores are in points (×100).
        """
        from angle_bench.api.objects.run_frame import tidy_of

        return tidy_of(self.outcomes)

    def table(self) -> "pd.DataFrame":
        """One row a model, one column a task, and the suite's mean; in points.

        A model with missing tasks has no mean. A suite with private tasks has a column `public`,
        the mean of the others. `attrs` has unit, suite and signatures.
        """
        import pandas as pd

        from angle_bench.reporting.formats.json_csv import points
        from angle_bench.suites import averages

        table = self.table_of(self.outcomes, self.suite)
        names = [task.name for task in self.suite.task]
        data = {
            name: [points(row.cells[at].score) for row in table.rows]
            for at, name in enumerate(names)
        }
        if len(names) > 1:
            data["mean"] = [points(table.average(row)) for row in table.rows]
        if averages.public(self.suite):
            means = [averages.mean_of_public(self.suite, row.scores) for row in table.rows]
            data["public"] = [points(mean) for mean in means]
        index = pd.Index([row.label for row in table.rows], dtype="str", name="model")
        found = pd.DataFrame(data, index=index).astype("float64")
        signatures = {row.label: row.signature for row in table.rows}
        found.attrs |= {"unit": "points", "suite": self.suite.signature, "signatures": signatures}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench run --json`; scores are in points."""
        from angle_bench.api.objects.training_curves import step_json
        from angle_bench.files.toml import user_files
        from angle_bench.reporting.tables.run_table import as_json

        rows = as_json(self.table_of(self.outcomes, self.suite))
        for row, outcome in zip(rows, self.outcomes, strict=True):
            spec, used = outcome.spec, outcome.spec.settings
            row["name"] = spec.name
            row["revision"] = spec.revision
            row["settings"] = spec.settings_id
            row["layer"] = None if used is None else used.layer
            row["size"] = None if used is None else used.size
            if spec.endpoint is not None:
                row["size"] = spec.endpoint.dimensions
                row["endpoint"] = spec.endpoint.recorded()
                row["tokens"] = outcome.tokens
                row["usd"] = spec.endpoint.cost(outcome.tokens)
            row["precision"] = None if used is None else used.precision
            row["vector_bytes"] = _vector_bytes(spec)
            row |= step_json(self.trainings, outcome)
            row["row_file"] = None if spec.row_file is None else str(spec.row_file)
            row["folder"] = str(outcome.folder.path)
            row["failures"] = {name: vars(failure) for name, failure in outcome.failures.items()}
        return {
            "suite": self.suite.name,
            "version": self.suite.version,
            "unit": "points",
            "own_files": list(map(str, user_files())),
            "models": rows,
        }

    def to_text(self, width: int = WIDTH) -> str:
        """For every suite the single models in one table, curves of trainings, a grid per model.

        Tasks that other shards compute are in no table.

        Args:
            width: The columns that a table may take.
        """
        from angle_bench.api.objects.training_curves import curves
        from angle_bench.reporting.tables.grid import Grid

        blocks: list[str] = []
        for suite in filter(None, map(self._narrowed, self.suites)):
            plain = [job.variants[0] for job in self.jobs if len(job.variants) == 1]
            if plain:
                table = self.table_of(plain, suite)
                blocks.append(_signed(table, width))
                blocks += [curve.text() for curve in curves(self.trainings, plain, table)]
            for job in self.jobs:
                if len(job.variants) > 1:
                    label = job.variants[0].spec.label
                    grid = Grid(label, self.table_of(job.variants, suite), _axes(job.variants))
                    blocks.append(_signed(grid, width))
        return "\n\n".join(blocks)

    def __repr__(self) -> str:
        """What the command prints, and what failed."""
        failed = [f"{label} {task}: {each.what}" for label, task, each in self.all_failures()]
        return "\n".join(part for part in (self.to_text(), *failed) if part)

    def _repr_html_(self) -> str:
        from html import escape

        shown = self.table().map(lambda score: "–" if score != score else f"{score:.2f}")
        failed = [f"{label} {task}: {each.what}" for label, task, each in self.all_failures()]
        below = "".join(f"<li>{escape(line)}</li>" for line in failed)
        return f"{shown.to_html()}{f'<ul>{below}</ul>' if below else ''}"

    def _narrowed(self, suite: "Suite") -> "Suite | None":
        """A suite without the tasks that no model has here; None where none is left."""
        here = {task.name for job in self.jobs for task in job.suite.task}
        kept = tuple(task for task in suite.task if task.name in here)
        return suite.model_copy(update={"task": kept}) if kept else None


def _signed(table: Any, width: int) -> str:
    """A table or grid with what stands under it."""
    return "\n".join(part for part in (table.text(width), table.footer()) if part)


def _vector_bytes(spec: "ModelSpec") -> int | None:
    """What a vector takes at its size and precision; None where its length is not known."""
    from angle_bench.reporting.tables.grid import vector_bytes

    if spec.endpoint is not None:
        return vector_bytes(spec.endpoint.size, "float32")
    if spec.settings is None or spec.shape is None:
        return None
    return vector_bytes(spec.settings.size or spec.shape.width, spec.settings.precision)


def _axes(group: "Sequence[ModelOutcome]") -> list[tuple[int | None, int, str]]:
    """Layer, size and precision of each variant; of a server's nobody knows the layer."""
    spec = group[0].spec
    if spec.endpoint is not None:
        served = [outcome.spec.endpoint for outcome in group]
        return [(None, one.size, "float32") for one in served if one is not None]
    assert spec.shape is not None
    used = [outcome.spec.required_settings() for outcome in group]
    return [
        (
            spec.shape.layers if one.layer is None else one.layer,
            one.size or spec.shape.width,
            one.precision,
        )
        for one in used
    ]
