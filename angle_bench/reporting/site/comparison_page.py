"""A comparison as one HTML file: verdicts, forest plot, pairs; nothing is fetched."""

from typing import Any

from angle_bench.reporting.comparison.changes import changes
from angle_bench.reporting.comparison.common_items import TextNumbers
from angle_bench.reporting.comparison.compare import read_sides
from angle_bench.reporting.comparison.comparison_table import ComparisonTable
from angle_bench.reporting.formats.content_policy import hash_of, policy
from angle_bench.reporting.site.packed import packed
from angle_bench.reporting.site.pages import moved_pairs
from angle_bench.reporting.site.pairs_shown import StoredPairs, stored_pairs
from angle_bench.reporting.site.payload import script_json
from angle_bench.reporting.site.renderer import asset, render, script
from angle_bench.reporting.site.verdicts_shown import by_lines, shown_verdict


def page(comparison: ComparisonTable, by: str | None = None, shown_changes: int = 0) -> str:
    """The page as HTML.

    Args:
        comparison: What was compared.
        by: `task` or `subset` for a table of these.
        shown_changes: How many of the pairs that moved most are listed; with any, the page holds
            every stored pair, to filter and sort.
    """
    style, code = asset("site.css"), script("core.js", "pairs.js")
    pairs = _pairs(comparison) if shown_changes else StoredPairs()
    return render(
        "comparison.html",
        policy=policy(hash_of(code), hash_of(style)),
        title=f"{comparison.base.label}: {', '.join(row.label for row in comparison.rows)}",
        suite=comparison.suite.signature,
        verdict=shown_verdict(comparison),
        style=style,
        code=code,
        by=by,
        tables=_by(comparison, by),
        differing=[(row.label, row.pairing.differing) for row in comparison.rows],
        changed=_changed(comparison, shown_changes),
        pairs=pairs,
        packed=_packed(pairs),
        data=script_json({"paired": list(pairs.models), "decimals": 2}),
    )


def _by(
    comparison: ComparisonTable, by: str | None
) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    if by is None:
        return []
    return [
        (row.label, by_lines(row.by_task if by == "task" else row.by_subset))
        for row in comparison.rows
        if row.verdict is not None
    ]


def _pairs(comparison: ComparisonTable) -> StoredPairs:
    sides = [comparison.base, *(row.pairing.side for row in comparison.rows)]
    read = read_sides(sides, comparison.suite, [])
    return stored_pairs(sides, comparison.suite, read, TextNumbers())


def _packed(pairs: StoredPairs) -> list[tuple[str, str]]:
    """Texts and models under the names by which the script asks for them."""
    if not pairs.count:
        return []
    models = [(f"pairs-{at}", packed(each)) for at, each in enumerate(pairs.models.values())]
    return [("pairs", packed(pairs.texts)), *models]


def _changed(comparison: ComparisonTable, count: int) -> list[dict[str, Any]]:
    return [
        moved_pairs(row.label, table, count)
        for row in comparison.rows
        if count and (table := changes(row.pairing)).num_rows
    ]
