"""Spreadsheets: one sheet of rows, or an error that says what to do."""

import sys
from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import DataError, UsageError
from angle_bench.evaluation.reader import open_rows
from angle_bench.evaluation.user_tasks.file_read import rows_of
from tests.sheets import write_sheets


def rows_in(place: Path) -> list[tuple[int, dict[str, Any]]]:
    pytest.importorskip("python_calamine", reason="the extra `xlsx` is not installed")
    return list(open_rows(place).rows())


def test_cells_are_what_they_are_and_rows_have_their_number(tmp_path: Path) -> None:
    cells = [
        [None, None, None],
        ["text", "n", "flag"],
        [' "q"\nx, ', 3, True],
        [None, None, None],
        ["b", 4.5, None],
    ]
    place = write_sheets(tmp_path / "a.XLSX", {"rows": cells, "empty": []})
    assert rows_in(place) == [
        (3, {"text": ' "q"\nx, ', "n": 3, "flag": True}),
        (5, {"text": "b", "n": 4.5, "flag": None}),
    ]


def test_a_digest_is_that_of_the_same_rows_elsewhere(tmp_path: Path) -> None:
    place = write_sheets(tmp_path / "a.xlsx", {"rows": [["id", "text"], [1, "a"], [2, "b"]]})
    assert rows_in(place)
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n')
    assert rows_of({("d", "s"): place}) == rows_of({("d", "s"): lines})


@pytest.mark.parametrize(
    ("sheets", "what"),
    [
        ({"a": [["t"], ["x"]], "b": [["t"], ["y"]]}, "has the sheets a, b"),
        ({"a": [["t"], ["x", "more"]]}, "row 2 has 'more' in a column without a name"),
        ({"a": [["t", "t"], ["x", "y"]]}, "two columns of the name t"),
    ],
)
def test_sheets_that_are_no_table_are_refused(
    tmp_path: Path, sheets: dict[str, Any], what: str
) -> None:
    place = write_sheets(tmp_path / "a.xlsx", sheets)
    with pytest.raises(DataError, match=what):
        rows_in(place)


def test_what_is_no_spreadsheet_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "a.xlsx"
    for content in (b"", b"text\na\n", b"PK\x03\x04 and no more"):
        place.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.xlsx cannot be read as xlsx"):
            rows_in(place)


def test_without_the_extra_an_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    place = write_sheets(tmp_path / "a.xlsx", {"rows": [["text"], ["a"]]})
    with pytest.raises(UsageError, match="needs the extra `xlsx`") as raised:
        list(open_rows(place).rows())
    assert 'pip install "angle-bench[xlsx]"' in raised.value.fix
