"""The value of a retrieval metric for each query: their mean is mteb's score."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from angle_bench.evaluation.mteb_internals import Pmrr, Run, mrr, pmrr_replaced

Scores = Mapping[str, Mapping[str, float]]
Judgements = Mapping[str, Mapping[str, int]]

# what pytrec_eval calls mteb's metrics
TREC_NAMES = {
    "ndcg_at": "ndcg_cut",
    "map_at": "map_cut",
    "recall_at": "recall",
    "precision_at": "P",
    "hit_rate_at": "success",
}
MAX_OVER_SUBQUERIES = "max_over_subqueries_"
INSTRUCTION_CHANGE = "p-MRR"


def per_query(
    metric: str, scores: Scores, judgements: Judgements, ranking: Scores
) -> dict[str, float]:
    """The value of a metric for each query.

    Two metrics count several queries as one item, which is named by what their ids share:
    `robustness_at_10` takes the worst query, `paired_accuracy` wants both right.

    Args:
        metric: mteb's name of the main metric; `max_over_subqueries_…` wants scores and ranking
            of `merged` queries.
        scores: pytrec_eval's values by query and metric.
        judgements: The relevance of documents by query.
        ranking: The similarity of documents by query.

    Returns:
        Values by query id, in the order of the ids. mteb rounds their mean to five decimals,
        except for MRR and the two above.

    Raises:
        ValueError: The metric is not known.
    """
    metric = metric.removeprefix(MAX_OVER_SUBQUERIES)
    kind, _, cutoff = metric.rpartition("_")
    if kind == "mrr_at":
        by_query = mrr(dict(judgements), ranking, [int(cutoff)])[f"MRR@{cutoff}"]
        values = dict(zip(ranking, by_query, strict=True))
    elif metric == "robustness_at_10":
        values = _worst_of_group(scores, "ndcg_cut_10")
    elif metric == "paired_accuracy":
        worst = _worst_of_group(scores, "recall_1")
        values = {query: float(value == 1) for query, value in worst.items()}
    elif metric == "accuracy":
        values = {query: by_metric["recall_1"] for query, by_metric in scores.items()}
    elif kind in TREC_NAMES:
        name = f"{TREC_NAMES[kind]}_{cutoff}"
        values = {query: by_metric[name] for query, by_metric in scores.items()}
    else:
        raise ValueError(f"the metric {metric} has no value of one query")
    return dict(sorted(values.items()))


def merged(judgements: Judgements, ranking: Scores) -> tuple[Judgements, Scores]:
    """Queries that stand for one need as one: each document has its best similarity.

    Their ids are alike up to the last `_`, as in MIND, where a user has several queries.
    """
    one_ranking: dict[str, dict[str, float]] = {}
    one_judgement: dict[str, Mapping[str, int]] = {}
    for query, relevance in judgements.items():
        need = query.rpartition("_")[0]
        one_judgement[need] = relevance
        best = one_ranking.setdefault(need, {})
        for document, similarity in ranking[query].items():
            best[document] = max(similarity, best.get(document, similarity))
    return one_judgement, one_ranking


@contextmanager
def instruction_changes() -> Iterator[dict[str, float]]:
    """p-MRR by query, where mteb computes it while the block lasts: their mean is its score.

    mteb compares the ranks of documents under two instructions. Which documents these are, its
    tasks load for themselves and hand to nothing but the function that is listened to here.
    """
    found: dict[str, float] = {}

    def listening(compute: Pmrr) -> Pmrr:
        def heard(original_run: Run, new_run: Run, changed_qrels: dict[str, list[str]]) -> float:
            for query, documents in changed_qrels.items():
                if documents and f"{query}-og" in original_run and f"{query}-changed" in new_run:
                    found[query] = float(compute(original_run, new_run, {query: documents}))
            return float(compute(original_run, new_run, changed_qrels))

        return heard

    with pmrr_replaced(listening):
        yield found


def _worst_of_group(scores: Scores, name: str) -> dict[str, float]:
    worst: dict[str, float] = {}
    for query, by_metric in scores.items():
        group = query.split("_")[0]
        worst[group] = min(by_metric[name], worst.get(group, by_metric[name]))
    return worst
