"""What comes of a model, or of one layer and size of it, over a suite."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.evaluation.run.failure import Failure, record_failure
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import StoredTask
from angle_bench.suites.task import Suite


@dataclass
class ModelOutcome:
    """What came of one model.

    Attributes:
        kept: Tasks that were stored before.
        scored: Tasks that this run scored.
        stored: What the folder holds of tasks, kept or scored, and of the parts of aggregates.
        failures: Tasks without a score, with the reason.
        seconds: Time spent on this model and its variants, loading included.
        texts: Texts that the encoder was asked for; 0 where mteb's own encoder ran.
        tokens: That a server counted, and somebody may pay; 0 where none computed vectors.
    """

    spec: ModelSpec
    folder: ModelFolder
    kept: list[str] = field(default_factory=list)
    scored: list[str] = field(default_factory=list)
    stored: dict[str, StoredTask] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    seconds: float = 0.0
    texts: int = 0
    tokens: int = 0

    @classmethod
    def of(cls, spec: ModelSpec, root: Path) -> "ModelOutcome":
        """An empty outcome."""
        return cls(spec, ModelFolder(root, spec.name, spec.revision, spec.settings_id))

    @property
    def answers(self) -> dict[str, StoredTask]:
        """The tasks with a score, those that were kept first."""
        return {name: self.stored[name] for name in (*self.kept, *self.scored)}

    def scores(self, suite: Suite) -> dict[str, float]:
        """The main scores of a suite's tasks as fractions, of those that have one."""
        answers = self.answers
        return {
            task.name: answers[task.name].result.main_score(task)
            for task in suite.task
            if task.name in answers
        }

    def keep(self, task: str) -> None:
        """A task is answered by what others, or earlier runs, have stored."""
        if task not in (*self.kept, *self.scored, *self.failures):
            self.kept.append(task)

    def failed(self, task: str, error: Exception, command: Sequence[str]) -> Failure:
        """Record a failure of a task."""
        failure = record_failure(self.folder, self.spec, task, error, command)
        self.failures[task] = failure
        return failure

    def summary(self) -> dict[str, Any]:
        """What the record of the command says."""
        return {
            "folder": str(self.folder.path),
            "kept": self.kept,
            "scored": self.scored,
            "failed": {name: failure.what for name, failure in self.failures.items()},
        }
