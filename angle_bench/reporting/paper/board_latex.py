r"""A leaderboard as a LaTeX table that can be printed as it is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from angle_bench.errors import printable
from angle_bench.reporting.paper.tex_table import TexBlock, TexTable
from angle_bench.reporting.paper.tex_text import comments, escape, mark, number
from angle_bench.reporting.tables.leaderboard import Board, Column
from angle_bench.reporting.tables.table_notes import (
    TableNote,
    caption,
    label,
    signatures,
    table_notes,
)
from angle_bench.reporting.tables.view import ShownTable, view
from angle_bench.suites import averages

_MADE_BY = "% Made by: "
_PUBLISHED = "as published"
WIDEST = 16  # columns beyond which a table of tasks is turned
_UPRIGHT = 70  # characters beyond which the heads of a turned table are


def render(board: Board) -> str:
    """The table with caption, label and notes; warnings, command and signatures as comments."""
    table = _turned(board) if _is_turned(board) else _across(board)
    doubts = [note.line for note in table_notes(board) if note.doubt]
    left_out = []
    if not board.layout.marks:
        with_marks = replace(board, layout=replace(board.layout, marks=True))
        left_out = [f"left out: {note.line}" for note in table_notes(with_marks) if note.mark]
    command = f"{_MADE_BY}{printable(board.command)}"
    return table.document([*comments([*left_out, *doubts, *signatures(board)]), command])


def command_of(text: str) -> str | None:
    """The command that made a file, if it is one of ours."""
    found = re.search(rf"^{_MADE_BY}(.*)$", text, re.MULTILINE)
    return found[1] if found else None


@dataclass(frozen=True)
class _Group:
    """Columns under one title."""

    title: str
    columns: tuple[Column, ...]


def _is_turned(board: Board) -> bool:
    return board.layout.transpose or len(board.columns) > WIDEST


def _groups(board: Board) -> list[_Group]:
    """The columns by what they are of: a task type, means of types, means and ranks of all."""
    over_all = ("mean", "types", "public", "rank", "borda", "zero_shot", "seen")
    keyed = [((_title(board, one), one.kind in over_all), one) for one in board.columns]
    return [
        _Group(title, tuple(column for _, column in pairs))
        for (title, _), pairs in groupby(keyed, key=lambda pair: pair[0])
    ]


def _title(board: Board, column: Column) -> str:
    if len(averages.types(board.suite)) < 2 or column.kind not in ("task", "type"):
        return ""
    if board.layout.columns != "tasks":
        return "means of task types"
    kinds = {task.name: task.type for task in board.suite.task}
    return _spaced(kinds.get(column.key, column.key.removeprefix("type:")))


def _spaced(kind: str) -> str:
    """A task type in words.

    >>> _spaced("PairClassification"), _spaced("STS")
    ('Pair classification', 'STS')
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).split()
    return " ".join([words[0], *(word.lower() for word in words[1:])])


def _head(board: Board, column: Column) -> str:
    inside = column.kind == "type" and board.layout.columns == "tasks"
    return "mean" if inside else column.header


def _sections(board: Board) -> list[tuple[str, list[int]]]:
    """The places of the measured rows, then of those that somebody published."""
    published = [
        at
        for at, row in enumerate(board.rows)
        if row.source is not None and row.source.kind == "published"
    ]
    measured = [at for at in range(len(board.rows)) if at not in published]
    found = [("", measured), (_PUBLISHED, published)]
    return [(title, places) for title, places in found if places]


def _across(board: Board) -> TexTable:
    groups = _groups(board)
    columns = [column for group in groups for column in group.columns]
    shown = view(board, columns)
    heads = ["", *(_head(board, column) for column in columns)]
    blocks = [
        TexBlock(
            tuple((_label(shown.lines[at][0]), *map(_cell, shown.lines[at][1:])) for at in places),
            title,
        )
        for title, places in _sections(board)
    ]
    spans = [(escape(group.title), len(group.columns)) for group in groups]
    widths = _widths([heads, *([cell.plain for cell in line] for line in shown.lines)])
    return _table(board, heads, blocks, spans, widths, "column")


def _turned(board: Board) -> TexTable:
    sections = _sections(board)
    order = [at for _, places in sections for at in places]
    groups = _groups(board)
    columns = [column for group in groups for column in group.columns]
    shown = view(board, columns)
    names = [shown.lines[at][0] for at in order]
    place = {column: 1 + at for at, column in enumerate(columns)}
    blocks = [
        TexBlock(
            tuple(
                (
                    escape(_head(board, column)),
                    *(_cell(shown.lines[at][place[column]]) for at in order),
                )
                for column in group.columns
            ),
            escape(group.title),
        )
        for group in groups
    ]
    spans = [(title, len(places)) for title, places in sections]
    cells = [[cell.plain for cell in line[1:]] for line in shown.lines]
    labels = max(len(_head(board, column)) for column in columns)
    wide = labels + sum(2 + len(name.plain) for name in names)
    upright = wide > _UPRIGHT
    heads = [rf"\rotatebox{{90}}{{{_label(name)}}}" if upright else _label(name) for name in names]
    widths = [labels, *(max(map(len, line)) for line in cells)]
    if not upright:
        widths = [labels, *(len(name.plain) for name in names)]
    return _table(board, ["", *heads], blocks, spans, widths, "row", escaped=True)


def _table(
    board: Board,
    heads: Sequence[str],
    blocks: Sequence[TexBlock],
    spans: Sequence[tuple[str, int]],
    widths: Sequence[int],
    line: str,
    *,
    escaped: bool = False,
) -> TexTable:
    return TexTable(
        heads=tuple(heads if escaped else map(escape, heads)),
        blocks=tuple(blocks),
        align="l" + "r" * (len(heads) - 1),
        caption=number(caption(board)),
        label=label(board),
        spans=tuple(spans),
        notes=tuple(_notes(board, line)),
        width=sum(widths) + 2 * len(widths),
    )


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _notes(board: Board, line: str) -> list[tuple[str, str]]:
    """What bold and underlined mean, the signs that occur, how the numbers were made."""
    places = {cell.place for cells in view(board, board.columns).lines for cell in cells}
    said = {"best": r"\textbf{Bold}: the best", "second": r"\underline{underlined}: the second"}
    found = [text for place, text in said.items() if place in places]
    notes = [("", f"{', '.join(found)} of each {line}, ties included.")] if found else []
    told = [note for note in table_notes(board) if not note.doubt]
    return notes + [(mark_of, _sentence(texts)) for mark_of, texts in _merged(told)]


def _merged(notes: Sequence[TableNote]) -> list[tuple[str, list[str]]]:
    """The texts of each sign together; each of those without one alone."""
    found: list[tuple[str, list[str]]] = []
    for note in notes:
        if note.mark and found and found[-1][0] == escape(note.mark):
            found[-1][1].append(note.text)
        else:
            found.append((escape(note.mark), [note.text]))
    return found


def _sentence(texts: Sequence[str]) -> str:
    text = "; ".join(texts)
    return number(text if text.endswith(".") else f"{text}.")


def _label(cell: ShownTable) -> str:
    return f"{escape(cell.text)}{mark(cell.marks, beside_number=False)}"


def _cell(cell: ShownTable) -> str:
    text = number(cell.text)
    if cell.place == "best":
        text = rf"\textbf{{{text}}}"
    elif cell.place == "second":
        text = rf"\underline{{{text}}}"
    return f"{text}{number(cell.behind)}{mark(cell.marks)}"
