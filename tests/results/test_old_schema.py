"""Files from before mteb 1.11."""

from pathlib import Path
from typing import Any

import pytest

from angle_bench.results.old_schema import old_scores
from angle_bench.results.result_file import UnreadableResult, read_result
from tests.result_files import put_old, write

COS = {"cos_sim": {"pearson": 0.1, "spearman": 0.8}, "dot": {"spearman": 0.3}}


def scores(metric: str, task: str = "T", version: str = "1.0.1", **splits: Any) -> Any:
    head = {"dataset_revision": None, "mteb_dataset_name": task, "mteb_version": version}
    return old_scores({**head, **splits}, metric)


@pytest.mark.parametrize(
    ("metric", "row", "expected"),
    [
        ("cosine_spearman", COS, 0.8),
        ("ndcg_at_10", {"ndcg_at_1": 0.1, "ndcg_at_10": 0.4}, 0.4),
        ("v_measure", {"v_measure": 0.3, "v_measures": {"Level 0": [0.1]}}, 0.3),
        ("max_ap", {"max": {"ap": 0.7}, "cos_sim": {"ap": 0.6}}, 0.7),
        ("map_at_1000", {"map": 0.5, "mrr": 0.9}, 0.5),
        ("max_over_subqueries_map_at_1000", {"map": 0.5, "mrr": 0.9}, 0.5),
        ("accuracy", {"accuracy": 0.2, "main_score": 0.25}, 0.25),  # as the file says
    ],
)
def test_the_main_score_is_found_under_its_former_name(
    metric: str, row: dict[str, Any], expected: float
) -> None:
    whole = {**row, "evaluation_time": 9.5}
    assert scores(metric, test=whole) == {"test": {"default": expected}}


def test_splits_and_languages_stay_apart() -> None:
    test = {"en-en": COS, "fr-fr": {"cos_sim": {"spearman": 0.2}}, "evaluation_time": 1}
    found = scores("cosine_spearman", test=test, validation=COS)
    assert found == {"test": {"en-en": 0.8, "fr-fr": 0.2}, "validation": {"default": 0.8}}


def test_a_file_without_the_metric_has_no_score() -> None:
    assert scores("ndcg_at_10", test={"map_at_10": 0.5}) == {"test": {}}


def test_subsets_go_by_their_names_of_today() -> None:
    french = {"fr": {"ndcg_at_10": 0.5}}
    assert scores("ndcg_at_10", "XPQARetrieval", test=french) == {"test": {"fra-fra": 0.5}}
    only = scores("v_measure", "MLSUMClusteringP2P", "1.1.2.dev0", test={"v_measure": 0.4})
    assert only == {"test": {"fr": 0.4}}


def test_a_renamed_task_is_read_under_its_name_of_today(tmp_path: Path) -> None:
    place = put_old(tmp_path, "8TagsClustering", test={"v_measure": 0.4})
    result = read_result(place, "v_measure")
    assert result is not None
    assert (result.task, result.scores) == ("EightTagsClustering", {"test": {"default": 0.4}})


def test_the_file_says_version_and_data_or_nothing(tmp_path: Path) -> None:
    raw = {"mteb_dataset_name": "STS12", "test": COS}
    result = read_result(write(tmp_path / "STS12.json", raw), "cosine_spearman")
    assert result is not None
    assert (result.mteb_version, result.dataset_revision) == (None, "unknown")


@pytest.mark.parametrize("row", [{"main_score": "0.5"}, {"main_score": True}, {"main_score": []}])
def test_what_is_no_number_is_no_score(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(UnreadableResult):
        read_result(put_old(tmp_path, "T", test=row), "accuracy")


def test_the_files_of_ada(shared: Path) -> None:
    folder = shared / "results_repo/results/openai__text-embedding-ada-002/no_revision_available"
    expected = {
        ("STS17", "cosine_spearman"): ("en-en", 0.9025442664905521),
        ("SICK-R", "cosine_spearman"): ("default", 0.8060068499509984),
        ("TwitterURLCorpus", "max_ap"): ("default", 0.8722052422554326),
        ("AskUbuntuDupQuestions", "map_at_1000"): ("default", 0.6204794780297925),
        ("MTOPDomainClassification", "accuracy"): ("en", 0.9212722298221614),
    }
    for (task, metric), (subset, score) in expected.items():
        result = read_result(folder / f"{task}.json", metric)
        assert result is not None
        assert result.scores["test"][subset] == score
