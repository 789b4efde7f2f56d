"""Every score of a clone of mteb's results repository, as mteb reads it and as we do."""

import math
from pathlib import Path

import pytest

from angle_bench.results.find.collect import collect
from angle_bench.results.result_file import read_result
from angle_bench.suites.shipped import mteb_task

# model, revision, task, split, subset
Scores = dict[tuple[str, str, str, str, str], float]


def by_mteb(repository: Path) -> tuple[Scores, int]:
    """Its scores, and how many files they are of."""
    import mteb

    cache = mteb.ResultCache(cache_path=repository)
    loaded = cache.load_results(include_remote=False, require_model_meta=False)
    frame = loaded.to_dataframe("subset", include_model_revision=True, format="long")
    keys = ["model_name", "model_revision", "task_name", "split", "subset"]
    scores = {tuple(row[key] for key in keys): row["score"] for row in frame.to_dict("records")}
    assert len(scores) == len(frame)
    return scores, sum(len(model.task_results) for model in loaded)  # type: ignore[return-value]


def by_us(repository: Path) -> tuple[Scores, int]:
    """Our scores, and how many files they are of."""
    scores: Scores = {}
    found = collect([repository])
    assert found.warnings == []
    files = [(folder, name) for folder in found.folders for name in folder.files]
    for folder, name in files:
        task = mteb_task(name)
        result = read_result(folder.file(name), "" if task is None else task.metric)
        assert result is not None
        for split, subsets in result.scores.items():
            for subset, score in subsets.items():
                key = (folder.name, folder.revision, result.task, split, subset)
                assert key not in scores
                scores[key] = score
    return scores, len(files)


@pytest.mark.filterwarnings("ignore:Main score")
def test_both_read_every_score_of_every_file(shared: Path) -> None:
    theirs, their_files = by_mteb(shared / "results_repo")
    ours, our_files = by_us(shared / "results_repo")
    assert our_files == their_files > 800
    assert set(ours) == set(theirs)
    assert len(ours) > 3_000
    # mteb leaves the reranking tasks of before 1.11 without a score, whose metric was `map`
    without = {key for key, score in theirs.items() if math.isnan(score)}
    assert {(model, task) for model, _, task, _, _ in without} == {
        ("openai/text-embedding-ada-002", task)
        for task in (
            *("AskUbuntuDupQuestions", "MindSmallReranking"),
            *("SciDocsRR", "StackOverflowDupQuestions"),
        )
    }
    assert {key: ours[key] for key in ours if key not in without} == {
        key: theirs[key] for key in theirs if key not in without
    }
