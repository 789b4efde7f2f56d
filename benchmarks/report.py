"""Tables of what was measured, and its file."""

import json
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.core import Outcome, Target

RESULTS = Path(__file__).resolve().parent / "results"


def cases_table(outcome: Outcome) -> str:
    """Median, least and most seconds of each case."""
    rows = [
        (name, outcome.medians[name], min(seconds), max(seconds), len(seconds))
        for name, seconds in outcome.timings.items()
    ]
    return tabulate(
        rows, ("case", "median s", "least", "most", "rounds"), floatfmt=".2f", tablefmt="simple"
    )


def targets_table(rows: list[tuple[str, Target]]) -> str:
    """Targets of benchmarks, and whether they are met."""
    return tabulate(
        [
            (name, target.what, _number(target), _bound(target), "yes" if target.met else "NO")
            for name, target in rows
        ],
        ("benchmark", "what", "measured", "target", "met"),
        tablefmt="simple",
        disable_numparse=True,
    )


def _number(target: Target) -> str:
    return f"{target.measured:.3g} {target.unit}".strip()


def _bound(target: Target) -> str:
    return f"{target.relation} {target.bound:g} {target.unit}".strip()


def as_json(name: str, outcome: Outcome, circumstances: dict[str, Any]) -> dict[str, Any]:
    """Everything that was measured, as it is stored."""
    return {
        "benchmark": name,
        **circumstances,
        "timings_s": {case: [round(s, 4) for s in all_] for case, all_ in outcome.timings.items()},
        "medians_s": {case: round(seconds, 4) for case, seconds in outcome.medians.items()},
        "ratios": {what: round(value, 4) for what, value in outcome.ratios.items()},
        "targets": [
            {
                "what": target.what,
                "target": _bound(target),
                "measured": round(target.measured, 4),
                "met": target.met,
            }
            for target in outcome.targets
        ],
        "facts": dict(outcome.facts),
        "notes": outcome.notes,
    }


def write(name: str, stored: dict[str, Any], *, quick: bool) -> Path:
    """Write the file of a benchmark; quick runs never replace measured ones."""
    folder = RESULTS / "quick" if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{name}.json"
    place.write_text(json.dumps(stored, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return place
