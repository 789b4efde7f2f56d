"""What came of a reproduction, in words."""

from collections.abc import Mapping

from angle_bench.evaluation.reproduce import ReproduceVerdict
from angle_bench.reporting.tables.aligned import aligned


def text(verdict: ReproduceVerdict) -> str:
    """What was published and measured, what was tried, and what explains the gap."""
    said = " · ".join(
        f"{_mean(verdict, each.scores)} ({each.source})" for each in verdict.published
    )
    count = len(verdict.tasks)
    over = f"{count} task" + ("s" if count > 1 else "")
    lines = [f"published {said} · measured {verdict.measured.mean:.2f}, mean of {over}"]
    if verdict.failures:
        lines.append(f"without {', '.join(verdict.failures)}, which could not be measured")
    if verdict.matches:
        return "\n".join([*lines, f"It matches: no task differs by more than {verdict.tolerance}."])
    lines.append(f"largest gap {verdict.measured.largest:.2f} {verdict.measured.where}")
    if verdict.attempts:
        lines.append(_table(verdict))
    return "\n".join([*lines, _sentence(verdict)])


def _table(verdict: ReproduceVerdict) -> str:
    closest = verdict.closest
    rows = [
        [
            each.change,
            f"{each.mean:.2f}",
            f"{each.largest:.2f} {each.where}" + ("   ← closest" if each is closest else ""),
        ]
        for each in verdict.attempts
    ]
    heads = ["one change at a time", "mean", "largest gap"]
    return aligned(heads, rows)


def _sentence(verdict: ReproduceVerdict) -> str:
    closest = verdict.closest
    if closest is None:
        return "No single setting brings it nearer."
    if verdict.explained:
        return f"{closest.change} explains it: no task differs by more than {verdict.tolerance}."
    return (
        f"{closest.change} comes nearest, and leaves a gap of {closest.largest:.2f} "
        f"({closest.where}); no single setting explains it."
    )


def _mean(verdict: ReproduceVerdict, scores: Mapping[str, float]) -> str:
    common = [scores[name] for name in verdict.tasks if name in scores]
    return f"{sum(common) / len(common):.2f}" if common else "–"
