"""The verdicts of a comparison in words: a sentence for each candidate, and the method."""

from angle_bench.reporting.comparison.comparison_table import ComparedRow, ComparisonTable
from angle_bench.reporting.comparison.verdict import (
    FEW,
    WORDS,
    DifferenceVerdict,
    p_text,
    points,
    with_interval,
)


def sentences(comparison: ComparisonTable) -> str:
    """A line for each candidate, significant ones first; what they are about; the method."""
    judged = [row for row in comparison.rows if row.verdict is not None]
    judged.sort(key=lambda row: not (row.verdict and row.verdict.significant))
    if not judged:
        return ""
    lines = [_sentence(row, comparison) for row in judged]
    lines += dict.fromkeys(basis(row, comparison) for row in judged if not row.pairing.same)
    if not all(row.pairing.same for row in judged):
        lines.append(method(comparison))
    return "\n".join(lines)


def method(comparison: ComparisonTable) -> str:
    """One line that can be pasted into a paper."""
    judged = [row for row in comparison.rows if row.verdict is not None]
    candidates = comparison.checkpoints
    tasks = max(row.judged_tasks for row in judged)
    items = max(row.judged_items for row in judged)
    kind = "unseen items" if any(row.headline_unseen for row in judged) else "items"
    how = comparison.how
    variance = (
        "bootstrap over pairs, which treats pairs as independent"
        if how.method == "pairs"
        else "influence functions, clustered on sentences (dyadic-robust, CR3; Aronow et al. 2015, "
        "Bell and McCaffrey 2002), Student's t"
    )
    over = "candidate" if candidates == 1 else "candidates"
    return (
        f"Method: difference of the main score in points (×100), {tasks} "
        f"{'task' if tasks == 1 else 'tasks'}, {items:,} {kind}; {variance}, two-sided, "
        f"α = .05; 95 % CI not adjusted, p by Holm (1979) over {candidates} {over}; equivalence by "
        f"TOST within ±{points(how.margin)} (Schuirmann 1987)."
    )


def counts(row: ComparedRow, *, zeros: bool) -> str:
    """How many tasks have which verdict; with `zeros`, of the usual words also none."""
    always = ("better", "worse", "not significant") if zeros else ()
    numbers = [(word, row.count(word)) for word in WORDS]
    return ", ".join(f"{count} {word}" for word, count in numbers if count or word in always)


def _sentence(row: ComparedRow, comparison: ComparisonTable) -> str:
    verdict, base = row.verdict, comparison.base.label
    assert verdict is not None
    if row.pairing.same:
        return f"{row.label} is {base}: the same weights under the same settings."
    which = "By task, on all pairs" if row.headline_unseen else "By task"
    by_task = f" {which}: {counts(row, zeros=True)}." if len(row.by_task) > 1 else ""
    return f"{_said(row, verdict, base)}.{_effective(verdict)}{by_task}"


def _said(row: ComparedRow, verdict: DifferenceVerdict, base: str) -> str:
    where = _where(row)
    numbers = f"{with_interval(verdict.estimate)}, {p_text(verdict.p)}"
    match verdict.word:
        case "no verdict":
            return f"No verdict on {row.label} and {base} {where}: {verdict.refusal}"
        case "not significant":
            said = f"{verdict.text(interval=True)}, {p_text(verdict.p)}"
            return f"The difference of {row.label} to {base} {where} is {said}"
        case "equivalent":
            return f"{row.label} and {base} are {verdict.text()} {where}: {numbers}"
        case word:
            return f"{row.label} is {word} than {base} {where}: {numbers}"


def _effective(verdict: DifferenceVerdict) -> str:
    effective = verdict.estimate.effective
    if verdict.word == "no verdict" or effective >= FEW:
        return ""
    return f" Effective number of independent sentences: {effective:.1f}."


def _where(row: ComparedRow) -> str:
    types = sorted({task.type for task in row.pairing.tasks})
    kind = f"{types[0]} " if len(types) == 1 else ""
    unseen = ", unseen pairs only" if row.headline_unseen else ""
    if len(row.pairing.tasks) == 1:
        return f"on {row.pairing.tasks[0].header}{unseen}"
    return f"on the mean of {row.judged_tasks} {kind}tasks{unseen}"


def basis(row: ComparedRow, comparison: ComparisonTable) -> str:
    """What the verdict is about: recipes, where seeds say how far these spread."""
    base, side = comparison.base, row.pairing.side
    seeds = [each for each in (side, base) if len(each.models) > 1]
    if not seeds:
        return "One training seed: this is about these checkpoints, not the recipe."
    said = " and ".join(f"{each.label} ({len(each.models)} seeds)" for each in seeds)
    single = [each.label for each in (side, base) if len(each.models) == 1]
    rest = ""
    if single and row.full is not None:
        rest = (
            f"; {single[0]} has one seed and is taken to spread as the seeds of {seeds[0].label}"
            if row.full.borrowed
            else f"; {single[0]} is one checkpoint"
        )
    return f"This is about the recipe{'s' if len(seeds) > 1 else ''} {said}{rest}."
