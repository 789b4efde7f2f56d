"""Is a candidate better than the base, and how sure is that?"""

import math
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from angle_bench.api.calling.words import Names, Places, listed, place, public, warn
from angle_bench.api.objects.comparison import Candidate, Comparison
from angle_bench.errors import AngleBenchError, ResultsError, UsageError

if TYPE_CHECKING:
    from angle_bench.evaluation.scored.scored_models import Named
    from angle_bench.reporting.comparison.comparison_table import ComparisonTable as Found
    from angle_bench.suites.task import Suite


@public
def compare(
    base: str,
    *candidates: str,
    tasks: Names = "STS",
    results: Places = "results",
    model_names: Names = (),
    seen: bool = False,
    margin: float = 0.30,
    method: Literal["sentences", "pairs"] = "sentences",
    allow_different: bool = False,
    mirror: Places | None = None,
) -> Comparison:
    """Compare stored scores on the same items: differences, intervals, verdicts.

    Args:
        base: What the others are compared with: a name, a label or a folder with scores.
        candidates: Likewise, or a glob; `LABEL=A,B,C` are seeds of a recipe.
        tasks: What would stand after `-t`.
        results: The results folder.
        model_names: `[FOLDER=]NAME` where files and path do not say the model's name.
        seen: Whether the verdict is on the items that no training saw.
        margin: A difference below it counts as none, in points.
        method: `pairs` resamples pairs as if they shared no sentence.
        allow_different: Whether models may be compared that are used differently.
        mirror: A folder with checkpoints under their hub ids.

    Returns:
        Verdicts by candidate. A candidate without scores is in `errors`, and warned of.

    Raises:
        UsageError: A name is unknown, or the models are used differently.
        ResultsError: The base, or every candidate, has no scores.

    Examples:
        >>> c = compare("base", "tuned", tasks="STS")
        >>> c["tuned"].verdict, c["tuned"].p < 0.001
        ('better', True)
    """
    _refuse(candidates, margin, method, seen)

    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.evaluation.scored.scored_models import find_scored
    from angle_bench.reporting.comparison.compare import compare as compare_sides
    from angle_bench.reporting.comparison.comparison_table import How
    from angle_bench.reporting.comparison.pairing import Side
    from angle_bench.results.find.stored_models import stored_models
    from angle_bench.suites.select import select

    suite = select(listed(tasks))
    lines: list[str] = []
    stored = stored_models(place(results), lines, listed(model_names))
    access = LoadOptions.of(None, None if mirror is None else place(mirror), False, False)
    found = find_scored([base, *candidates], stored, access, ",".join(listed(tasks)), lines)
    if found.errors and (found.lacks_first or len(found.groups) < 2):
        raise found.errors[0]
    first, *others = [Side.of(group.label, group.models, lines) for group in found.groups]
    if not others:
        raise UsageError(
            "all words have one label, so nothing is left to compare.",
            "angle-bench compare BASE OTHER",
        )
    how = How(margin / 100, method, seen, allow_different)
    compared = compare_sides(first, others, suite, how)
    common = _common(found.groups) if compared.scored_nowhere else ()
    lacking, never = _missing(compared, suite)
    result = Comparison(
        base=first.label,
        candidates={row.label: Candidate.of(row) for row in compared.rows},
        found=compared,
        errors=(*found.errors, *lacking),
        warnings=(*lines, *never, *compared.warnings),
        common_tasks=tuple(common),
    )
    warn([*result.warnings, *(error.what for error in result.errors)])
    return result


def _refuse(candidates: tuple[str, ...], margin: float, method: str, seen: bool) -> None:
    if not candidates:
        raise UsageError("no candidate is named.", "angle-bench compare BASE CANDIDATE")
    if not 0 <= margin < math.inf:
        raise UsageError(f"--margin {margin} is no difference in points.", "--margin 0.30")
    if method not in ("sentences", "pairs"):
        raise UsageError(f"there is no method {method}.", "--method sentences, or --method pairs")
    if seen and method == "pairs":
        raise UsageError(
            "--seen clusters on sentences; pairs cannot.", "the command without --method"
        )


def _common(groups: "Sequence[Named]") -> list[str]:
    """The tasks that every model has a file of."""
    from angle_bench.suites.names import known_task

    files = [
        frozenset().union(*(folder.files for folder in model.folders))
        for group in groups
        for model in group.models
    ]
    return sorted(name for name in frozenset.intersection(*files) if known_task(name) is not None)


def _missing(comparison: "Found", suite: "Suite") -> tuple[list[AngleBenchError], list[str]]:
    """What has no scores, with the command that makes them; and what can have none."""
    from angle_bench.evaluation.run.scorable import scores_type

    types = {task.name: task.type for task in suite.task}
    errors: list[AngleBenchError] = []
    said: list[str] = []
    for name, tasks in comparison.missing.items():
        model = comparison.model(name)
        kind = str(model.record.get("kind", "encoder"))
        again = bool(model.first_stage)
        wanted = [task for task in tasks if scores_type(kind, again, types[task])]
        if left := [task for task in tasks if task not in wanted]:
            why = "with a first stage" if again else f"a {kind}"
            said.append(f"{name}, {why}, cannot be scored on {', '.join(left)}")
        if wanted:
            words = ["angle-bench", "run", *model.run_words(), "-t", ",".join(wanted)]
            errors.append(
                ResultsError(f"{name} has no scores of {', '.join(wanted)}.", shlex.join(words))
            )
    return errors, said
