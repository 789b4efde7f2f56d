"""The same checkpoint under several labels: equal content, whatever folders are called."""

from collections.abc import Mapping, Sequence

from angle_bench.reporting.tables.table import TableRow
from angle_bench.results.find.stored_models import StoredModel


def copies(models: Mapping[str, Sequence[StoredModel]]) -> dict[str, str]:
    """Of labels whose checkpoints an earlier label has already, that label."""
    first: dict[object, str] = {}
    found = {}
    for label, checkpoints in models.items():
        key = tuple(sorted(map(repr, (each.identity for each in checkpoints))))
        if (before := first.setdefault(key, label)) != label:
            found[label] = before
    return found


def copy_lines(found: Mapping[str, str]) -> list[str]:
    """A line for each checkpoint that has several labels."""
    labels: dict[str, list[str]] = {}
    for label, before in found.items():
        labels.setdefault(before, [before]).append(label)
    return [f"{' and '.join(each)} are the same checkpoint" for each in labels.values()]


def copied_rows(rows: Sequence[TableRow]) -> dict[str, str]:
    """Of rows, as `copies`; only of those with equal content is a run record opened."""
    by_content: dict[object, list[TableRow]] = {}
    for row in rows:
        key = tuple(sorted(model.folders[0].revision for model in row.models))
        if key and all(revision.startswith("sha256-") for revision in key):
            by_content.setdefault(key, []).append(row)
    alike = [row for group in by_content.values() if len(group) > 1 for row in group]
    return copies({row.label: [StoredModel.of(model) for model in row.models] for row in alike})
