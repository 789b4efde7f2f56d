r"""A table as LaTeX floats: caption, label, notes under it, as wide as there is room.

The file is a document of its own and can be `\input` into another one: what makes it a document is
skipped where one has begun. A table that is too wide is scaled to the text; one that is too long is
cut into several floats, since long tables of one float each work in two columns as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

_BEGIN = r"""% \input this file into a document with \usepackage{booktabs,threeparttable,graphicx}
% (and amssymb where a check mark occurs), or compile it as it is
\expandafter\ifx\csname @nodocument\endcsname\relax\else
  \documentclass{article}
  \usepackage[margin=2cm]{geometry}
  \usepackage{booktabs,threeparttable,graphicx,amssymb}
  \pagestyle{empty}
  \def\angleBenchAlone{\end{document}}
  \begin{document}
\fi
\providecommand{\checkmark}{\surd}"""
_END = r"\ifdefined\angleBenchAlone\expandafter\angleBenchAlone\fi"
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"

_PLAIN = r"\item[]\hspace*{-\labelsep}"  # a note without a sign begins at the edge

NARROW = 44  # characters that a column of a paper with two of them holds
LONGEST = 48  # rows that a page holds below a caption and above notes


@dataclass(frozen=True)
class TexBlock:
    """Rows between two rules, each with its label first."""

    rows: tuple[tuple[str, ...], ...]
    title: str = ""


@dataclass(frozen=True)
class TexTable:
    """A table; all texts are LaTeX already.

    Attributes:
        heads: Of all columns, that of the labels first.
        blocks: With rules between them.
        align: A letter for each column.
        spans: Titles over the columns behind the labels, and over how many each stands.
        notes: What stands under it: the raised sign that it explains, or nothing, and the text.
        width: About how many characters wide it is.
    """

    heads: tuple[str, ...]
    blocks: tuple[TexBlock, ...]
    align: str
    caption: str
    label: str
    spans: tuple[tuple[str, int], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    width: int = 0

    def document(self, said: Sequence[str]) -> str:
        """The whole file.

        Args:
            said: What is not printed: a comment each.
        """
        parts = _parts(self.blocks)
        floats = [
            line
            for at, blocks in enumerate(parts)
            for line in _float(
                replace(self, blocks=blocks), first=not at, last=at == len(parts) - 1
            )
        ]
        return "\n".join([_BEGIN, *floats, *said, _END]) + "\n"


def _parts(blocks: Sequence[TexBlock]) -> list[tuple[TexBlock, ...]]:
    """Blocks by the float they stand in, each of about as many rows as a page has."""
    parts: list[list[TexBlock]] = [[]]
    for block in blocks:
        for start in range(0, len(block.rows), LONGEST):
            piece = replace(block, rows=block.rows[start : start + LONGEST])
            if parts[-1] and sum(len(each.rows) for each in [*parts[-1], piece]) > LONGEST:
                parts.append([])
            parts[-1].append(piece)
    return [tuple(part) for part in parts]


def _float(table: TexTable, *, first: bool, last: bool) -> list[str]:
    wide = table.width > NARROW
    environment = "table*" if wide else "table"
    caption = table.caption if first else rf"{table.caption} (continued)"
    return [
        rf"\begin{{{environment}}}[tbp]",
        *([] if first else [r"\addtocounter{table}{-1}"]),
        r"\centering",
        r"\small",
        r"\begin{threeparttable}",
        rf"\caption{{{caption}}}",
        *([rf"\label{{{table.label}}}"] if first else []),
        *(_fitted(_tabular(table)) if wide else _tabular(table)),
        *(_notes(table.notes) if last else []),
        r"\end{threeparttable}",
        rf"\end{{{environment}}}",
    ]


def _fitted(tabular: Sequence[str]) -> list[str]:
    """Scaled down where it is wider than the text; notes are as wide as the outer tabular."""
    *lines, end = tabular
    return [r"\begin{tabular}{@{}c@{}}", _FIT, *lines, f"{end}}}", r"\end{tabular}"]


def _tabular(table: TexTable) -> list[str]:
    lines = [rf"\begin{{tabular}}{{{table.align}}}", r"\toprule"]
    if any(title for title, _ in table.spans):
        lines += _span_lines(table.spans)
    lines.append(rf"{' & '.join(table.heads)} \\")
    for block in table.blocks:
        lines.append(r"\midrule")
        if block.title:
            lines.append(rf"\multicolumn{{{len(table.heads)}}}{{l}}{{\textit{{{block.title}}}}} \\")
        lines += [rf"{' & '.join(row)} \\" for row in block.rows]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _span_lines(spans: Sequence[tuple[str, int]]) -> list[str]:
    cells, rules, at = [], [], 2
    for title, count in spans:
        cells.append(rf"\multicolumn{{{count}}}{{c}}{{{title}}}" if title else " & " * (count - 1))
        if title:
            rules.append(rf"\cmidrule(lr){{{at}-{at + count - 1}}}")
        at += count
    return [rf" & {' & '.join(cells)} \\", "".join(rules)]


def _notes(notes: Sequence[tuple[str, str]]) -> list[str]:
    if not notes:
        return []
    items = [rf"\item[{sign}] {text}" if sign else rf"{_PLAIN}{text}" for sign, text in notes]
    return [r"\begin{tablenotes}[flushleft]", r"\footnotesize", *items, r"\end{tablenotes}"]
