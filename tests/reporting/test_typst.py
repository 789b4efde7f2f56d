"""Typst that compiles to what the leaderboard says."""

import json
from pathlib import Path
from typing import Any

import pytest
import typst as compiler

from angle_bench.reporting.formats import typst
from angle_bench.reporting.tables.table_layout import TableLayout
from tests.reporting.boards import board, row, suite

NAMES = [
    'a "quoted" name',
    "back\\slash \\n",
    "#eval(1) $x$ *b* _i_ `c`",
    "// comment /* */",
    "<label> @ref [x] {y}",
    "a\nb",
    "中文",
]


def query(text: str, folder: Path, what: str) -> Any:
    """The elements of the compiled document."""
    place = folder / "x.typ"
    place.write_text(text, encoding="utf-8")
    return json.loads(compiler.query(place, what))


def words(element: Any) -> str:
    """The text of an element."""
    if isinstance(element, list):
        return "".join(map(words, element))
    parts = [element.get(key, "") for key in ("text", "body", "children")]
    return "".join(part if isinstance(part, str) else words(part) for part in parts)


def cells(text: str, folder: Path) -> list[str]:
    (table,) = query(text, folder, "table")
    inside = [child for child in table["children"] if child["func"] in ("header", "cell")]
    header, *body = inside
    return [*map(words, header["children"]), *map(words, body)]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_but_text(tmp_path: Path, name: str) -> None:
    text = typst.render(board(row(name, 0.5), row("other", 0.4), command="angle-bench x"))
    shown = name.replace("\n", "?")
    assert cells(text, tmp_path) == ["", "A", shown, "50.00", "other", "40.00"]
    assert typst.command_of(text) == "angle-bench x"


def test_it_has_caption_label_notes_and_places(tmp_path: Path) -> None:
    rows = [row("a", 0.5), row("p †", 0.4, kind="published", said="paper"), row("c", 0.1)]
    text = typst.render(
        board(*rows, base="a", layout=TableLayout(caption="Mine", label="tab:Mine 1"))
    )
    assert '    "a", strong("50.00"),' in text
    assert '    "p" + super("†"), underline("40.00") + " (−10.00)",' in text
    notes = [words(each) for each in query(text, tmp_path, "par")]
    assert notes == [
        "bold: the best, underlined: the second, ties included",
        "† published, paper: p",
        "in parentheses: difference to a",
    ]
    (figure,) = query(text, tmp_path, "<tab:mine-1>")
    assert words(figure["caption"]["body"]) == "Mine"


@pytest.mark.parametrize(("tasks", "scaled"), [(3, 0), (40, 1)])
def test_a_wide_table_is_scaled_to_the_text(tmp_path: Path, tasks: int, scaled: int) -> None:
    names = [f"T{at}" for at in range(tasks)]
    made = board(row("a", *[0.5] * tasks), row("b", *[0.4] * tasks), of=suite(*names))
    told = '#show scale: it => [#metadata("scaled") <scaled>] + it\n'
    assert len(query(told + typst.render(made), tmp_path, "<scaled>")) == scaled


def test_the_cells_of_a_line_are_found() -> None:
    line = '    "b_1", strong("50.00") + super("≠") + " (−1.00)", "4.00",'
    assert len(typst.fields(line)) == 3
    assert typst.fields("  caption: 1,") == []
