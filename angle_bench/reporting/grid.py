"""A grid of scores: layers of a model as rows, sizes as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from angle_bench.reporting.table import ABSENT, MARKS, Row, Table, plain


@dataclass(frozen=True)
class Grid:
    """The variants of one model over one suite, in one number each.

    Attributes:
        label: The model.
        table: A row for each variant.
        axes: Layer and size of each row.
    """

    label: str
    table: Table
    axes: Sequence[tuple[int, int]]

    def text(self, width: int) -> str:
        """The grid as plain text; a variant with missing tasks says how many it has.

        Its average is that of the suite; with a single task it is the task's score.
        """
        cells = dict(zip(self.axes, map(self._cell, self.table.rows), strict=True))
        layers = sorted({layer for layer, _ in self.axes})
        sizes = sorted({size for _, size in self.axes})
        lines = [[f"layer {layer}", *(cells[layer, size] for size in sizes)] for layer in layers]
        headers = [f"{self._what} · size", *map(str, sizes)]
        return f"{self.label}\n{plain(headers, lines, labelled=True)}"

    def footer(self) -> str:
        """The marks in use, and one signature that names all layers and sizes."""
        signatures = [row.signature for row in self.table.rows if row.signature]
        line = [joined(signatures)] if signatures else []
        return "\n".join([*self.table.legend(), *line])

    @property
    def _what(self) -> str:
        tasks = self.table.suite.task
        return tasks[0].header if len(tasks) == 1 else self.table.average_header

    def _cell(self, row: Row) -> str:
        average = self.table.average(row)
        if average is None:
            return row.coverage if row.scores else ABSENT
        marks = {MARKS.get(cell.data, "") for cell in row.cells}
        return f"{100 * average:.2f}{''.join(sorted(marks))}"


def joined(signatures: Sequence[str]) -> str:
    """Signatures of one model as one: where parts differ, all their values.

    >>> joined(["model:a|layer:2|size:64", "model:a|layer:4|size:64"])
    'model:a|layer:2,4|size:64'
    """
    columns = zip(*(signature.split("|") for signature in signatures), strict=True)
    parts = []
    for column in columns:
        key = column[0].partition(":")[0]
        values = list(dict.fromkeys(part.partition(":")[2] for part in column))
        parts.append(f"{key}:{','.join(values)}")
    return "|".join(parts)
