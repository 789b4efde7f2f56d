"""The table of a sweep, from stored predictions."""

from dataclasses import replace
from pathlib import Path

import pytest

from angle_bench.reporting.comparison.compare import compare, read_sides
from angle_bench.reporting.comparison.comparison_table import How
from angle_bench.reporting.comparison.pairing import Side
from angle_bench.reporting.comparison.ranking import ranks
from angle_bench.sweeps.sweep_table import SweepEntry, SweepTable, sweep_table
from tests.stored import Pairs, Results, suite, task

A, B = Pairs("A"), Pairs("B")
BOTH = suite(task("A"), task("B"))
KEYS = ("train.learning_rate", "lora.targets")


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """A start, two good cells that are alike, a bad one, and two seeds of another."""
    made = Results(tmp_path)
    noises = {"start": 0.3, "good": 0.1, "alike": 0.1, "bad": 0.9, "seed-1": 0.2, "seed-2": 0.22}
    for number, (label, noise) in enumerate(noises.items()):
        for at, (name, pairs) in enumerate((("A", A), ("B", B))):
            made.put(f"local/{label}", name, pairs.part(pairs.scores(noise, 50 * number + at)))
    return made


def side(results: Results, label: str, *names: str) -> Side:
    return Side(label, tuple(results.model(name) for name in names or (label,)))


def entry(results: Results, rate: float, label: str, *names: str) -> SweepEntry:
    settings = {"train.learning_rate": rate, "lora.targets": ("q", "v")}
    return SweepEntry(side(results, label, *names), settings, "start", (f"out/{label}",))


def tabled(results: Results, **failed: str) -> SweepTable:
    cells = [
        entry(results, 1e-5, "bad"),
        entry(results, 2e-5, "good"),
        entry(results, 3e-5, "alike"),
        entry(results, 4e-5, "seeds", "seed-1", "seed-2"),
    ]
    return sweep_table(KEYS, [SweepEntry(side(results, "start"), {})], cells, BOTH, failed)


def test_rows_are_sorted_and_judged_together(results: Results) -> None:
    table = tabled(results)
    labels = [row.entry.side.label for row in table.rows]
    assert set(labels[:2]) == {"good", "alike"}
    assert labels[2:] == ["seeds", "start", "bad"]
    assert table.best is table.rows[0].entry
    names = ["bad", "good", "alike"]
    others = [side(results, name) for name in names] + [side(results, "seeds", "seed-1", "seed-2")]
    fixed = replace(side(results, "start"), fixed=True)  # what cells start from is no draw
    whole = compare(fixed, others, BOTH, How(allow_different=True))
    verdicts = {row.label: row.verdict for row in whole.rows}
    assert {row.entry.side.label: row.verdict for row in table.rows if row.entry.start} == verdicts
    found = read_sides(others, BOTH, [])
    intervals = ranks(others, BOTH, found).intervals
    assert {r.entry.side.label: r.rank for r in table.rows if r.entry.start} == intervals


def test_ranks_over_some_tasks_say_so(results: Results) -> None:
    assert not any("ranks are over" in line for line in tabled(results).notes)
    (results.model("good").folders[0].path / ".angle-bench/B.parquet").unlink()
    (line,) = [line for line in tabled(results).notes if "ranks are over" in line]
    assert line.startswith("! ranks are over 1 of 2 tasks")
    assert line.endswith("of B")


def test_seeds_are_one_row_with_their_spread(results: Results) -> None:
    row = tabled(results).rows[2]
    assert row.spread is not None
    assert row.spread > 0
    ones = {name: side(results, name) for name in ("seed-1", "seed-2")}
    alone = [
        sweep_table((), [], [SweepEntry(one, {}, "start")], BOTH, {}).rows[0].score
        for one in ones.values()
    ]
    assert row.score == pytest.approx(sum(filter(None, alone)) / 2)


def test_the_text_has_a_line_each_and_says_what_chose(results: Results) -> None:
    lines = tabled(results, **{"learning_rate=1": "the loss is not finite"}).text().splitlines()
    assert lines[0].split()[:3] == ["rank", "learning_rate", "targets"]
    assert "S, mean of 2" in lines[0]
    assert lines[1].split()[0] == "1–2"
    assert "2e-05" in "".join(lines[1:3])
    assert " ± " in lines[3]
    assert lines[4].startswith("start")
    assert lines[5].rstrip().endswith("worse")
    assert lines[6] == "failed: learning_rate=1: the loss is not finite"
    assert "Holm over 4 cells" in lines[7]
    assert lines[8].startswith("S chose these checkpoints")


def test_every_start_has_its_own_cells(results: Results) -> None:
    starts = [SweepEntry(side(results, name), {"model.name": name}) for name in ("start", "bad")]
    cells = [
        SweepEntry(side(results, "good"), {"model.name": "start"}, "start"),
        SweepEntry(side(results, "alike"), {"model.name": "bad"}, "bad"),
    ]
    table = sweep_table(("model.name",), starts, cells, BOTH, {})
    by_label = {row.entry.side.label: row for row in table.rows}
    for cell in cells:
        row, start = by_label[cell.side.label], by_label[cell.start or ""]
        assert row.verdict is not None
        assert row.score is not None
        assert start.score is not None
        assert row.verdict.estimate.difference == pytest.approx(row.score - start.score)
    assert sum(line.startswith("start") for line in table.text().splitlines()) == 2


def test_where_all_cells_failed_there_is_still_a_table(results: Results) -> None:
    table = sweep_table(KEYS, [], [], BOTH, {"a": "it broke"})
    assert table.best is None
    assert table.text() == "failed: a: it broke"
    assert table.as_json()["rows"] == []


def test_json_has_what_the_text_has(results: Results) -> None:
    said = tabled(results).as_json()
    assert said["suite"] == "S/1"
    assert said["settings"] == list(KEYS)
    row = said["rows"][0]
    assert row["to_start"]["verdict"] == "better"
    assert row["rank"] == [1, 2]
    assert row["folders"] == [f"out/{row['label']}"]
    assert said["rows"][3]["to_start"] is None
