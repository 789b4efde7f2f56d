"""Averages of mteb's public results against mteb's own loaders, and against published figures."""

import math
from pathlib import Path

import pytest

from angle_bench.reporting.tables.arrange import LeaderboardOptions, arrange
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.stored_rows import model_rows
from angle_bench.results.find.collect import collect
from angle_bench.results.find.selected_models import every_model, models_of
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite

V1 = select(["MTEB(eng, v1)"])
V2 = select(["MTEB(eng, v2)"])
STS = select(["STS"])
STS10 = Suite(name="STS-10", version="1", task=tuple(t for t in V1.task if t.type == "STS"))


@pytest.fixture(scope="module")
def repository(shared: Path) -> Path:
    return shared / "results_repo"


def leaderboard(suite: Suite, *paths: Path) -> Board:
    warnings: list[str] = []
    rows = model_rows(suite, every_model(models_of(collect(paths).folders)), warnings)
    return arrange(suite, rows, LeaderboardOptions(), warnings)


def averages(board: Board, key: str) -> dict[str, float | None]:
    (column,) = (column for column in board.every if column.key == key)
    return {
        row.source.model: board.value(row, column).score
        for row in board.rows
        if row.source is not None
    }


def shown(board: Board) -> dict[str, str]:
    means = {name.rpartition("/")[2]: mean for name, mean in averages(board, "mean").items()}
    return {
        row.label: board.coverage(row) if (m := means[row.label]) is None else f"{100 * m:.2f}"
        for row in board.rows
    }


@pytest.mark.filterwarnings("ignore:.*Missing subsets")
@pytest.mark.parametrize("suite", [V1, V2], ids=lambda suite: suite.name)
def test_every_average_is_mtebs(repository: Path, suite: Suite) -> None:
    import mteb

    loaded = mteb.ResultCache(cache_path=repository).load_results(
        tasks=mteb.get_benchmark(suite.aliases[0]), include_remote=False
    )
    frame = loaded.get_benchmark_result()
    theirs = {row["Model"]: row for row in frame.to_dict("records")}
    board = leaderboard(suite, repository)
    columns = {"Mean (Task)": "mean", "Mean (TaskType)": "types"} | {
        kind: f"type:{kind}" for kind in {task.type for task in suite.task}
    }
    assert set(theirs) <= set(averages(board, "mean"))
    theirs.pop("openai/text-embedding-ada-002", None)  # its old folder has no model_meta.json
    compared = 0
    for theirs_key, key in columns.items():
        for name, score in averages(board, key).items():
            if name not in theirs:
                continue
            expected = theirs[name][theirs_key]
            assert (score is None) == math.isnan(expected)
            if score is not None:
                assert score == pytest.approx(expected, abs=1e-9)
                compared += 1
    assert compared > 60


def test_the_figures_of_the_public_repository(repository: Path) -> None:
    tables = [shown(leaderboard(suite, repository)) for suite in (STS10, STS, V1, V2)]
    assert {name: [table[name] for table in tables] for name in tables[0]} == {
        "UAE-Large-V1": ["84.59", "85.93", "64.55", "66.40"],
        "mxbai-embed-large-v1": ["84.66", "86.04", "64.44", "66.26"],
        "bge-large-en-v1.5": ["83.16", "84.56", "63.89", "65.89"],
        "all-MiniLM-L6-v2": ["78.95", "78.94", "56.10", "59.03"],
        "all-MiniLM-L12-v2": ["9 of 10", "80.02", "50 of 56", "38 of 41"],
        "all-mpnet-base-v2": ["9 of 10", "80.55", "51 of 56", "39 of 41"],
        "text-embedding-ada-002": ["80.97", "80.71", "60.99", "27 of 41"],
        "bge-small-en-v1.5": ["81.64", "82.82", "61.75", "64.30"],
        "GIST-small-Embedding-v0": ["83.05", "83.68", "62.38", "64.76"],
        "e5-mistral-7b-instruct": ["84.65", "86.00", "66.46", "67.97"],
    }


@pytest.mark.parametrize(
    ("label", "types"),
    [
        ("UAE-Large-V1", [75.19, 46.72, 87.25, 59.88, 54.62, 84.59, 32.03]),
        ("mxbai-embed-large-v1", [75.30, 46.41, 87.20, 59.80, 54.28, 84.66, 32.71]),
    ],
)
def test_means_of_the_seven_types(repository: Path, label: str, types: list[float]) -> None:
    board = leaderboard(V1, repository)
    (row,) = (row for row in board.rows if row.label == label)
    kinds = [column for column in board.columns if column.kind == "type"]
    assert [column.header for column in kinds] == [
        *("Class.", "Clust.", "Pair", "Rerank", "Retr.", "STS", "Summ."),
    ]
    scores = [board.value(row, column).score for column in kinds]
    assert [round(100 * score, 2) for score in scores if score is not None] == types


def test_uaes_cells_know_their_revision(repository: Path) -> None:
    (row,) = (row for row in leaderboard(V1, repository).rows if row.label == "UAE-Large-V1")
    origins = [cell.origin for cell in row.cells if cell.origin is not None]
    assert sum(origin.main for origin in origins) == 20
    assert {origin.revision for origin in origins if not origin.main} == {"external"}
    assert all(Path(origin.file).is_file() for origin in origins)


def test_two_old_files_one_cut_off(shared: Path) -> None:
    suite = select(["TwitterURLCorpus", "BiorxivClusteringS2S"])
    board = leaderboard(suite, shared / "results_v1")
    assert [(row.label, row.scores) for row in board.rows] == [
        ("UAE-Large-V1", [None, 0.3713316649119041])
    ]
    assert len(board.warnings) == 1
    assert "TwitterURLCorpus.json cannot be read (cut off" in board.warnings[0]
