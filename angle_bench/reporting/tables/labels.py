"""Labels that tell rows apart, and rows whose settings are unlike the others'."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest

from angle_bench.reporting.tables.signature import SELECTED, parts_of, said_of
from angle_bench.reporting.tables.table import TableRow
from angle_bench.results.find.identity import shown

# what does not belong to the model: where it differs, scores are not made in the same way
_SAME_FOR_ALL = ("dtype", "attention", "compile", "quantization", "mteb", "limit")
_OF_EVERY_RUN = {"mteb", "limit"}  # whoever computes the vectors
_NOT_OF_A_LABEL = {"mteb", "suite", "data", "limit"}


def distinct(rows: Sequence[TableRow]) -> list[TableRow]:
    """Rows under labels that differ: equal ones get what sets the rows apart.

    First the full name and whether mteb or angle-bench wrote the results, then the parts in which
    the signatures differ, then the folder of the results, at last a number.
    """
    made = list(rows)
    for describe in (_full_name, _kind, _parts, _folder):
        made = _relabelled(made, describe)
    seen: Counter[str] = Counter()
    for at, row in enumerate(made):
        seen[row.label] += 1
        if seen[row.label] > 1:
            made[at] = replace(row, label=f"{row.label} ({seen[row.label]})")
    return made


def unlike(rows: Sequence[TableRow]) -> dict[str, str]:
    """Why the settings of a row differ from most others', by label.

    A model's own pooling, prompts and length are no reason; other settings than these are, and so
    is another dtype or mteb among rows that have run records. The dtype of a model whose settings
    are those of another library or of a server is not known. A checkpoint that was chosen by a test
    split is named even where all rows are such.
    """
    own = [row for row in rows if row.source is not None and row.source.kind == "own"]
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.source is not None and row.source.settings is not None:
            reasons.setdefault(row.label, []).append(_settings(row, own))
        if chosen := parts_of(row.signature).get(SELECTED):
            reasons.setdefault(row.label, []).append(f"checkpoint selected on {chosen}")
    for key in _SAME_FOR_ALL:
        said = [(row, parts_of(row.signature)) for row in own]
        told = [each for each in said if key in _OF_EVERY_RUN or "settings" not in each[1]]
        values = [parts.get(key, "none") for _, parts in told]
        usual = Counter(values).most_common(1)
        for (row, _), value in zip(told, values, strict=True):
            if value != usual[0][0]:
                reasons.setdefault(row.label, []).append(f"{key} {value}, not {usual[0][0]}")
    return {label: "; ".join(said) for label, said in reasons.items()}


def _settings(row: TableRow, own: Sequence[TableRow]) -> str:
    """How settings differ from the model's own, by its plain row where the table has that."""
    assert row.source is not None
    plain = replace(row.source, settings=None)
    mine = parts_of(row.signature)
    for other in own:
        if other.source == plain:
            theirs = parts_of(other.signature)
            said = [
                f"{key} {value}, not {said_of(theirs, key)}"
                for key, value in mine.items()
                if key not in _NOT_OF_A_LABEL and theirs.get(key) != value
            ]
            if said:
                return "; ".join(said)
    return f"{row.source.settings}, typed for the run".replace("_", " ", 1)


def _relabelled(
    rows: Sequence[TableRow], describe: Callable[[TableRow, Sequence[TableRow]], str]
) -> list[TableRow]:
    groups: dict[str, list[TableRow]] = {}
    for row in rows:
        groups.setdefault(row.label, []).append(row)
    return [
        replace(row, label=describe(row, group)) if len(group := groups[row.label]) > 1 else row
        for row in rows
    ]


def _full_name(row: TableRow, group: Sequence[TableRow]) -> str:
    models = {other.source.model for other in group if other.source is not None}
    if len(models) < 2 or row.source is None:
        return row.label
    short = row.source.model.rpartition("/")[2]
    return (
        row.label.replace(short, row.source.model, 1)
        if short in row.label
        else (f"{row.label} ({row.source.model})")
    )


def _kind(row: TableRow, group: Sequence[TableRow]) -> str:
    kinds = {other.source.kind for other in group if other.source is not None}
    public = row.source is not None and row.source.kind == "public"
    return f"{row.label} (by mteb)" if len(kinds) > 1 and public else row.label


def _parts(row: TableRow, group: Sequence[TableRow]) -> str:
    mine = parts_of(row.signature)
    others = [parts_of(other.signature) for other in group]
    differing = [
        f"{key} {mine[key]}" if key != "published" else mine[key]
        for key in mine
        if key not in _NOT_OF_A_LABEL and len({other.get(key) for other in others}) > 1
    ]
    return f"{row.label} ({', '.join(differing)})" if differing else row.label


def _folder(row: TableRow, group: Sequence[TableRow]) -> str:
    """Where the results are, as far as that tells rows of one name apart."""
    places = [row.models[0].folders[0].path.parts for row in (row, *group) if row.models]
    if not row.models or len(set(places)) < 2:
        return row.label
    shared = next(at for at, names in enumerate(zip_longest(*places)) if len(set(names)) > 1)
    return f"{row.label} (in {shown('/'.join(places[0][shared : shared + 1]) or '.')})"
