"""Predictions of scored tasks: the main score follows from them, before mteb rounds it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, f1_score

import angle_bench
from angle_bench.errors import ModelError
from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
from angle_bench.evaluation.scoring.score import ScoredTask, prepare, score
from angle_bench.evaluation.task_data import locate
from tests.checkpoints import sts_rows, write_rows
from tests.mirrors import classification, pair_classification, retrieval, task_of, texts

pytestmark = pytest.mark.process

# mteb rounds the mean over queries
TO_FIVE = {"ndcg_at_10", "map_at_1000", "max_over_subqueries_map_at_1000"}


@pytest.fixture(scope="module")
def encoder(tiny_bert_once: Path) -> Iterator[MtebEncoder]:
    loaded = angle_bench.load(str(tiny_bert_once))
    yield loaded
    loaded.close()


def scored(name: str, encoder: Any, mirror: Path) -> ScoredTask:
    task = task_of(name)
    prepared = prepare(task, locate(task, mirror))
    done = score(encoder, prepared, 32)
    prepared.release()
    return done


def table(done: ScoredTask, split: str = "test") -> pa.Table:
    """The predictions of one split of a task with one subset."""
    (part,) = (part for part in done.predictions if part.table()["split"][0].as_py() == split)
    assert len(part) == part.table().num_rows
    return part.table()


def main(done: ScoredTask, split: str = "test") -> float:
    (row,) = done.result.scores[split]
    return float(row["main_score"])


def test_spearman(encoder: MtebEncoder, tmp_path: Path) -> None:
    write_rows(tmp_path / "mteb/sts12-sts/test.jsonl", sts_rows(15))
    done = scored("STS12", encoder, tmp_path)
    rows = table(done)
    assert spearmanr(rows["gold"], rows["score"]).statistic == pytest.approx(main(done), abs=1e-9)


@pytest.mark.parametrize("single_row", [False, True])
def test_average_precision_of_the_best_similarity(
    single_row: bool, encoder: MtebEncoder, tmp_path: Path
) -> None:
    place = tmp_path / task_of("SprintDuplicateQuestions").dataset / "test.parquet"
    pair_classification(place, ("sent1", "sent2"), single_row=single_row)
    done = scored("SprintDuplicateQuestions", encoder, tmp_path)
    rows = table(done)
    assert rows["text1"].to_pylist() == texts(20, seed=1)
    assert rows["gold"].to_pylist()[:4] == [1.0, 0.0, 0.0, 1.0]
    found = average_precision_score(rows["gold"], rows["score"])
    assert found == pytest.approx(main(done), abs=1e-9)
    (every,) = done.result.scores["test"]
    assert every["cosine_ap"] < every["max_ap"]  # or any choice of similarity would do


def test_the_best_accuracy_over_thresholds(encoder: MtebEncoder, tmp_path: Path) -> None:
    place = tmp_path / task_of("LegalBenchPC").dataset / "test.parquet"
    pair_classification(place, ("sentence1", "sentence2"))
    done = scored("LegalBenchPC", encoder, tmp_path)
    rows = table(done)
    gold, given = rows["gold"].to_numpy(), rows["score"].to_numpy()
    # a threshold lies between two pairs
    best = max(np.mean((given >= bound) == gold) for bound in np.sort(given)[1:])
    assert best == pytest.approx(main(done), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "candidates"),
    [("NFCorpus", 0), ("AskUbuntuDupQuestions", 5), ("WebLINXCandidatesReranking", 5)],
)
def test_the_mean_over_queries(
    name: str, candidates: int, encoder: MtebEncoder, tmp_path: Path
) -> None:
    task = task_of(name)
    retrieval(tmp_path / task.dataset, candidates=candidates, splits=task.splits)
    done = scored(name, encoder, tmp_path)
    rows = table(done, task.splits[0])
    assert rows["query_id"].to_pylist() == [f"q{number}" for number in range(6)]
    assert set(rows["metric"].to_pylist()) == {task.metric}
    found = float(np.mean(rows["value"].to_numpy()))
    if task.metric in TO_FIVE:
        found = round(found, 5)
    assert 0 < found < 1
    assert found == pytest.approx(main(done, task.splits[0]), abs=1e-9)


def test_each_language_of_a_retrieval_set_has_its_queries(
    encoder: MtebEncoder, tmp_path: Path
) -> None:
    task = task_of("LoTTE").model_copy(
        update={"subsets": ("writing_search", "writing_forum"), "splits": ("test",)}
    )
    for number, subset in enumerate(task.subsets):
        retrieval(tmp_path / task.dataset, prefix=f"{subset}-", queries=5 + number)
    prepared = prepare(task, locate(task, tmp_path))
    done = score(encoder, prepared, 32)
    prepared.release()
    scores = {row["hf_subset"]: row["main_score"] for row in done.result.scores["test"]}
    parts = {part.table()["subset"][0].as_py(): part.table() for part in done.predictions}
    assert {name: part.num_rows for name, part in parts.items()} == {
        "writing_search": 5,
        "writing_forum": 6,
    }
    for name, part in parts.items():
        found = round(float(np.mean(part["value"].to_numpy())), 5)
        assert found == pytest.approx(scores[name], abs=1e-9)


def test_subqueries_of_one_user_are_one_row(encoder: MtebEncoder, tmp_path: Path) -> None:
    task = task_of("MindSmallReranking")
    retrieval(tmp_path / task.dataset, candidates=5, query_id="u{user}_{turn}")
    done = scored(task.name, encoder, tmp_path)
    rows = table(done)
    assert rows["query_id"].to_pylist() == ["u0", "u1", "u2"]
    found = round(float(np.mean(rows["value"].to_numpy())), 5)
    assert found == pytest.approx(main(done), abs=1e-9)


@pytest.mark.parametrize("name", ["Banking77Classification", "ToxicConversationsClassification"])
def test_the_mean_accuracy_over_experiments(
    name: str, encoder: MtebEncoder, tmp_path: Path
) -> None:
    classification(tmp_path, name, classes=2)
    done = scored(name, encoder, tmp_path)
    rows = table(done)
    assert rows.num_rows == 10 * 17
    assert rows["text"].to_pylist()[:17] == texts(17, seed=1)
    assert mean_over_experiments(rows) == pytest.approx(main(done), abs=1e-9)


def test_the_mean_f1_over_experiments(encoder: MtebEncoder, tmp_path: Path) -> None:
    name = "DutchColaClassification"
    classification(tmp_path, name, classes=2)
    done = scored(name, encoder, tmp_path)
    by_experiment = table(done).to_pandas().groupby("experiment")
    found = [f1_score(r["gold"], r["predicted"], average="macro") for _, r in by_experiment]
    assert float(np.mean(found)) == pytest.approx(main(done), abs=1e-9)


def test_every_row_is_held_out_once_in_cross_validation(
    encoder: MtebEncoder, tmp_path: Path
) -> None:
    task = task_of("SciRepEvalBiomimicryClassification")
    rows: list[dict[str, object]] = [
        {"title": text, "abstract": "", "label": number % 2}
        for number, text in enumerate(texts(23))
    ]
    write_rows(tmp_path / task.dataset / "biomimicry/evaluation.jsonl", rows)
    done = scored(task.name, encoder, tmp_path)
    found = table(done, "evaluation")
    assert sorted(found["index"].to_pylist()) == list(range(23))
    assert found["experiment"].to_pylist() == sorted(found["experiment"].to_pylist())
    for row in found.to_pylist():
        assert row["text"] == rows[row["index"]]["title"]
        assert row["gold"] == str(rows[row["index"]]["label"])
    assert mean_over_experiments(found) == pytest.approx(main(done, "evaluation"), abs=1e-9)


def mean_over_experiments(rows: pa.Table) -> float:
    frame = rows.to_pandas()
    return float((frame["gold"] == frame["predicted"]).groupby(frame["experiment"]).mean().mean())


def test_a_metric_over_whole_arrangements_is_scored_without_predictions(
    encoder: MtebEncoder, tmp_path: Path
) -> None:
    task = task_of("StakeholderGrounding")
    rows: list[dict[str, object]] = [
        {
            "round_id": f"r{number}",
            "texts": texts(6, seed=number),
            "x": [0.1, 0.9, 0.4, 0.5, 0.2, 0.7],
            "y": [0.3, 0.8, 0.1, 0.6, 0.9, 0.2],
        }
        for number in range(2)
    ]
    write_rows(tmp_path / task.dataset / "rai/test.jsonl", rows)
    done = scored(task.name, encoder, tmp_path)
    assert list(done.predictions) == []
    assert -1 <= main(done) <= 1


class Constant:
    """An encoder that gives every text the same vector."""

    def __init__(self, inner: MtebEncoder) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def encode(self, *args: Any, **kwargs: Any) -> Any:
        return np.ones_like(self._inner.encode(*args, **kwargs))


def test_a_main_score_that_is_no_number_is_refused(encoder: MtebEncoder, tmp_path: Path) -> None:
    write_rows(tmp_path / "mteb/sts12-sts/test.jsonl", sts_rows(15))
    with pytest.raises(ModelError, match=r"STS12 default/test has no cosine_spearman: it is nan"):
        scored("STS12", Constant(encoder), tmp_path)
