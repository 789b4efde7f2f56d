"""Means by language, type and task beside mteb's own tables of the same result files."""

import json
import math
import random
from pathlib import Path
from typing import Any

import mteb
import pytest

import angle_bench
from angle_bench.errors import UsageError
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite, named_languages
from tests.result_files import put, write

MODELS = ("BAAI/bge-small-en-v1.5", "intfloat/multilingual-e5-small")
# all languages by subset; four of them; pairs of languages whose names say them
SUITES = (
    *("MTEB(Scandinavian, v1)", "MTEB(Indic, v1)", "MTEB(deu, v1)", "MTEB(fra, v1)"),
    *("BEIR", "MTEB(Code, v1)"),
)


def fill(root: Path, benchmark: Any, leave_out: str = "") -> None:
    """Results of two models for all tasks of a benchmark, with languages as mteb says them."""
    for seed, name in enumerate(MODELS):
        draw = random.Random(seed)
        meta = mteb.get_model_meta(name, fetch_from_hf=False)
        folder = root / "results" / name.replace("/", "__") / str(meta.revision)
        write(folder / "model_meta.json", json.dumps(meta.to_dict()))
        for task in benchmark.tasks:
            known = task.metadata.hf_subsets_to_langscripts
            rows = {
                split: [
                    {
                        "hf_subset": subset,
                        "languages": known[subset],
                        "main_score": draw.random(),
                        task.metadata.main_score: 0.0,
                    }
                    for subset in task.hf_subsets
                ]
                for split in task.eval_splits
            }
            if task.metadata.name != leave_out or seed:
                raw = {
                    "task_name": task.metadata.name,
                    "dataset_revision": task.metadata.dataset["revision"],
                    "mteb_version": "2.26.0",
                    "evaluation_time": 1.0,
                    "scores": rows,
                }
                write(folder / f"{task.metadata.name}.json", json.dumps(raw))


def by_model(frame: Any) -> dict[str, dict[str, float]]:
    return {
        str(row["Model"]).rpartition("/")[2]: {
            key: value for key, value in row.items() if isinstance(value, float)
        }
        for row in frame.to_dict("records")
    }


@pytest.mark.filterwarnings("ignore:.*Missing subsets")
@pytest.mark.parametrize("name", SUITES)
def test_every_mean_is_mtebs(tmp_path: Path, name: str) -> None:
    from mteb.benchmarks._create_table import _create_per_language_table_from_benchmark_results

    benchmark = mteb.get_benchmark(name)
    fill(tmp_path, benchmark)
    loaded = mteb.ResultCache(cache_path=tmp_path).load_results(
        tasks=benchmark, include_remote=False
    )
    frame = loaded._to_results_df(benchmark.tasks)
    view = benchmark.language_view or "all"
    languages = by_model(_create_per_language_table_from_benchmark_results(frame, view).to_pandas())
    summary = by_model(loaded.get_benchmark_result())
    board = angle_bench.leaderboard(tmp_path, tasks=name, columns="languages")
    assert {row["model"] for row in board.to_dict()["rows"]} == set(languages)
    for row in board.to_dict()["rows"]:
        want = languages[row["model"]]
        found = {code: value["score"] for code, value in row["languages"].items()}
        assert found.keys() == want.keys()
        for code, score in want.items():
            assert found[code] == pytest.approx(100 * score, abs=1e-7), code
        means = summary[row["model"]]
        averages = {key: each["score"] for key, each in row["averages"].items()}
        assert averages.pop("mean") == pytest.approx(100 * means["Mean (Task)"], abs=1e-7)
        if len(averages) > 0:
            types = averages.pop("types")
            assert types == pytest.approx(100 * means["Mean (TaskType)"], abs=1e-7)
        for key, score in averages.items():
            assert score == pytest.approx(100 * means[key.removeprefix("type:")], abs=1e-7)


def test_languages_of_every_subset_are_mtebs() -> None:
    """For every task of mteb, also those whose thousands of subsets say theirs by name."""
    from mteb.get_tasks import _TASKS_REGISTRY

    from angle_bench.suites.catalogue import catalogue
    from angle_bench.suites.shipped import mteb_task

    named = 0
    for name in catalogue()["tasks"]:
        task = mteb_task(name)
        assert task is not None
        for subset, languages in _TASKS_REGISTRY[name].metadata.hf_subsets_to_langscripts.items():
            said = task.languages_of(subset)
            assert sorted(said) == sorted(languages), (name, subset)
            named += bool(named_languages(subset))
    assert named > 40_000


DEU, PAIR = "GermanSTSBenchmark", "STS17"


def two(root: Path, **subsets: float) -> Suite:
    (deu, pair) = select([f"{DEU},{PAIR}"]).task
    by_split = {split: {name: 0.5 for name in deu.subsets} for split in deu.splits}
    put(root / "org__m/r", DEU, by_split)
    scores = {name: subsets.get(name.replace("-", "_"), 0.1) for name in pair.subsets}
    put(root / "org__m/r", PAIR, {split: scores for split in pair.splits})
    return select([f"{DEU},{PAIR}"])


def test_a_pair_counts_for_both_languages(tmp_path: Path) -> None:
    two(tmp_path, en_de=0.9, nl_en=0.3)
    (row,) = angle_bench.leaderboard(
        tmp_path, tasks=f"{DEU},{PAIR}", columns="languages"
    ).to_dict()["rows"]
    found = {code: value["score"] for code, value in row["languages"].items()}
    assert found["nld-Latn"] == pytest.approx(30)
    splits = len(select([DEU]).task[0].splits)
    assert found["deu-Latn"] == pytest.approx(100 * (0.9 + 0.5 * splits) / (1 + splits))
    assert not math.isclose(found["eng-Latn"], found["deu-Latn"])


def test_a_language_with_a_task_that_is_missing_has_no_mean(tmp_path: Path) -> None:
    two(tmp_path, en_de=0.9)
    (tmp_path / "org__m/r" / f"{DEU}.json").unlink()
    given = {"tasks": f"{DEU},{PAIR}", "columns": "languages"}
    (row,) = angle_bench.leaderboard(tmp_path, **given).to_dict()["rows"]
    splits = len(select([DEU]).task[0].splits)
    said = row["languages"]["deu-Latn"]
    assert (said["score"], said["share"]) == (None, f"1 of {1 + splits}")
    assert row["languages"]["nld-Latn"]["score"] == pytest.approx(10)
    partial = angle_bench.leaderboard(tmp_path, partial=True, **given)
    (row,) = partial.to_dict()["rows"]
    assert row["languages"]["deu-Latn"]["score"] == pytest.approx(90)
    assert f"90.00 (1 of {1 + splits})" in partial.to_markdown()


def test_a_table_by_language_is_sorted_and_written(tmp_path: Path) -> None:
    two(tmp_path, en_de=0.9)
    board = angle_bench.leaderboard(
        tmp_path, tasks=f"{DEU},{PAIR}", columns="languages", sort="deu-Latn"
    )
    head, _, _line = [line for line in board.to_markdown().splitlines() if line[:1] == "|"][:3]
    assert [cell.strip() for cell in head.strip("|").split("|")][2:5] == [
        "ara-Arab",
        "deu-Latn",
        "eng-Latn",
    ]
    assert "language:deu-Latn" in board.to_csv().splitlines()[0]
    assert "language:deu-Latn" in board.to_dataframe().columns
    plain = angle_bench.leaderboard(tmp_path, tasks=f"{DEU},{PAIR}")
    assert "language" not in plain.to_csv()
    with pytest.raises(UsageError, match="summary, tasks and languages"):
        angle_bench.leaderboard(tmp_path, tasks=DEU, columns="language")  # type: ignore[arg-type]


def test_a_benchmark_of_many_languages_shows_those_of_mtebs_site() -> None:
    suite = select(["MTEB(Multilingual, v2)"])
    view = mteb.get_benchmark("MTEB(Multilingual, v2)").language_view
    assert sorted(suite.shown_languages) == sorted(view)
    assert len(select(["MTEB(Europe, v1)"]).shown_languages) > 20
