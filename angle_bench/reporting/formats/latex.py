r"""A leaderboard as a LaTeX table with booktabs.

The file is a document of its own and can be `\input` into another one: what makes it a document is
skipped where one has begun.
"""

import re
import unicodedata

from angle_bench.errors import printable
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.view import BETTER, ShownTable, notes, signatures, view

_BEGIN = r"""% \input this file into a document with \usepackage{booktabs}, or compile it as it is
\expandafter\ifx\csname @nodocument\endcsname\relax\else
  \documentclass[landscape]{article}
  \usepackage[margin=1cm]{geometry}
  \usepackage{booktabs}
  \pagestyle{empty}
  \def\angleBenchAlone{\end{document}}
  \begin{document}
\fi"""
_END = r"\ifdefined\angleBenchAlone\expandafter\angleBenchAlone\fi"
_MADE_BY = "% Made by: "

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "–": "--",
    "−": "$-$",
    "α": r"$\alpha$",
    "°": r"$^{\circ}$",
    "±": r"$\pm$",
    "≠": r"$\neq$",
    "✓": r"$\surd$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "×": r"$\times$",
    BETTER: rf"\textsuperscript{{{BETTER}}}",
}


def render(board: Board) -> str:
    """The main table; notes, command and signatures as comments."""
    shown = view(board, board.columns)
    head = " & ".join(["", *(escape(header) for header in shown.headers[1:])])
    rows = [" & ".join(_cell(cell) for cell in line) for line in shown.lines]
    table = [
        rf"\begin{{tabular}}{{l{'r' * (len(shown.headers) - 1)}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    said = [f"% {printable(line)}" for line in (*notes(board), *signatures(board))]
    command = f"{_MADE_BY}{printable(board.command)}"
    return "\n".join([_BEGIN, *table, *said, command, _END]) + "\n"


def command_of(text: str) -> str | None:
    """The command that made a file, if it is one of ours."""
    found = re.search(rf"^{_MADE_BY}(.*)$", text, re.MULTILINE)
    return found[1] if found else None


def escape(text: str) -> str:
    """A text that LaTeX takes for nothing but text, whatever the engine and its fonts."""
    return "".join(_SPECIAL.get(sign) or _letter(sign) for sign in printable(text))


def _letter(sign: str) -> str:
    """ASCII and Latin letters with one accent as they are, of others their ASCII, or `?`."""
    apart = unicodedata.normalize("NFKD", sign)
    if sign.isascii() or (sign <= "\u017f" and len(apart) == 2 and apart[0].isascii()):
        return sign
    return apart.encode("ascii", "ignore").decode() or "?"


def _cell(cell: ShownTable) -> str:
    text = escape(cell.text)
    if cell.place == "best":
        text = rf"\textbf{{{text}}}"
    elif cell.place == "second":
        text = rf"\underline{{{text}}}"
    return f"{text}{escape(cell.marks)}{escape(cell.behind)}"
