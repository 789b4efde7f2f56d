"""A leaderboard as markdown that GitHub renders."""

import re
from collections.abc import Sequence
from dataclasses import replace

from angle_bench.errors import printable
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table_notes import notes, signatures
from angle_bench.reporting.tables.view import ShownTable, View, board_view, view
from angle_bench.suites import averages

_INDENT = "    "  # an indented block shows a command or a signature as it is
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#&$!])")


def render(board: Board) -> str:
    """The main table, with several types one of all tasks, notes, command and signatures."""
    parts = [f"# {escape(board.suite.name)}", _table(board_view(board))]
    if len(averages.types(board.suite)) > 1 and not board.layout.columns:
        tasks = [column for column in board.every if column.kind == "task"]
        scored = tuple(row for row in board.rows if any(s is not None for s in row.scores))
        parts += ["## Tasks", _table(view(replace(board, rows=scored), tasks).turned())]
    if said := notes(board):
        parts.append("\n".join(f"- {escape(note)}" for note in said))
    parts.append(f"Scores ×100; **best**, <u>second</u>. Suite {escape(board.suite.signature)}.")
    parts += ["Made by", _block([board.command]), "Signatures:", _block(signatures(board))]
    return "\n\n".join(parts) + "\n"


def command_of(text: str) -> str | None:
    """The command that made a file, if it is one of ours."""
    found = re.search(r"^Made by\n\n {4}(.*)$", text, re.MULTILINE)
    return found[1] if found else None


def escape(text: str) -> str:
    """A text that markdown and HTML take for nothing but text."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def _table(shown: View) -> str:
    rows = [[escape(header) for header in shown.headers]]
    rows.append(["---", *(["---:"] * (len(shown.headers) - 1))])
    rows += [[_cell(cell) for cell in line] for line in shown.lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(cell: ShownTable) -> str:
    text = escape(cell.text)
    if cell.place == "best":
        text = f"**{text}**"
    elif cell.place == "second":
        text = f"<u>{text}</u>"
    return f"{text}{escape(cell.marks)}{escape(cell.behind)}"


def _block(lines: Sequence[str]) -> str:
    return "\n".join(f"{_INDENT}{printable(line)}" for line in lines)
