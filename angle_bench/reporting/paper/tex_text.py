r"""Texts and numbers as LaTeX, whatever the engine and its fonts."""

import re
import unicodedata
from collections.abc import Sequence

from angle_bench.errors import printable

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
    "Δ": r"$\Delta$",
    "°": r"$\circ$",
    "±": r"$\pm$",
    "≠": r"$\neq$",
    "≥": r"$\geq$",
    "✓": r"$\checkmark$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "×": r"$\times$",
}
_HYPHEN = re.compile(r"(?<![\w.)\]-])-(?=\.?\d)")  # before a number, and not within a word


def escape(text: str) -> str:
    """A text that LaTeX takes for nothing but text."""
    return "".join(_SPECIAL.get(sign) or _letter(sign) for sign in printable(text))


def number(text: str) -> str:
    r"""A text with numbers, whose minus is that of mathematics.

    >>> number("(-0.6)"), number("ft-1: 0.5")
    ('($-$0.6)', 'ft-1: 0.5')
    """
    return escape(_HYPHEN.sub("−", text))


def mark(signs: str, *, beside_number: bool = True) -> str:
    """Signs as a raised note; beside a number they take no room, so that numbers stay in line."""
    if not (signs := signs.replace(" ", "")):
        return ""
    raised = r"\tnote" if beside_number else r"\textsuperscript"
    return f"{raised}{{{escape(signs)}}}"


def comments(lines: Sequence[str]) -> list[str]:
    """Lines that LaTeX does not print."""
    return [f"% {printable(line)}" for line in lines]


def _letter(sign: str) -> str:
    """ASCII and Latin letters with one accent as they are, of others their ASCII, or `?`."""
    apart = unicodedata.normalize("NFKD", sign)
    if sign.isascii() or (sign <= "\u017f" and len(apart) == 2 and apart[0].isascii()):
        return sign
    return apart.encode("ascii", "ignore").decode() or "?"
