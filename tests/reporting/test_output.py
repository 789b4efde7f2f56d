"""Files: formats, what may be overwritten, what differs first."""

from dataclasses import replace
from pathlib import Path

import pytest

from angle_bench.errors import ResultsError, UsageError
from angle_bench.files.atomic import write_together
from angle_bench.reporting.formats.format_names import DATA, LOOKED_AT, SITE, SUFFIXES
from angle_bench.reporting.formats.formats import (
    FORMATS,
    Format,
    check_can_overwrite,
    first_difference,
    format_of,
    is_site,
)
from angle_bench.reporting.tables.leaderboard import Board
from tests.reporting.boards import board, row, suite

EVERY = pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)


def made(score: float = 0.5, command: str = "angle-bench leaderboard -o x") -> Board:
    rows = [row("a|b", 0.9, 0.8), row("c_d", score, 0.25)]
    return board(*rows, of=suite("R:A", "B"), command=command)


BY_NAME = {kind.name: kind for kind in FORMATS}


def put(place: Path, kind: Format) -> None:
    write_together([kind.file(place, made())])


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        (None, None, None),
        (None, "x.md", "markdown"),
        (None, "x.TEX", "latex"),
        (None, "x.csv", "csv"),
        (None, "x.json", "json"),
        (None, "x.rst", "rst"),
        (None, "x.typ", "typst"),
        (None, "x.parquet", "parquet"),
        ("csv", "x.md", "csv"),
        ("LaTeX", None, "latex"),
    ],
)
def test_the_suffix_says_the_format_unless_one_is_named(
    name: str | None, file: str | None, expected: str | None
) -> None:
    found = format_of(name, None if file is None else Path(file))
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(("name", "file"), [("markdwon", None), (None, "x.docx"), (None, "x")])
def test_an_unknown_format_is_answered(name: str | None, file: str | None) -> None:
    with pytest.raises(UsageError, match="parquet or html") as raised:
        format_of(name, None if file is None else Path(file))
    assert raised.value.fix == "--format markdown"


@EVERY
def test_ours_may_be_overwritten(tmp_path: Path, kind: Format) -> None:
    place = tmp_path / "table"
    check_can_overwrite(place, kind)  # nothing is there
    put(place, kind)
    check_can_overwrite(place, kind)


@EVERY
@pytest.mark.parametrize("data", [b"", b"# My notes\n", b"\xff\xfe\x00", b"model,name\n1,2\n"])
def test_nothing_else_is_overwritten(tmp_path: Path, kind: Format, data: bytes) -> None:
    place = tmp_path / "notes"
    place.write_bytes(data)
    with pytest.raises(UsageError, match="nothing is overwritten"):
        check_can_overwrite(place, kind)
    with pytest.raises(UsageError, match="is a folder"):
        check_can_overwrite(tmp_path, kind)


@EVERY
def test_the_same_results_make_the_same_file(tmp_path: Path, kind: Format) -> None:
    place = tmp_path / "table"
    put(place, kind)
    assert first_difference(place, kind, made()) is None
    elsewhere = made(command="angle-bench leaderboard ../elsewhere --check 'y z'")
    assert first_difference(place, kind, elsewhere) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("markdown", r"c\_d, mean of 2: 37.50 in the file, 32.50 now"),
        ("latex", r"c\_d, mean of 2: 37.50 in the file, 32.50 now"),
        ("csv", "c_d, mean: 37.5 in the file, 32.5 now"),
        ("json", "rows.c_d.averages.mean.score: 37.5 in the file, 32.5 now"),
        ("rst", r"c\_d, mean of 2: 37.50 in the file, 32.50 now"),
        ("typst", '"c_d", "mean of 2": "37.50" in the file, "32.50" now'),
        ("parquet", "rows.c_d.mean: 37.5 in the file, 32.5 now"),
    ],
)
def test_the_first_difference_is_named(tmp_path: Path, name: str, said: str) -> None:
    kind = BY_NAME[name]
    place = tmp_path / "table"
    put(place, kind)
    assert first_difference(place, kind, made(0.4)) == said


@EVERY
def test_rows_that_came_or_went_differ(tmp_path: Path, kind: Format) -> None:
    place = tmp_path / "table"
    put(place, kind)
    fewer = replace(made(), rows=made().rows[:1])
    assert first_difference(place, kind, fewer) is not None


@EVERY
def test_what_cannot_be_compared_is_an_error(tmp_path: Path, kind: Format) -> None:
    with pytest.raises(ResultsError, match="cannot be read"):
        first_difference(tmp_path / "gone", kind, made())
    (tmp_path / "notes").write_text("# My notes\n")
    with pytest.raises(UsageError, match="made"):
        first_difference(tmp_path / "notes", kind, made())


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("html", None, True),
        (None, "site", True),
        (None, "a/x.HTML", True),
        ("md", "site", False),
        (None, "x.md", False),
        (None, None, False),
    ],
)
def test_what_is_a_site(name: str | None, file: str | None, expected: bool) -> None:
    assert is_site(name, None if file is None else Path(file)) is expected


def test_the_command_line_names_every_format() -> None:
    assert [*BY_NAME, SITE] == [*SUFFIXES]
    assert {*LOOKED_AT, *DATA} == {*SUFFIXES}  # in this order the help names them
    suffixes = [suffix for each in SUFFIXES.values() for suffix in each]
    assert len({*suffixes}) == len(suffixes)
