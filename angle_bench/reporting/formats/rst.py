"""A leaderboard as reStructuredText, as Sphinx and docutils read it."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from angle_bench.errors import printable
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table import ABSENT
from angle_bench.reporting.tables.table_notes import notes, signatures
from angle_bench.reporting.tables.view import ShownTable, View, board_view, view
from angle_bench.suites import averages

_SPECIAL = re.compile(r"([\\`*_|<>\[\]@]|:(?=//))")
_INDENT = "    "
_WORD = re.compile(r"[^\W\d_]{2}|\d+(\.\d+)?( |$)")  # what begins no list, rule or block
_EMPTY = "\\ "  # escaped, a space is nothing
_PLACES = {"best": "**", "second": "*"}


def render(board: Board) -> str:
    """The main table, with several types one of all tasks, notes, command and signatures."""
    parts = [_title(board.suite.name, "="), _table(board_view(board))]
    if len(averages.types(board.suite)) > 1 and not board.layout.columns:
        tasks = [column for column in board.every if column.kind == "task"]
        scored = tuple(row for row in board.rows if any(s is not None for s in row.scores))
        whole = view(replace(board, rows=scored), tasks)
        parts += [_title("Tasks", "-"), _table(whole.turned())]
    if said := notes(board):
        parts.append("\n".join(f"- {_EMPTY}{escape(note)}" for note in said))
    parts.append(f"Scores ×100; **best**, *second*. Suite {escape(board.suite.signature)}.")
    parts += ["Made by::", _block([board.command])]
    if signed := signatures(board):
        parts += ["Signatures::", _block(signed)]
    return "\n\n".join(parts) + "\n"


def command_of(text: str) -> str | None:
    """The command that made a file, if it is one of ours."""
    found = re.search(r"^Made by::\n\n {4}(.*)$", text, re.MULTILINE)
    return found[1] if found else None


def fields(line: str) -> list[str]:
    """The cells of a line of a table, without markup."""
    bare = re.sub(r"(?<!\\)\*{1,2}|\\ ", "", line)
    cells = re.split(r" {2,}", bare.strip())
    return cells if len(cells) > 1 and not set(line) <= {"=", " "} else []


def escape(text: str) -> str:
    """A text that docutils takes for nothing but text."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def _title(text: str, line: str) -> str:
    shown = escape(text)
    return f"{shown}\n{line * _width(shown)}"


def _table(shown: View) -> str:
    """A simple table; its columns are counted as docutils counts them."""
    rows = [[_start(escape(header)) for header in shown.headers]]
    rows += [[_cell(cell) for cell in line] for line in shown.lines]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(map(_padded, row, widths)).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def _cell(cell: ShownTable) -> str:
    text, behind = escape(cell.text), escape(f"{cell.marks}{cell.behind}")
    sign = _PLACES.get(cell.place)
    if sign is None:
        return _start(f"{text}{behind}")
    return f"{sign}{text}{sign}{_EMPTY if behind and behind[0] != ' ' else ''}{behind}"


def _start(text: str) -> str:
    """A cell that begins a list or a block as nothing but text; empty ones would join lines."""
    return text if _WORD.match(text) else f"{_EMPTY}{text or ABSENT}"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns in a terminal, without signs that stand above others."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    above = sum(unicodedata.combining(sign) > 0 for sign in text)
    return len(text) + wide - above


def _block(lines: Sequence[str]) -> str:
    return "\n".join(f"{_INDENT}{printable(line)}" for line in lines)
