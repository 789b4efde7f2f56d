"""reStructuredText that docutils reads as what the leaderboard says."""

import docutils.core
import docutils.nodes
import pytest

from angle_bench.reporting.formats import rst
from angle_bench.reporting.tables.table_layout import TableLayout
from tests.reporting.boards import board, row, suite

NAMES = [
    "a|b",
    "*bold* _it_ __x__ it_",
    "<script>alert(1)</script>",
    "`link <https://example.org>`_",
    ":math:`x`",
    "1. first",
    "- item",
    "a\nb",
    "back\\slash",
    "|sub|",
    ".. image:: x",
    "====",
    "[1]_",
    "中文 model",
    "e\u0301 composed",
    "ab  cd",
    "",
]


def read(text: str) -> docutils.nodes.document:
    """The document; what docutils warns of is an error."""
    return docutils.core.publish_doctree(text, settings_overrides={"halt_level": 2})


def rows(text: str) -> list[list[str]]:
    table = next(iter(read(text).findall(docutils.nodes.table)))
    return [
        [entry.astext() for entry in line.findall(docutils.nodes.entry)]
        for line in table.findall(docutils.nodes.row)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_but_text(name: str) -> None:
    made = board(row(name, 0.5, 0.6), row("other", 0.4, 0.5), command="angle-bench leaderboard")
    text = rst.render(made)
    assert rows(text) == [
        ["model", "A", "B", "mean of 2", "Borda"],
        [name.replace("\n", "?") or "–", "50.00", "60.00", "55.00", "1"],
        ["other", "40.00", "50.00", "45.00", "2"],
    ]
    assert rst.command_of(text) == "angle-bench leaderboard"
    kinds = {type(node) for node in read(text).findall()}
    assert not kinds & {docutils.nodes.reference, docutils.nodes.raw, docutils.nodes.image}


def test_best_is_strong_and_second_is_emphasised() -> None:
    text = rst.render(
        board(row("a", 0.5), row("b †", 0.4, kind="published", said="x"), base="a", command="c")
    )
    document = read(text)
    assert [node.astext() for node in document.findall(docutils.nodes.strong)] == ["50.00", "best"]
    emphasised = [node.astext() for node in document.findall(docutils.nodes.emphasis)]
    assert emphasised == ["40.00", "second"]
    assert rows(text)[2] == ["b †", "40.00 (-10.00)"]


def test_several_types_have_a_table_of_tasks() -> None:
    made = board(row("a", 0.5, 0.6, 0.7), of=suite("R:A", "B", "C"), command="c")
    tables = list(read(rst.render(made)).findall(docutils.nodes.table))
    assert len(tables) == 2
    turned = board(
        row("a", 0.5, 0.6), row("b", 0.5, 0.6), layout=TableLayout(transpose=True), command="c"
    )
    assert rows(rst.render(turned))[0] == ["model", "a", "b"]


def test_the_cells_of_a_line_are_found() -> None:
    line = "b\\_1  **50.00**\\ ≠  *4.00* (+1.00)"
    assert rst.fields(line) == ["b\\_1", "50.00≠", "4.00 (+1.00)"]
    assert rst.fields("some prose") == []
