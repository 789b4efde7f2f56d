"""A comparison as plain values for scripts; differences and margins are ×100."""

import math
from typing import Any

from angle_bench.reporting.comparison.changes import changes
from angle_bench.reporting.comparison.comparison_table import ComparedRow, ComparisonTable
from angle_bench.reporting.comparison.verdict import DifferenceVerdict
from angle_bench.reporting.statistics.inference import Estimate


def as_json(
    comparison: ComparisonTable, by: str | None = None, shown_changes: int = 0
) -> dict[str, Any]:
    """Everything that the text says, unrounded."""
    how = comparison.how
    return {
        "unit": "points",
        "base": comparison.base.label,
        "base_selected_on_test": comparison.base.selected_on_test,
        "suite": comparison.suite.signature,
        "method": how.method,
        "margin": 100 * how.margin,
        "missing": comparison.missing,
        "candidates": [_row(row, by, shown_changes) for row in comparison.rows],
    }


def _row(row: ComparedRow, by: str | None, shown_changes: int) -> dict[str, Any]:
    pairing = row.pairing
    values: dict[str, Any] = {
        "label": row.label,
        "same_checkpoint": pairing.same,
        "seeds": len(pairing.side.models),
        "differing": list(pairing.differing),
        "selected_on_test": pairing.side.selected_on_test,
        "tasks": [task.name for task in pairing.tasks],
        "left_out": dict(pairing.left_out),
        "mean": None if row.verdict is None else verdict_json(row.verdict),
        "on": "unseen pairs" if row.headline_unseen else "all pairs",
        "seeds_borrowed": row.full is not None and row.full.borrowed,
        "summed_over": None if row.full is None else row.full.over,
        "by_task": {name: verdict_json(verdict) for name, verdict in row.by_task.items()},
    }
    if by == "subset":
        values["by_subset"] = {name: verdict_json(each) for name, each in row.by_subset.items()}
    if row.headline_unseen and row.full is not None:
        values["all_pairs"] = _estimate(row.full.estimate)
    if row.seen is not None:
        values["seen"] = {
            "tasks": [
                {key: _number(value) for key, value in vars(task).items()}
                for task in row.seen.tasks
            ],
            "concentrated": row.seen.concentrated,
            "in_training_data_of": list(row.seen.holders),
        }
    if pairing.over_tasks is not None:
        found = pairing.over_tasks
        values["over_tasks"] = {
            "difference": 100 * found.difference,
            "interval": [100 * end for end in found.interval],
            "agree": found.agree,
        }
    if shown_changes:
        values["changes"] = changes(pairing).slice(0, shown_changes).to_pylist()
    return values


def _number(value: object) -> object:
    """NaN, which JSON does not have, as null; differences ×100."""
    if not isinstance(value, float):
        return value
    return 100 * value if math.isfinite(value) else None


def verdict_json(verdict: DifferenceVerdict) -> dict[str, Any]:
    """A verdict and its numbers."""
    return {
        "verdict": verdict.word,
        "refusal": verdict.refusal or None,
        **_estimate(verdict.estimate),
        "p": verdict.p,
        "p_equivalent": verdict.p_equivalent,
        "resolves": _number(verdict.estimate.resolves()),
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "difference": _number(estimate.difference),
        "standard_error": _number(estimate.standard_error),
        "interval": [_number(end) for end in estimate.interval()],
        "degrees_of_freedom": _number(estimate.degrees_of_freedom / 100),
        "effective_sentences": _number(estimate.effective / 100),
    }
