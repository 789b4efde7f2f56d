"""One row a model: what is measured stands for what was published."""

from dataclasses import replace
from pathlib import Path

import pytest

import angle_bench as ab
from angle_bench.reporting.tables.published_rows import one_row_a_model
from angle_bench.reporting.tables.table import ScoreSource, TableRow
from tests.reporting.boards import row, suite
from tests.result_files import put

TWO = suite("A", "B")
REPOSITORY = Path(__file__).resolve().parents[3] / "shared" / "results_repo"


def of(kind: str, *scores: float | None, settings: str | None = None, **more: object) -> TableRow:
    made = row(f"{kind}-row", *scores)
    source = ScoreSource(kind, "org/m", settings=settings, said=kind)  # type: ignore[arg-type]
    return replace(made, source=source, **more)  # type: ignore[arg-type]


OWN, PUBLIC, PAPER = of("own", 0.5, 0.6), of("public", 0.5, 0.6), of("published", 0.5, 0.61)
CARD = of("published", 0.5, 0.6)


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([PAPER, PUBLIC, OWN], [OWN]),
        ([PAPER, PUBLIC], [PUBLIC]),
        ([PAPER, CARD], [PAPER]),
        ([of("own", 0.5, None), PUBLIC, PAPER], [of("own", 0.5, None), PUBLIC]),
        ([of("own", 0.5, 0.6, settings="settings_1"), PUBLIC], None),
        ([OWN, of("own", 0.1, 0.1)], None),
        ([PUBLIC, of("public", 0.1, 0.1)], None),
        ([row("x", 0.5, 0.6), PAPER], None),
        ([of("published", None, None, stated={"mean": 0.5}), OWN], [OWN]),
        ([of("published", None, None, stated={"mean": 0.5}), of("own", 0.5, None)], None),
    ],
)
def test_which_row_of_a_model_is_shown(rows: list[TableRow], kept: list[TableRow] | None) -> None:
    warnings: list[str] = []
    assert one_row_a_model(TWO, rows, warnings) == (rows if kept is None else kept)
    assert bool(warnings) == (kept is not None)


def test_what_is_left_out_is_said_with_its_scores() -> None:
    warnings: list[str] = []
    one_row_a_model(TWO, [PAPER, PUBLIC, OWN], warnings)
    assert warnings == [
        "left out, since another row is of the same model: public-row (by mteb: 55.00, as here); "
        "published-row (published, published: 55.50, here 55.00)"
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tasks", ["STS", "STS-10", "MTEB(eng, v1)"])
def test_beside_mteb_s_results_repository_no_model_stands_twice(tasks: str) -> None:
    if not REPOSITORY.is_dir():
        pytest.skip(f"no {REPOSITORY}")
    alone = ab.leaderboard(REPOSITORY, tasks=tasks)
    board = ab.leaderboard(REPOSITORY, tasks=tasks, published=True)
    names = [row["name"] for row in board.to_dict()["rows"]]
    assert len(names) == len(set(names)) == len(alone.labels)
    assert any("UAE-Large-V1 (published" in line for line in board.warnings)


@pytest.mark.filterwarnings("ignore")
def test_our_own_measurement_stands_for_both(tmp_path: Path) -> None:
    name = "sentence-transformers__all-MiniLM-L6-v2"
    from tests.result_files import put_record

    folder = tmp_path / "own" / name / "8b3219a9"
    tasks = [task.name for task in ab.leaderboard(REPOSITORY, tasks="STS").found.suite.task]
    for task in tasks:
        put(folder, task, 0.8)
        put_record(folder, task, {"name": name.replace("__", "/"), "revision": "8b3219a9"})
    board = ab.leaderboard(tmp_path / "own", REPOSITORY, tasks="STS", published=True)
    rows = [row for row in board.to_dict()["rows"] if row["name"].endswith("L6-v2")]
    assert [row["kind"] for row in rows] == ["own"]
    (line,) = [line for line in board.warnings if "all-MiniLM-L6-v2 (by mteb: 78.94" in line]
    assert "here 80.00" in line
