"""What a run is about: models, each with the tasks to score it on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from angle_bench.evaluation.run.outcome import ModelOutcome
from angle_bench.suites.task import Suite


@dataclass(frozen=True)
class Job:
    """A model and what it is to be scored on.

    Attributes:
        variants: The layers and sizes of the model; one where none are asked for. They are filled
            in place, so that an interrupted run still says how far it came.
        suite: The tasks.
    """

    variants: Sequence[ModelOutcome]
    suite: Suite

    def only(self, names: Collection[str]) -> "Job":
        """The same model with the tasks of these names, or with aggregates that have such parts."""
        kept = [
            task for task in self.suite.task if task.name in names or set(task.parts) & set(names)
        ]
        return Job(self.variants, self.suite.model_copy(update={"task": tuple(kept)}))
