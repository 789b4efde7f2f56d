"""The search of a corpus by blocks finds what mteb's own search finds."""

import random
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.models import SearchEncoderWrapper

from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.store.lmdb_store import VectorStore
from angle_bench.encoding.top_k import empty, merged, ranked
from angle_bench.evaluation.encoders.load import load_variants
from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
from angle_bench.evaluation.run.run_options import Computing
from angle_bench.evaluation.scoring import corpus_search
from angle_bench.evaluation.scoring.corpus_search import CorpusSearch
from angle_bench.evaluation.scoring.corpus_texts import document_texts, is_plain
from angle_bench.evaluation.scoring.verify import characters_of, counted
from tests.checkpoints import WORDS
from tests.evaluation import small_tasks

FOUND = dict[str, dict[str, float]]


class Numbers:
    """An encoder whose vectors are drawn from each text, so that no process starts."""

    mteb_model_meta = None

    def encode(self, inputs: Any, **_: Any) -> Any:
        if not isinstance(inputs, list):
            inputs = [text for batch in inputs for text in batch["text"]]
        return np.array(
            [np.random.default_rng(list(text.encode())).normal(size=8) for text in inputs],
            np.float32,
        )

    similarity = staticmethod(MtebEncoder.similarity)


class Cosine(Numbers):
    def similarity(self, one: Any, other: Any) -> Any:  # type: ignore[override]
        from mteb.similarity_functions import cos_sim

        return cos_sim(one, other)


def corpus(count: int, titles: bool) -> datasets.Dataset:
    draw = random.Random(count)
    texts = [f" {n} " + " ".join(draw.choices(WORDS, k=6)) + "\n" for n in range(count)]
    rows: dict[str, list[str]] = {"id": [f"d{n}" for n in range(count)], "text": texts}
    if titles:
        rows["title"] = ["" if n % 3 else f"Title {n}" for n in range(count)]
    return datasets.Dataset.from_dict(rows)


def found_by(search: Any, rows: datasets.Dataset, top_k: int) -> FOUND:
    queries = datasets.Dataset.from_dict(
        {"id": [f"q{n}" for n in range(9)], "text": [f"query {n}" for n in range(9)]}
    )
    where: Any = {
        "task_metadata": small_tasks.retrieval().metadata,
        "hf_split": "test",
        "hf_subset": "default",
        "encode_kwargs": {"batch_size": 8, "show_progress_bar": False},
    }
    search.index(rows, **where)
    found: FOUND = search.search(queries, top_k=top_k, **where)
    return found


@pytest.mark.parametrize("titles", [True, False])
@pytest.mark.parametrize("top_k", [1, 5, 40, 500])
@pytest.mark.parametrize("block", [7, 50, 1000])
def test_what_mteb_finds(
    block: int, top_k: int, titles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_search, "QUERIES", 4)
    monkeypatch.setattr(corpus_search, "DOCUMENTS", 6)
    rows = corpus(103, titles)
    theirs = found_by(SearchEncoderWrapper(Cosine()), rows, top_k)  # type: ignore[arg-type]
    ours = found_by(CorpusSearch(Cosine(), corpus_chunk_size=block), rows, top_k)  # type: ignore[arg-type]
    assert {query: set(some) for query, some in ours.items()} == {
        query: set(some) for query, some in theirs.items()
    }
    for query, some in theirs.items():
        assert len(some) == min(top_k, 103)
        assert ours[query] == pytest.approx(some, abs=1e-6)
        assert list(ours[query].values()) == sorted(ours[query].values(), reverse=True)


def test_mteb_s_loader_is_left_out_for_plain_texts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    whole = SearchEncoderWrapper._full_corpus_search

    def noted(self: Any, **given: Any) -> Any:
        asked.append(len(self.task_corpus))
        return whole(self, **given)

    monkeypatch.setattr(SearchEncoderWrapper, "_full_corpus_search", noted)
    found_by(CorpusSearch(Cosine()), corpus(30, True), 3)  # type: ignore[arg-type]
    assert asked == []
    large = corpus(30, True).cast_column("text", datasets.Value("large_string"))
    assert is_plain(large)
    pictures = corpus(30, False).add_column("image", [""] * 30)
    found_by(CorpusSearch(Cosine()), pictures, 3)  # type: ignore[arg-type]
    assert asked == [30]
    lacking = datasets.Dataset.from_dict({"id": ["a", "b"], "text": ["x", None]})
    with pytest.raises(AttributeError):  # as mteb says it
        found_by(CorpusSearch(Cosine()), lacking, 3)  # type: ignore[arg-type]


def test_texts_are_those_of_mteb_s_loader() -> None:
    from mteb._create_dataloaders import create_dataloader
    from mteb.types import PromptType

    rows = corpus(20, True)
    loader = create_dataloader(
        rows, task_metadata=small_tasks.retrieval().metadata, prompt_type=PromptType.document
    )
    assert document_texts(rows) == [text for batch in loader for text in batch["text"]]


@pytest.mark.parametrize("count", [1, 3, 10])
def test_of_equal_similarities_the_first_of_the_corpus_is_kept(count: int) -> None:
    draw = np.random.default_rng(count)
    near = draw.integers(-2, 3, size=(5, 40)).astype(np.float32)
    for block in (1, 3, 7, 40):
        best = empty(5, count)
        for first in range(0, 40, block):
            best = merged(best, near[:, first : first + block], first)
        places, similarities = ranked(best)
        order = np.argsort(-near, axis=1, kind="stable")[:, :count]
        assert (places == order).all()
        assert (similarities == np.take_along_axis(near, order, axis=1)).all()


def test_counts_are_those_of_mteb() -> None:
    task = small_tasks.retrieval()
    rows = corpus(31, True)
    queries = datasets.Dataset.from_dict({"id": ["q0", "q1"], "text": [" a b", "c\n"]})
    task.dataset["default"]["test"] = RetrievalSplitData(
        corpus=rows, queries=queries, relevant_docs={"q0": {"d1": 1}}, top_ranked=None
    )
    stats = task._calculate_descriptive_statistics_from_split("test", hf_subset="default")
    assert counted(task, "test", "default") == (stats["num_samples"], characters_of(stats))


@pytest.mark.process
def test_the_scores_of_a_task_are_mteb_s(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import angle_bench
    from angle_bench.evaluation.scoring import score as scoring
    from angle_bench.evaluation.scoring.score import Prepared, score
    from angle_bench.evaluation.scoring.verify import Verification
    from angle_bench.suites.shipped import mteb_task

    task = mteb_task("NFCorpus")
    assert task is not None
    with angle_bench.load(str(tiny_bert), device="cpu:1") as encoder:

        def scored() -> Any:
            own = small_tasks.retrieval()
            prepared = Prepared(task, own, Verification("hub"), (own.rng_state, own.np_rng))
            return score(encoder, prepared, 8)

        ours = scored()
        monkeypatch.setattr(scoring, "CorpusSearch", SearchEncoderWrapper)
        theirs = scored()
    assert ours.result.scores == theirs.result.scores
    (mine,), (other,) = ours.predictions, theirs.predictions
    assert mine.table().equals(other.table())
    assert [phase["name"] for phase in ours.result.evaluation_phases] == [
        phase["name"] for phase in theirs.result.evaluation_phases
    ]


@pytest.mark.process
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_was_stored_is_not_computed_again(
    dtype: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = VectorStore(tmp_path / "store", 1 << 30, dtype=dtype)
    spec = resolve(str(tiny_bert), Overrides())
    (encoder,) = load_variants([spec], Computing("cpu:1"), store)
    rows, counts = corpus(35, True), encoder.encoder.counts
    whole = CorpusSearch._compare
    try:
        with monkeypatch.context() as patch:

            def killed(self: Any, queries: Any, vectors: Any, best: Any, start: int) -> None:
                if start == 20:
                    raise KeyboardInterrupt
                whole(self, queries, vectors, best, start)

            patch.setattr(CorpusSearch, "_compare", killed)
            with pytest.raises(KeyboardInterrupt):
                found_by(CorpusSearch(encoder, corpus_chunk_size=10), rows, 5)  # type: ignore[arg-type]
        assert counts.forwarded == 30 + 9  # three blocks, and the queries
        found = found_by(CorpusSearch(encoder, corpus_chunk_size=10), rows, 5)  # type: ignore[arg-type]
        assert counts.forwarded == 35 + 9
        again = found_by(CorpusSearch(encoder, corpus_chunk_size=10), rows, 5)  # type: ignore[arg-type]
        assert again == found
    finally:
        encoder.close()
        store.close()
