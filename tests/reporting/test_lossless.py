"""JSON and CSV keep every bit of a score."""

import csv
import io
import json
from typing import Any

import pytest

from angle_bench.reporting.formats import json_csv
from angle_bench.reporting.tables.stored_rows import runs_row
from angle_bench.reporting.tables.table import Origin, ScoreSource, TableCell, TableRow
from tests.reporting.boards import board, row, suite

ODD = 0.7909144554302442
THIRD = 1 / 3


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_every_score_to_twelve_decimals() -> None:
    made = board(row('a,b\n"c"', ODD, THIRD), row("x", None, 0.5), command="the command")
    first, second = table(json_csv.as_csv(made, raw=True))
    assert first["model"] == 'a,b\n"c"'
    exact = pytest.approx((100 * ODD, 100 * THIRD, 50 * (ODD + THIRD)), rel=0, abs=1e-12)
    assert (float(first["A"]), float(first["B"]), float(first["mean"])) == exact
    assert (second["A"], second["mean"], second["coverage"]) == ("", "", "1 of 2")
    assert first["command"] == "the command"
    assert first["signature"].startswith("model:org/a,b")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_holds_nothing_that_a_spreadsheet_executes(sign: str) -> None:
    name = f"{sign}1+1\n\x1b[31m"
    made = board(row(name, 0.1, 0.2), command=f"{sign}cmd")
    (only,) = table(json_csv.as_csv(made))
    for cell in (only["model"], only["command"]):
        assert cell.startswith("'")
        assert cell.isprintable()
    assert f"{sign}cmd" in json_csv.as_csv(made, raw=True)
    assert float(only["A"]) == 10.0


def test_csv_has_all_tasks_where_the_table_has_averages_alone() -> None:
    (only,) = table(json_csv.as_csv(board(row("a", 0.1, 0.2), of=suite("R:A", "B"))))
    keys = ["mean", "types", "type:R", "type:STS", "A", "B"]
    assert [only[key] for key in keys] == ["15.0", "15.0", "10.0", "20.0", "10.0", "20.0"]


def test_csv_of_runs_has_deviations() -> None:
    made = board(runs_row("ft", [row("a", 0.1), row("b", 0.3)]), row("x", 0.5))
    rows = {line["model"]: line for line in table(json_csv.as_csv(made))}
    assert float(rows["ft (2 runs)"]["A sd"]) > 14.1
    assert rows["x"]["A sd"] == ""


def parsed(*rows: TableRow, **wishes: object) -> Any:
    return json.loads(json_csv.as_json(board(*rows, **wishes)))  # type: ignore[arg-type]


def test_json_has_scores_with_their_origins() -> None:
    origin = Origin("results/x.json", "external", False, "abc", True, "2.0", 12)
    made = TableRow(
        "m",
        (TableCell(ODD, "differs", origin), TableCell(None)),
        "sig",
        ScoreSource("public", "o/m", "r1"),
    )
    (only,) = parsed(made)["rows"]
    assert (only["model"], only["name"], only["revision"]) == ("m", "o/m", "r1")
    assert only["scores"]["A"] == {
        "score": round(100 * ODD, 12),
        "data": "differs",
        "origin": {
            "file": "results/x.json",
            "revision": "external",
            "main": False,
            "dataset_revision": "abc",
            "other_data": True,
            "mteb_version": "2.0",
            "parts": 12,
        },
    }
    assert only["scores"]["B"] == {"score": None, "data": None, "origin": None}
    assert only["averages"]["mean"]["score"] is None
    assert only["averages"]["mean"]["share"] == "1 of 2"


def test_json_has_differences_and_runs() -> None:
    value = parsed(runs_row("ft", [row("a", 0.1), row("b", 0.3)]), row("x", 0.5), base="x")
    base, runs = value["rows"]
    assert value["base"] == base["model"] == "x"
    assert value["unit"] == "points"
    assert base["differences"] == {"A": None}
    assert abs(runs["differences"]["A"] + 30) < 1e-10
    assert [run["model"] for run in runs["runs"]] == ["a", "b"]


def test_only_ours_has_a_command() -> None:
    made = board(row("a", 0.5), command="c 'x'")
    assert json_csv.command_of_json(json_csv.as_json(made)) == "c 'x'"
    assert json_csv.command_of_csv(json_csv.as_csv(made)) == "c 'x'"
    for text in ("", "{}", "[]", '{"made_by": "x"}', "a,b\n1,2\n", "model,name\n"):
        assert json_csv.command_of_json(text) is None
        assert json_csv.command_of_csv(text) is None
