"""A leaderboard as a figure of Typst; all texts are strings, in which nothing is markup."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from angle_bench.errors import printable
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table_notes import (
    caption,
    label,
    signatures,
    slug,
    table_notes,
)
from angle_bench.reporting.tables.view import ShownTable, board_view

_MADE_BY = "// Made by: "
# scaled down where it is wider than the text
_FITTED = """  layout(size => {
    let wide = measure(whole).width
    if wide <= size.width { whole } else { scale(size.width / wide * 100%, reflow: true, whole) }
  })"""
_RAISED = "°*"  # signs that stand high by themselves
_PLACES = {"best": "strong", "second": "underline"}
_PLACES_SAID = ("strong", "bold", "the best"), ("underline", "underlined", "the second")


def render(board: Board) -> str:
    """The table with caption, label and notes; warnings, command and signatures as comments."""
    shown = board_view(board)
    rows = [[_cell(line[0]), *map(_number, line[1:])] for line in shown.lines]
    table = [
        "  let whole = table(",
        f"    columns: {len(shown.headers)},",
        f"    align: (left, {'right, ' * (len(shown.headers) - 1)}),",
        "    stroke: none,",
        "    table.hline(),",
        f"    table.header({', '.join(map(text, ('', *shown.headers[1:])))}),",
        "    table.hline(stroke: 0.5pt),",
        *(f"    {', '.join(row)}," for row in rows),
        "    table.hline(),",
        "  )",
    ]
    figure = [
        "#figure(",
        "  kind: table,",
        "  {",
        *table,
        _FITTED,
        *_notes(board, [cell.place for line in shown.lines for cell in line]),
        "  },",
        f"  caption: {text(caption(board))},",
        f") <{_label(board)}>",
    ]
    doubts = [note.line for note in table_notes(board) if note.doubt]
    said = [f"// {printable(line)}" for line in (*doubts, *signatures(board))]
    return "\n".join([*figure, *said, f"{_MADE_BY}{printable(board.command)}"]) + "\n"


def command_of(text: str) -> str | None:
    """The command that made a file, if it is one of ours."""
    found = re.search(rf"^{_MADE_BY}(.*)$", text, re.MULTILINE)
    return found[1] if found else None


def fields(line: str) -> list[str]:
    """The cells of a line of the table, without markup."""
    if not line.startswith('    "') and not line.startswith("    table.header("):
        return []
    bare = re.sub(r"(strong|underline|super)\(|\) \+ |\)(?=, |,$|$)", "", line.strip())
    return bare.removeprefix("table.header(").rstrip("),").split(", ")


def text(words: str) -> str:
    r"""A string of Typst.

    >>> print(text('a "b"'))
    "a \"b\""
    """
    shown = printable(words).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'


def _label(board: Board) -> str:
    """Letters, digits, hyphens and colons are what a label may hold."""
    return ":".join(slug(part) for part in label(board).split(":"))


def _cell(cell: ShownTable) -> str:
    shown = text(cell.text)
    if cell.place:
        shown = f"{_PLACES[cell.place]}({shown})"
    if signs := cell.marks.strip():
        shown += f" + {_sign(signs)}"
    return shown + (f" + {text(cell.behind)}" if cell.behind else "")


def _sign(signs: str) -> str:
    return text(signs) if set(signs) <= set(_RAISED) else f"super({text(signs)})"


def _number(cell: ShownTable) -> str:
    """With the minus of mathematics."""
    signed = {name: getattr(cell, name).replace("-", "−") for name in ("text", "behind")}
    return _cell(replace(cell, **signed))


def _notes(board: Board, places: Sequence[str]) -> list[str]:
    """What bold and underlined mean, the signs that occur, how the numbers were made."""
    used = {_PLACES[place] for place in places if place}
    said = [
        f'{style}("{name}") + {text(f": {meaning}")}'
        for style, name, meaning in _PLACES_SAID
        if style in used
    ]
    lines = [' + ", " + '.join(said) + ' + ", ties included"'] if said else []
    told = [note for note in table_notes(board) if not note.doubt]
    for mark, group in groupby(told, key=lambda note: note.mark or note.text):
        texts = [note.text for note in group]
        signed = mark != texts[0]
        raised = f"{_sign(mark)} + " if signed else ""
        lines.append(raised + text(f"{' ' if signed else ''}{'; '.join(texts)}"))
    if not lines:
        return []
    return [
        "  set align(left)",
        "  set text(size: 0.8em)",
        *(f"  par({line})" for line in lines),
    ]
