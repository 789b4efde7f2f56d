"""The main score follows from what is stored of every item, for every type of task.

Scores of mteb against the measures that reports take from the stored rows.
"""

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import angle_bench
from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
from angle_bench.evaluation.scoring.score import ScoredTask, prepare, score
from angle_bench.evaluation.task_data import locate
from angle_bench.reporting.comparison.parts import ScoredPart, part_of
from angle_bench.results.predictions import Predictions, has_predictions
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Task
from tests.checkpoints import write_rows
from tests.mirrors import classification, pair_classification, task_of, texts

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def encoder(tiny_bert_once: Path) -> Iterator[MtebEncoder]:
    loaded = angle_bench.load(str(tiny_bert_once))
    yield loaded
    loaded.close()


class Random:
    """An encoder whose vectors say nothing, but are always the same for a text."""

    def __init__(self, inner: MtebEncoder) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def encode(self, inputs: Any, **_: Any) -> Any:
        seeds = [hash_of(text) for batch in inputs for text in batch["text"]]
        return np.array([np.random.default_rng(seed).normal(size=8) for seed in seeds])


def hash_of(text: str) -> int:
    """A number that is the same in every process."""
    return int.from_bytes(text.encode()[-12:], "big")


def scored(task: Task, encoder: Any, mirror: Path) -> ScoredTask:
    prepared = prepare(task, locate(task, mirror))
    done = score(encoder, prepared, 32)
    prepared.release()
    return done


def stored(part: Predictions) -> pa.Table:
    """The rows as they come back from a file."""
    file = io.BytesIO()
    pq.write_table(part.table(), file)
    return pq.read_table(file)


def check(task: Task, encoder: Any, mirror: Path) -> dict[tuple[str, str], ScoredPart]:
    """Every part's measure gives mteb's score; the parts by subset and split."""
    done = scored(task, encoder, mirror)
    assert has_predictions(task)
    found = {}
    for one in done.predictions:
        rows = stored(one)
        assert len(one) == rows.num_rows
        part = part_of(rows, task)
        subset, split = rows["subset"][0].as_py(), rows["split"][0].as_py()
        (of_mteb,) = (row for row in done.result.scores[split] if row["hf_subset"] == subset)
        assert part.measure.value() == pytest.approx(of_mteb["main_score"], abs=1e-6)
        assert part.measure.size == part.keys.num_rows == len(part.measure.influence())
        assert part.measure.influence().sum() == pytest.approx(0, abs=1e-12)
        found[subset, split] = part
    assert set(found) == {(subset, split) for subset in task.subsets for split in task.splits}
    return found


def labelled(count: int, kinds: int, seed: int = 0) -> tuple[list[str], list[str]]:
    random_ = random.Random(seed)
    return texts(count, seed=seed), [f"kind {random_.randrange(kinds)}" for _ in range(count)]


def test_clustering_by_levels_of_labels(encoder: MtebEncoder, tmp_path: Path) -> None:
    task = task_of("SNLHierarchicalClusteringP2P")
    own, labels = labelled(60, 3)
    rows: list[dict[str, object]] = [
        # some lack the second level
        {"sentences": text, "labels": [label, f"{label} {at % 2}"][: 1 + (at % 5 > 0)]}
        for at, (text, label) in enumerate(zip(own, labels, strict=True))
    ]
    write_rows(tmp_path / task.dataset / "test.jsonl", rows)
    (part,) = check(task, Random(encoder), tmp_path).values()
    runs = part.keys.filter(pc.is_null(part.keys["text"]))
    assert runs["level"].to_pylist() == [0] * 10 + [1] * 10


def test_a_part_of_the_documents_is_clustered(encoder: MtebEncoder, tmp_path: Path) -> None:
    """Rows are numbered as in the data, not as drawn; every model draws the same."""
    task = task_of("TwentyNewsgroupsClustering.v2")
    own, labels = labelled(1500, 5)
    whole = {"sentences": own, "labels": labels}
    write_rows(tmp_path / task.dataset / "test.jsonl", [whole])
    drawn = []
    for model in (Random(encoder), encoder):
        (part,) = check(task, model, tmp_path).values()
        drawn.append(part.keys)
    documents = drawn[0].filter(pc.is_valid(drawn[0]["text"])).to_pylist()
    assert len(documents) == 60
    assert all(own[row["index"]] == row["text"] for row in documents)
    assert drawn[0].equals(drawn[1])


def test_sets_that_are_clustered_one_by_one(encoder: MtebEncoder, tmp_path: Path) -> None:
    task = task_of("TwentyNewsgroupsClustering")
    sets: list[dict[str, object]] = []
    for seed, kinds in enumerate((3, 1, 2)):  # of one label, which mteb does not cluster
        own, labels = labelled(20 + seed, kinds, seed)
        sets.append({"sentences": own, "labels": labels})
    write_rows(tmp_path / task.dataset / "test.jsonl", sets)
    (part,) = check(task, Random(encoder), tmp_path).values()
    assert part.measure.size == 20 + 21 + 22 + 3


def test_bitext_of_two_columns(encoder: MtebEncoder, tmp_path: Path) -> None:
    task = task_of("Tatoeba").model_copy(update={"subsets": ("deu-eng", "fra-eng")})
    for seed, subset in enumerate(task.subsets):
        own, others = texts(30, seed=2 * seed), texts(30, seed=2 * seed + 1)
        rows: list[dict[str, object]] = [
            {"sentence1": text, "sentence2": text if at % 3 else other}
            for at, (text, other) in enumerate(zip(own, others, strict=True))
        ]
        rows[4]["sentence1"] = rows[5]["sentence1"]
        for split in task.splits:
            write_rows(tmp_path / task.dataset / subset / f"{split}.jsonl", rows)
    for part in check(task, encoder, tmp_path).values():
        assert 0 < part.measure.value() < 1


def test_summaries(encoder: MtebEncoder, tmp_path: Path) -> None:
    """Texts whose summaries are all alike are left out, as mteb does."""
    summaries(tmp_path, "SummEvalSummarization.v2")
    (part,) = check(task_of("SummEvalSummarization.v2"), encoder, tmp_path).values()
    assert np.flatnonzero(np.isnan(part.scores)).tolist() == [3, 5]


def test_summaries_by_the_old_rule(encoder: MtebEncoder, tmp_path: Path) -> None:
    """It averages p values as well as correlations; what is stored is what it averages."""
    summaries(tmp_path, "SummEval")
    (part,) = check(task_of("SummEval"), encoder, tmp_path).values()
    assert part.measure.value() > 0


def summaries(mirror: Path, name: str) -> None:
    rows: list[dict[str, object]] = []
    for at in range(8):
        machine = texts(6, seed=10 + at)
        ratings = [float(1 + (at * place) % 4) for place in range(6)]
        if at == 3:
            ratings = [2.0] * 6
        if at == 5:
            machine = [machine[0]] * 6
        rows.append(
            {
                "text": f"text {at}",
                "human_summaries": texts(3, seed=50 + at),
                "machine_summaries": machine,
                "relevance": ratings,
            }
        )
        rows[-1]["relevance"] = [3.5, *ratings[1:]] if at not in (3,) else ratings
    write_rows(mirror / task_of(name).dataset / "test.jsonl", rows)


@pytest.mark.parametrize("name", ["CEDRClassification", "SensitiveTopicsClassification"])
def test_several_labels(name: str, encoder: MtebEncoder, tmp_path: Path) -> None:
    task = task_of(name)
    several_labels(tmp_path, task)
    (part,) = check(task, encoder, tmp_path).values()
    assert 0 < part.measure.value() < 1
    assert part.measure.size == 40 * len(set(part.keys["experiment"].to_pylist()))


def test_f1_of_several_labels(encoder: MtebEncoder, tmp_path: Path) -> None:
    """Those of mteb need columns of their own; the metric is computed whatever the main one is."""
    task = task_of("CEDRClassification")
    several_labels(tmp_path, task)
    done = scored(task, encoder, tmp_path)
    (rows,) = map(stored, done.predictions)
    part = part_of(rows, task.model_copy(update={"metric": "f1"}))
    (of_mteb,) = done.result.scores["test"]
    assert 0 < part.measure.value() < 1
    assert part.measure.value() == pytest.approx(of_mteb["f1"], abs=1e-6)


def several_labels(mirror: Path, task: Task) -> None:
    for seed, split in enumerate(("train", "test")):
        rows: list[dict[str, object]] = [
            {"text": text, "label": [kind for kind in range(3) if (at + seed) % (kind + 2) == 0]}
            for at, text in enumerate(texts(40, seed=seed))
        ]
        write_rows(mirror / task.dataset / f"{split}.jsonl", rows)


@pytest.mark.parametrize("name", ["Banking77Classification", "DutchColaClassification"])
def test_accuracy_and_f1_of_classes(name: str, encoder: MtebEncoder, tmp_path: Path) -> None:
    classification(tmp_path, name, classes=2)
    check(task_of(name), encoder, tmp_path)


def test_folds_of_unequal_size(encoder: MtebEncoder, tmp_path: Path) -> None:
    task = task_of("SciRepEvalBiomimicryClassification")
    rows: list[dict[str, object]] = [
        {"title": text, "abstract": "", "label": at % 2} for at, text in enumerate(texts(23))
    ]
    write_rows(tmp_path / task.dataset / "biomimicry/evaluation.jsonl", rows)
    check(task, encoder, tmp_path)


def test_the_best_accuracy_of_pairs(encoder: MtebEncoder, tmp_path: Path) -> None:
    place = tmp_path / task_of("LegalBenchPC").dataset / "test.parquet"
    pair_classification(place, ("sentence1", "sentence2"))
    check(task_of("LegalBenchPC"), encoder, tmp_path)


def test_instructions_that_change_a_ranking(encoder: MtebEncoder, tmp_path: Path) -> None:
    task = task_of("Core17InstructionRetrieval")
    follow_ir(tmp_path / task.dataset)
    (part,) = check(task, encoder, tmp_path).values()
    assert part.keys["query_id"].to_pylist() == ["q0", "q1", "q2", "q3"]
    assert len(set(part.scores)) > 1


def follow_ir(folder: Path) -> None:
    """Queries, each under two instructions, and the documents that the second makes irrelevant."""
    ids = [f"q{number}-{kind}" for number in range(4) for kind in ("og", "changed")]
    documents = [f"d{number}" for number in range(12)]
    files: dict[str, list[dict[str, object]]] = {
        "corpus/corpus": [
            {"_id": name, "title": "", "text": text}
            for name, text in zip(documents, texts(12, seed=4), strict=True)
        ],
        "queries/queries": [
            {"_id": name, "text": text} for name, text in zip(ids, texts(8, seed=5), strict=True)
        ],
        "instruction/instruction": [
            {"query-id": name, "instruction": text}
            for name, text in zip(ids, texts(8, seed=6), strict=True)
        ],
        "default/test": [
            {"query-id": name, "corpus-id": f"d{at}", "score": 1} for at, name in enumerate(ids)
        ],
        "top_ranked/top_ranked": [{"query-id": name, "corpus-ids": documents} for name in ids],
        "qrel_diff/qrel_diff": [
            {"query-id": f"q{number}", "corpus-ids": [f"d{number}", f"d{number + 5}"]}
            for number in range(4)
        ],
    }
    for name, rows in files.items():
        write_rows(folder / f"{name}.jsonl", rows)


def test_all_but_a_few_tasks_of_mteb_have_predictions() -> None:
    from angle_bench.suites.catalogue import catalogue

    tasks = [task for name in catalogue()["tasks"] if (task := mteb_task(name))]
    without = {task.name for task in tasks if not has_predictions(task) and not task.parts}
    assert without == {
        "FloresBitextMining",
        "RuSciBenchCitedCountRegression",
        "RuSciBenchYearPublRegression",
        "StakeholderGrounding",
    }
