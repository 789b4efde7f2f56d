"""Markdown that says what the leaderboard says, and nothing that a name wants it to."""

import pytest
from markdown_it import MarkdownIt

from angle_bench.reporting.formats import markdown
from tests.reporting.boards import board, row, suite

NAMES = [
    "a|b",
    "*bold* _it_ __x__",
    "<script>alert(1)</script>",
    "[link](https://example.org)",
    "![i](x)",
    "`code`",
    "a\nb",
    "~~gone~~",
    "back\\slash",
    "&lt;b&gt;",
    "$x^2$",
    "esc\x1b[31m",
]


def cells(text: str) -> list[list[str]]:
    """The texts of the first table's rows as a renderer sees them."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline" and rows and token.level > 2:
            children = token.children or []
            assert {child.type for child in children} <= {
                "text",
                "text_special",
                "strong_open",
                "strong_close",
                "html_inline",
            }
            assert {c.content for c in children if c.type == "html_inline"} <= {"<u>", "</u>"}
            rows[-1].append("".join(c.content for c in children if c.type.startswith("text")))
        if token.type == "table_close":
            break
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_names_are_but_text(name: str) -> None:
    made = board(row(name, 0.5, 0.6), row("other", 0.4, 0.5), command="angle-bench leaderboard")
    first = "".join(sign if sign.isprintable() else "?" for sign in name)
    assert cells(markdown.render(made))[1] == [first, "50.00", "60.00", "55.00", "1"]


def test_best_is_bold_and_second_underlined() -> None:
    text = markdown.render(board(row("a", 0.5), row("b", 0.4), row("c", 0.5)))
    assert "| a | **50.00** |" in text
    assert "| c | **50.00** |" in text
    assert "| b | <u>40.00</u> |" in text


def test_several_types_have_a_second_table_of_all_tasks() -> None:
    made = board(row("a", 0.5, 0.6), row("p †", None, None, kind="published"), of=suite("R:A", "B"))
    text = markdown.render(made)
    assert "## Tasks" in text
    assert "| model | a |\n" in text  # a row without tasks has no column
    assert "## Tasks" not in markdown.render(board(row("a", 0.5, 0.6)))


def test_command_and_signatures_stand_below() -> None:
    command = "angle-bench leaderboard -t 'MTEB(eng, v1)' -o x.md"
    text = markdown.render(board(row("a", 0.5), command=command))
    assert text.endswith(
        f"Made by\n\n    {command}\n\nSignatures:\n\n    a: model:org/a|rev:r|suite:S/1|data:hub\n"
    )
    assert markdown.command_of(text) == command


@pytest.mark.parametrize("text", ["", "# STS\n\nMade by\n", "| a | b |", "Made by\n\nangle-bench"])
def test_other_markdown_is_not_ours(text: str) -> None:
    assert markdown.command_of(text) is None
