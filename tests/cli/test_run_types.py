"""`angle-bench run` on one small task of every type: scores, predictions, mteb's own answer."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import mteb
import pyarrow.parquet as pq
import pytest
from mteb.results import TaskResult
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.store.lmdb_store import open_store
from angle_bench.evaluation.encoders.load import load_variants
from angle_bench.evaluation.run.run_options import Computing
from angle_bench.evaluation.scoring.score import build
from angle_bench.evaluation.task_data import locate
from angle_bench.suites.task import Task
from tests.checkpoints import sts_rows, write_rows
from tests.cli.test_run import model_folders, snapshot
from tests.conftest import Cli
from tests.mirrors import classification, pair_classification, retrieval, task_of, texts

pytestmark = pytest.mark.process


def stage_sts(mirror: Path, task: Task) -> None:
    write_rows(mirror / task.dataset / "test.parquet", sts_rows(12))


def stage_languages(mirror: Path, task: Task) -> None:
    for number, subset in enumerate(task.subsets):
        write_rows(mirror / task.dataset / subset / "test.jsonl", sts_rows(5, seed=number))


def stage_pairs(mirror: Path, task: Task) -> None:
    pair_classification(mirror / task.dataset / "test.parquet", ("sent1", "sent2"))


def stage_pairs_in_one_row(mirror: Path, task: Task) -> None:
    pair_classification(mirror / task.dataset / "test.jsonl", ("sent1", "sent2"), single_row=True)


def stage_classes(mirror: Path, task: Task) -> None:
    classification(mirror, task.name)


def stage_two_classes(mirror: Path, task: Task) -> None:
    classification(mirror, task.name, classes=2)


def stage_folds(mirror: Path, task: Task) -> None:
    rows: list[dict[str, object]] = [
        {"title": text, "abstract": None, "label": number % 2}
        for number, text in enumerate(texts(23))
    ]
    write_rows(mirror / task.dataset / "biomimicry/evaluation.parquet", rows)


def stage_retrieval(mirror: Path, task: Task) -> None:
    retrieval(mirror / task.dataset)


def stage_reranking(mirror: Path, task: Task) -> None:
    retrieval(mirror / task.dataset, candidates=5)


def stage_clusters(mirror: Path, task: Task) -> None:
    rows: list[dict[str, object]] = [
        {"sentences": texts(60, seed=seed), "labels": [number % 4 for number in range(60)]}
        for seed in range(2)
    ]
    write_rows(mirror / task.dataset / "test.jsonl", rows)


def stage_summaries(mirror: Path, task: Task) -> None:
    rows: list[dict[str, object]] = [
        {
            "text": text,
            "human_summaries": texts(2, seed=10 + number),
            "machine_summaries": texts(4, seed=20 + number),
            "relevance": [1.0, 2.5, 3.0, 4.5],
        }
        for number, text in enumerate(texts(3))
    ]
    write_rows(mirror / task.dataset / "test.jsonl", rows)


def stage_translations(mirror: Path, task: Task) -> None:
    for seed, subset in enumerate(task.subsets):
        rows: list[dict[str, object]] = [
            {"sentence1": first, "sentence2": second}
            for first, second in zip(texts(8, seed=seed), texts(8, seed=seed + 9), strict=True)
        ]
        write_rows(mirror / task.dataset / subset / "test.jsonl", rows)


STAGE = {
    "STS12": stage_sts,
    "STS17": stage_languages,
    "TwitterSemEval2015": stage_pairs,
    "SprintDuplicateQuestions": stage_pairs_in_one_row,
    "Banking77Classification": stage_classes,
    "ToxicConversationsClassification": stage_two_classes,
    "SciRepEvalBiomimicryClassification": stage_folds,
    "NFCorpus": stage_retrieval,
    "AskUbuntuDupQuestions": stage_reranking,
    "TwentyNewsgroupsClustering.v2": stage_clusters,
    "SummEvalSummarization.v2": stage_summaries,
    "BUCC.v2": stage_translations,
}
WITHOUT_PREDICTIONS = {"TwentyNewsgroupsClustering.v2", "SummEvalSummarization.v2", "BUCC.v2"}

Rows = list[dict[str, Any]]


def main_score(task: Task, rows: Rows) -> float:
    """The main score of one subset and split, computed from its predictions alone."""
    if task.type == "STS":
        return float(spearmanr(column(rows, "gold"), column(rows, "score")).statistic)
    if task.type == "PairClassification":
        return float(average_precision_score(column(rows, "gold"), column(rows, "score")))
    if task.type == "Classification":
        right = defaultdict(list)
        for row in rows:
            right[row["experiment"]].append(row["gold"] == row["predicted"])
        return mean([mean(of_one) for of_one in right.values()])
    assert set(column(rows, "metric")) == {task.metric}
    return mean(column(rows, "value"))


def column(rows: Rows, name: str) -> list[Any]:
    return [row[name] for row in rows]


def mean(values: list[Any]) -> float:
    return sum(values) / len(values)


def check_predictions(task: Task, place: Path, result: TaskResult) -> int:
    """Compare every subset's and split's main score; return the number of predictions."""
    rows = pq.read_table(place).to_pylist()
    # mteb rounds retrieval metrics to five decimals, and everything to six on disk
    rounded = 6e-7 if task.type in ("STS", "PairClassification", "Classification") else 6e-6
    for split, scores in result.scores.items():
        for score in scores:
            here = [r for r in rows if (r["split"], r["subset"]) == (split, score["hf_subset"])]
            assert main_score(task, here) == pytest.approx(score["main_score"], abs=rounded)
    return len(rows)


@pytest.mark.long
def test_one_task_of_every_type(cli: Cli, tiny_bert: Path, tmp_path: Path) -> None:
    tasks = [task_of(name) for name in STAGE]
    for task in tasks:
        STAGE[task.name](tmp_path / "mirror", task)
    words = ("run", "-m", tiny_bert, "-t", ",".join(STAGE), "--mirror", "mirror")
    ended = cli(*words)
    assert ended.code == 0, ended.err
    (folder,) = model_folders()
    for task in tasks:
        result = TaskResult.from_disk(folder / f"{task.name}.json")
        assert f"{100 * result.get_score():.2f}" in ended.out
        assert {
            (split, row["hf_subset"]) for split, rows in result.scores.items() for row in rows
        } == {(split, subset) for split in task.splits for subset in task.subsets}
        record = json.loads((folder / f".angle-bench/{task.name}.json").read_text())
        assert record["data"]["verification"]["verdict"] in ("differs", "no reference")
        assert record["counts"]["samples"] > 0
        place = folder / f".angle-bench/{task.name}.parquet"
        assert place.exists() == (task.name not in WITHOUT_PREDICTIONS)
        kept = check_predictions(task, place, result) if place.exists() else 0
        assert record["counts"]["predictions"] == kept

    before = snapshot(folder)
    again = cli(*words)
    assert again.code == 0
    assert again.out.startswith(ended.out)
    assert snapshot(folder) == before


@pytest.mark.long
def test_mteb_gives_the_same_scores(cli: Cli, tiny_bert: Path, tmp_path: Path) -> None:
    names = ("NFCorpus", "AskUbuntuDupQuestions", "Banking77Classification", "TwitterSemEval2015")
    for name in names:
        STAGE[name](tmp_path / "mirror", task_of(name))
    words = ("-t", ",".join(names), "--mirror", "mirror")
    assert cli("run", "-m", tiny_bert, *words).code == 0
    (folder,) = model_folders()
    # the same vectors for both: a random model's are so alike that rounding moves a class
    store = open_store(None)
    encoder = load_variants([resolve(str(tiny_bert))], Computing("cpu:1"), store)[0]
    for name in names:
        ours = TaskResult.from_disk(folder / f"{name}.json")
        staged = build(task_of(name), locate(task_of(name), tmp_path / "mirror"))
        theirs = mteb.evaluate(encoder, staged, cache=None, show_progress_bar=False)
        (mine,), (other,) = ours.scores["test"], theirs.task_results[0].scores["test"]
        numbers = {key: value for key, value in other.items() if isinstance(value, float)}
        assert len(numbers) > 5
        found = {key: mine[key] for key in numbers}
        assert found == pytest.approx(numbers, abs=1e-6, nan_ok=True)
    encoder.close()
    store.close()


@pytest.mark.long
def test_predictions_that_are_gone_are_made_again(
    cli: Cli, tiny_bert: Path, tmp_path: Path
) -> None:
    stage_retrieval(tmp_path / "mirror", task_of("NFCorpus"))
    words = ("run", "-m", tiny_bert, "-t", "NFCorpus", "--mirror", "mirror")
    assert cli(*words).code == 0
    (folder,) = model_folders()
    place = folder / ".angle-bench/NFCorpus.parquet"
    before = pq.read_table(place)
    place.unlink()
    again = cli(*words)
    assert again.code == 0
    assert "NFCorpus is computed again: stored without its predictions" in again.err
    assert pq.read_table(place).equals(before)
