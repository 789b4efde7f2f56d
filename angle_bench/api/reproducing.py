"""Does a checkpoint score what was published, and if not, why."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.arguments import access_of
from angle_bench.api.calling.progress_bars import Quiet, in_python
from angle_bench.api.calling.run_plan import refuse_computing
from angle_bench.api.calling.words import Names, Places, listed, place, public
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.errors import ResultsError, UsageError, fix_said_as
from angle_bench.evaluation.run.run_options import Computing, StoreOptions
from angle_bench.extras import needs_all

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.evaluation.reproduce import Attempt, ReproduceVerdict

UNEXPLAINED = 3


@dataclass(frozen=True, repr=False)
class Reproduction(Value):
    """What came of a reproduction.

    Attributes:
        verdict: What was published and measured; scores are in points.
    """

    verdict: "ReproduceVerdict"

    @property
    def matches(self) -> bool:
        """Whether no task differs by more than the tolerance."""
        return self.verdict.matches

    @property
    def explained(self) -> bool:
        """Whether a change of one setting leaves no gap."""
        return self.verdict.explained

    @property
    def exit_code(self) -> int:
        """What the command ends with: 3 for a gap that nothing explains."""
        if not self.matches and not self.explained:
            return UNEXPLAINED
        return 1 if self.verdict.failures else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench reproduce --json`; scores are in points."""
        verdict = self.verdict
        return {
            "unit": "points",
            "published": [each.model_dump(mode="json") for each in verdict.published],
            "tasks": verdict.tasks,
            "tolerance": verdict.tolerance,
            "measured": _attempt(verdict.measured),
            "changes": [_attempt(each) for each in verdict.attempts],
            "closest": verdict.closest.change if verdict.closest else None,
            "matches": verdict.matches,
            "explained": verdict.explained,
            "failures": verdict.failures,
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """A row for each task: published, measured, gap; in points."""
        import pandas as pd

        first = self.verdict.published[0].scores
        measured = self.verdict.measured.scores
        names = self.verdict.tasks
        found = pd.DataFrame(
            {
                "task": pd.Series(names, dtype="str"),
                "published": [float(first.get(name, math.nan)) for name in names],
                "measured": [float(measured.get(name, math.nan)) for name in names],
            }
        )
        found["gap"] = found["measured"] - found["published"]
        found.attrs["unit"] = "points"
        return found

    def to_text(self) -> str:
        """What the command prints."""
        from angle_bench.api.objects.reproduction_text import text

        return text(self.verdict)


@public
def reproduce(
    model: str,
    *,
    tasks: Names = (),
    tolerance: float = 0.05,
    results: Places = "results",
    device: str = "auto",
    batch_tokens: int | None = None,
    mirror: Places | None = None,
    base: Places | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    progress: bool = True,
) -> Reproduction:
    """Measure a model against its published scores; where they differ, name what explains it.

    Args:
        model: A model with published scores.
        tasks: What would stand after `-t`; by default the suite that was published.
        tolerance: The largest gap of a task that counts as none, in points.
        results: The results folder.
        device: `auto`, `cpu`, `cpu:4`, `cuda`, `cuda:0,cuda:2` or `mps`.
        batch_tokens: Maximum padded tokens per batch; measured by default.
        mirror: A folder with models and data under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        trust_remote_code: Whether Python files that come with a checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.
        progress: Whether progress is shown on stderr.

    Raises:
        UsageError: The name is unknown, or nothing was published that could be measured.
        ResultsError: Nothing could be measured.

    Examples:
        >>> reproduce("all-MiniLM-L6-v2", tasks="STS12", mirror="data/").matches
        True
    """
    access = access_of(mirror, base, trust_remote_code, allow_pickle)
    return measured(
        model,
        tasks=listed(tasks),
        tolerance=tolerance,
        results=place(results),
        changes=Overrides(),
        access=access,
        computing=Computing(device, batch_tokens),
        store_options=StoreOptions(),
        command=["angle_bench.reproduce"],
        progress=in_python(progress),
    )


def measured(
    model: str,
    *,
    tasks: list[str],
    tolerance: float,
    results: Path,
    changes: Overrides,
    access: LoadOptions,
    computing: Computing,
    store_options: StoreOptions,
    command: Sequence[str],
    progress: Quiet,
) -> Reproduction:
    """As `reproduce`, with all that the command line can ask."""
    needs_all("reproduce")
    if not 0 <= tolerance < math.inf:
        raise UsageError(f"--tolerance {tolerance} is no difference in points.", "--tolerance 0.05")
    refuse_computing(computing, store_options.folder)

    from angle_bench.checkpoints.reference import ModelRef
    from angle_bench.checkpoints.registry.registry import find
    from angle_bench.checkpoints.resolve import resolve

    with fix_said_as("-m ", "angle-bench reproduce "):
        spec = resolve(model, changes, access)
    entry = find(ModelRef.parse(model).name) or find(spec.name)

    from angle_bench.evaluation.reproduce import published_of
    from angle_bench.evaluation.reproduce import reproduce as measure
    from angle_bench.evaluation.run.run_options import Options
    from angle_bench.evaluation.task_data import check_mirror
    from angle_bench.results.layout import results_root

    suite, published = published_of(entry, model, tasks)
    options = Options(
        mirror=check_mirror(access.mirror),
        root=results_root(results, write=True),
        computing=computing,
        store_options=store_options,
        command=command,
    )
    with progress:
        verdict = measure(spec, published, suite, options, progress, tolerance)
    if verdict is None:
        raise ResultsError(
            "nothing could be measured.", "the same command, once what the errors say is mended"
        )
    return Reproduction(verdict)


def _attempt(attempt: "Attempt") -> dict[str, Any]:
    return {
        "change": attempt.change or None,
        "scores": {name: round(score, 4) for name, score in attempt.scores.items()},
        "mean": round(attempt.mean, 4),
        "largest_gap": attempt.largest,
        "task": attempt.where,
    }
