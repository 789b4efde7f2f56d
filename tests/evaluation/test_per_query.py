"""Values of each query: their mean is what mteb's own functions give over all of them."""

import random

import pytest
from mteb._evaluators.retrieval_metrics import (
    calculate_retrieval_scores,
    make_score_dict,
    max_over_subqueries,
    paired_accuracy,
    robustness_at_10,
)

from angle_bench.evaluation.scoring.per_query import merged, per_query

K = (1, 3, 5, 10, 20, 100, 1000)
Run = tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]


def run(names: list[str], seed: int = 0) -> Run:
    """Judgements and similarities of 40 documents, some of them equal."""
    random_ = random.Random(seed)
    documents = [f"d{number}" for number in range(40)]
    judged = {
        name: {document: random_.choice([0, 1, 2]) for document in random_.sample(documents, 6)}
        | {random_.choice(documents): 1}
        for name in names
    }
    ranking = {
        name: {document: round(random_.random(), 1) for document in random_.sample(documents, 30)}
        for name in names
    }
    return judged, ranking


def mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)


@pytest.mark.parametrize(
    "metric",
    ["ndcg_at_10", "map_at_1000", "recall_at_100", "precision_at_1", "hit_rate_at_5", "accuracy"],
)
def test_the_mean_is_mteb_s_score_to_its_five_decimals(metric: str) -> None:
    judged, ranking = run([f"q{number}" for number in range(17)])
    result = calculate_retrieval_scores(ranking, judged, K)
    theirs = score_dict(result)[metric]
    values = per_query(metric, result.all_scores, judged, ranking)
    assert list(values) == sorted(judged)
    assert 0 < theirs < 1
    assert round(mean(values), 5) == pytest.approx(theirs, abs=1e-9)


def test_mrr_is_not_rounded() -> None:
    judged, ranking = run([f"q{number}" for number in range(17)], seed=1)
    result = calculate_retrieval_scores(ranking, judged, K)
    values = per_query("mrr_at_10", result.all_scores, judged, ranking)
    assert mean(values) == pytest.approx(result.mrr["MRR@10"], abs=1e-9)
    assert set(values) == set(judged)


def score_dict(result: object) -> dict[str, float]:
    names = ("ndcg", "recall", "precision", "mrr", "naucs", "naucs_mrr", "hit_rate")
    parts = {name: getattr(result, name) for name in names}
    return make_score_dict(**parts, _map=result.map, task_scores={})  # type: ignore[attr-defined]


def test_robustness_is_the_worst_wording_of_a_need() -> None:
    judged, ranking = run([f"{need}_{wording}" for need in range(6) for wording in range(3)])
    scores = calculate_retrieval_scores(ranking, judged, K).all_scores
    values = per_query("robustness_at_10", scores, judged, ranking)
    assert list(values) == [str(need) for need in range(6)]
    assert mean(values) == pytest.approx(robustness_at_10(judged, ranking, scores), abs=1e-9)


def test_a_pair_counts_where_both_queries_are_right() -> None:
    judged = {f"{n}_q{side}": {f"d{side}": 1} for n in range(4) for side in (1, 2)}
    right = {(0, 1), (0, 2), (1, 1), (3, 2)}
    ranking = {
        f"{n}_q{side}": {f"d{side}": 0.9, f"d{3 - side}": 0.1 if (n, side) in right else 0.95}
        for n in range(4)
        for side in (1, 2)
    }
    scores = calculate_retrieval_scores(ranking, judged, K).all_scores
    values = per_query("paired_accuracy", scores, judged, ranking)
    assert values == {"0": 1.0, "1": 0.0, "2": 0.0, "3": 0.0}
    assert mean(values) == paired_accuracy(judged, ranking, scores)


def test_subqueries_count_as_one_query() -> None:
    judged, ranking = run([f"user_{number}_{part}" for number in range(9) for part in range(2)])
    for number in range(9):
        judged[f"user_{number}_1"] = judged[f"user_{number}_0"]
    metric = "max_over_subqueries_map_at_1000"
    theirs = max_over_subqueries(judged, ranking, K)[metric]
    as_one = merged(judged, ranking)
    scores = calculate_retrieval_scores(as_one[1], as_one[0], K).all_scores
    values = per_query(metric, scores, *as_one)
    assert list(values) == [f"user_{number}" for number in range(9)]
    assert round(mean(values), 5) == pytest.approx(theirs, abs=1e-9)


def test_a_metric_of_no_single_query_is_refused() -> None:
    judged, ranking = run(["q"])
    with pytest.raises(ValueError, match="p-MRR"):
        per_query("p-MRR", {}, judged, ranking)
