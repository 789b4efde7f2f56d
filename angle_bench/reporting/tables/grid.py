"""A grid of scores: layers and precisions of a model as rows, sizes as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from angle_bench.reporting.tables.signature import joined
from angle_bench.reporting.tables.table import ABSENT, LEGEND, MARKS, Table, TableRow, plain

BITS = {"float32": 32, "int8": 8, "binary": 1}  # of a dimension


def vector_bytes(dimensions: int, precision: str) -> int:
    """What a vector takes, the bits of a binary one in whole bytes.

    >>> vector_bytes(384, "float32"), vector_bytes(384, "int8"), vector_bytes(100, "binary")
    (1536, 384, 13)
    """
    return -(-dimensions * BITS[precision] // 8)


@dataclass(frozen=True)
class Grid:
    """The variants of one model over one suite, in one number each.

    Attributes:
        label: The model.
        table: A row for each variant.
        axes: Layer, size and precision of each row; the layers are None where a server computes.
    """

    label: str
    table: Table
    axes: Sequence[tuple[int | None, int, str]]

    def text(self, width: int) -> str:
        """The grid as plain text: averages over the tasks that every variant has a score of.

        With a single task it is the task's score. Where vectors are quantised, the last lines say
        how many bytes each takes.
        """
        common = self._common()
        cells = dict(zip(self.axes, (_cell(common, row) for row in common.rows), strict=True))
        layers = sorted({layer for layer, _, _ in self.axes}, key=lambda layer: layer or 0)
        sizes = sorted({size for _, size, _ in self.axes})
        precisions = [each for each in BITS if each in {used for _, _, used in self.axes}]
        quantised = precisions != ["float32"]
        lines = [
            [
                _named(layer, precision if quantised else ""),
                *(cells[layer, size, precision] for size in sizes),
            ]
            for layer in layers
            for precision in precisions
        ]
        if quantised:
            lines += [
                [f"bytes per vector {each}", *(str(vector_bytes(size, each)) for size in sizes)]
                for each in precisions
            ]
        headers = [f"{self._what(common)} · size", *map(str, sizes)]
        return f"{self.label}\n{plain(headers, lines, labelled=True)}"

    def footer(self) -> str:
        """The tasks whose data is not the hub's, and one signature for all variants."""
        signatures = [row.signature for row in self.table.rows if row.signature]
        return "\n".join([*self._data(), *([joined(signatures)] if signatures else [])])

    def _data(self) -> list[str]:
        marked: dict[str, list[str]] = {}
        for at, task in enumerate(self.table.suite.task):
            scored = [row.cells[at] for row in self.table.rows if row.cells[at].score is not None]
            for mark in {MARKS.get(cell.data, "") for cell in scored} - {""}:
                marked.setdefault(mark, []).append(task.header)
        return [
            f"{mark} {meaning}: {', '.join(marked[mark])}"
            for mark, meaning in LEGEND.items()
            if mark in marked
        ]

    def _common(self) -> Table:
        """The table without the tasks that a variant lacks: every cell is about the same tasks."""
        tasks = self.table.suite.task
        kept = [
            at
            for at in range(len(tasks))
            if all(row.cells[at].score is not None for row in self.table.rows)
        ]
        suite = self.table.suite.model_copy(update={"task": tuple(tasks[at] for at in kept)})
        rows = [replace(row, cells=tuple(row.cells[at] for at in kept)) for row in self.table.rows]
        return Table(suite, tuple(rows))

    def _what(self, common: Table) -> str:
        asked, had = len(self.table.suite.task), len(common.suite.task)
        if asked == 1:
            return self.table.suite.task[0].header
        if had == asked:
            return common.average_header
        return f"{common.average_header}, {had} of {asked} tasks"


def _named(layer: int | None, precision: str) -> str:
    name = "by the server" if layer is None else f"layer {layer}"
    return f"{name} {precision}".strip()


def _cell(table: Table, row: TableRow) -> str:
    average = table.average(row)
    return ABSENT if average is None else f"{100 * average:.2f}"
