"""Results prepared for mteb's results repository."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.words import Names, Places, listed, place, public, warn
from angle_bench.api.objects.value import Value
from angle_bench.errors import ResultsError

if TYPE_CHECKING:
    from angle_bench.evaluation.submission import SubmittedFile


@dataclass(frozen=True, repr=False)
class Submission(Value):
    """What mteb's results repository takes of stored results, and what it would refuse.

    Attributes:
        to: The folder, which `mteb submit-results` takes.
        files: Every result file that was asked for.
        written: Whether those that are taken were copied.
    """

    to: Path
    files: "tuple[SubmittedFile, ...]"
    written: bool

    @property
    def refused(self) -> "tuple[SubmittedFile, ...]":
        """The files that the repository would refuse, each with the reason."""
        return tuple(file for file in self.files if file.refusal)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench submit --json`."""
        return {
            "to": str(self.to),
            "written": self.written,
            "files": [file.values() for file in self.files],
        }

    def to_text(self) -> str:
        """What is taken, then what is refused, by model and reason."""
        taken = [file for file in self.files if not file.refusal]
        lines = [f"{file.place}" for file in taken]
        reasons: dict[tuple[str, str], list[str]] = {}
        for file in self.refused:
            reasons.setdefault((file.model, file.refusal), []).append(file.task)
        lines += [
            f"refused: {model}: {', '.join(tasks)}: {why}"
            for (model, why), tasks in reasons.items()
        ]
        return "\n".join([*lines, f"{len(taken)} of {len(self.files)} files are taken"])


@public
def submit(
    to: Places,
    *,
    models: Names = (),
    tasks: Names = (),
    results: Places = "results",
    dry_run: bool = False,
) -> Submission:
    """Prepare stored results for mteb's results repository; needs neither torch nor mteb.

    Args:
        to: The folder that is to hold them, as `results/…` in it.
        models: Names, labels or globs; by default all.
        tasks: What would stand after `-t`; by default all.
        results: The results folder.
        dry_run: Whether nothing is written.

    Returns:
        Every file, with the reason why the repository would refuse it.

    Raises:
        UsageError: A name is unknown.
        ResultsError: There are no results, or the folder cannot be written.

    Examples:
        >>> submit("for-mteb", models="tuned", dry_run=True).refused[0].refusal
        "the model is not in mteb's registry; add its ModelMeta to mteb first"
    """
    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.evaluation.scored.scored_models import find_rows
    from angle_bench.evaluation.submission import submitted_files, write_submission
    from angle_bench.results.find.stored_models import stored_models
    from angle_bench.suites.select import select

    lines: list[str] = []
    stored = stored_models(place(results), lines)
    chosen = [folder for model in stored for folder in model.folders]
    if named := listed(models):
        rows = find_rows(named, stored, LoadOptions(), "TASKS", lines)
        chosen = [folder for row in rows for model in row.models for folder in model.folders]
    asked = listed(tasks)
    wanted = frozenset(task.name for task in select(asked).task) if asked else None
    files = submitted_files(chosen, wanted)
    if not files:
        raise ResultsError(f"{place(results)} holds no result that is asked for.", "-r RESULTS")
    if not dry_run:
        write_submission(files, place(to))
    warn(lines)
    return Submission(place(to), tuple(files), not dry_run)
