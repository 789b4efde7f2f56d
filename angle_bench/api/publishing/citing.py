"""How stored scores were measured, with what they are to cite."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from angle_bench.api.calling.words import Names, Places, listed, place, public, warn
from angle_bench.api.objects.citation import Citation
from angle_bench.errors import AngleBenchError, ResultsError, UsageError, some

if TYPE_CHECKING:
    from angle_bench.reporting.paper.paragraph import MeasuredGroup
    from angle_bench.suites.task import Suite


@public
def cite(
    *models: str,
    tasks: Names = "STS",
    results: Places = "results",
    model_names: Names = (),
) -> Citation:
    """Say how stored scores were measured, with the BibTeX of tasks, models and mteb.

    Needs neither torch nor mteb.

    Args:
        models: Names, labels or folders with scores; `LABEL=A,B,C` are seeds of a recipe.
        tasks: What would stand after `-t`.
        results: The results folder.
        model_names: `[FOLDER=]NAME` where files and path do not say the model's name.

    Returns:
        A paragraph and its BibTeX. A model without scores is in `errors`, and warned of.

    Raises:
        UsageError: A name is unknown, or none is given.
        ResultsError: No model has scores.

    Examples:
        >>> said = cite("tuned", tasks="STS")
        >>> said.keys[0]
        '10.5555/2387636.2387697'
    """
    if not models:
        raise UsageError("no model is named.", "angle-bench cite -m MODEL")
    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.evaluation.scored.scored_models import find_scored
    from angle_bench.reporting.paper.measured import measured
    from angle_bench.reporting.paper.paragraph import MeasuredGroup, paragraph
    from angle_bench.results.find.stored_models import stored_models
    from angle_bench.suites.select import select

    suite = select(listed(tasks))
    lines: list[str] = []
    stored = stored_models(place(results), lines, listed(model_names))
    found = find_scored(models, stored, LoadOptions(), ",".join(listed(tasks)), lines)
    groups = []
    for group in found.groups:
        read = [
            measured(model, suite.task, model.answers(suite.task, lines)) for model in group.models
        ]
        groups.append(MeasuredGroup(group.label, tuple(read)))
    scored = tuple(group for group in groups if any(model.ways for model in group.models))
    if not scored:
        raise _without(found.errors, suite)
    result = Citation(
        suite=suite,
        groups=scored,
        parts=tuple(paragraph(suite, scored)),
        errors=tuple(found.errors),
        warnings=(*lines, *_doubts(suite, groups)),
    )
    warn([*result.warnings, *(error.what for error in result.errors)])
    return result


def _without(errors: Sequence[AngleBenchError], suite: "Suite") -> AngleBenchError:
    """What is said where no model has scores."""
    if errors:
        return errors[0]
    return ResultsError(
        f"no model that is named has a score of {suite.name}.",
        "-t TASKS that were run, or first angle-bench run",
    )


def _doubts(suite: "Suite", groups: "Sequence[MeasuredGroup]") -> list[str]:
    """Models that the paragraph does not name, tasks that it cites nothing for."""
    from angle_bench.suites.citations import of_task

    lines = []
    if unscored := [group.label for group in groups if not any(m.ways for m in group.models)]:
        lines.append(f"without a result for {suite.name}: {some(unscored)}")
    if uncited := [task.name for task in suite.task if not of_task(task.name)]:
        lines.append(f"mteb names no paper of {some(uncited)}")
    return lines
