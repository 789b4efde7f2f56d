"""Static embeddings: those of model2vec and of sentence-transformers, at their own speed.

The right values are those of the library that wrote the folder.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers

import angle_bench
from angle_bench.checkpoints.folder.weights import is_model2vec
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.store.memory import MemoryStore
from angle_bench.errors import ModelError, UsageError
from angle_bench.evaluation.encoders.libraries import library_vectors
from angle_bench.evaluation.encoders.libraries.foreign import load_handed_over
from angle_bench.evaluation.encoders.libraries.st_encoder import HandedOver
from angle_bench.evaluation.run import run_options
from angle_bench.evaluation.run.run_options import Computing
from tests import handed_over_folders
from tests.checkpoints import WORDS
from tests.evaluation.small_tasks import classification, retrieval, same_scores, scores, sts

TEXTS = [
    "a man eats bread",
    "the dog",
    "",
    "nobodyknowsthisword",
    "red fish and nobodyknowsthisword sings",
    " ".join(WORDS * 30),  # more tokens than count
    "the dog",
]
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "normalised": {"normalize": True},
    "half": {"dtype": np.float16, "normalize": True},
    "short": {"max_length": 6},
    "quantised": {"mapped": True, "normalize": True},
}
TASKS = {"sts": sts, "retrieval": retrieval, "classification": classification}


def static_model(folder: Path, **said: Any) -> Path:
    """A tiny model of model2vec with random vectors, written by that package."""
    words = ["[UNK]", *sorted(set(WORDS))]
    tokenizer = Tokenizer(
        models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    draw = np.random.default_rng(5)
    mapped = said.pop("mapped", False)
    rows = 7 if mapped else len(words)
    vectors = draw.normal(size=(rows, 16)).astype(said.pop("dtype", np.float32))
    more: dict[str, Any] = {}
    if mapped:
        more = {
            "token_mapping": draw.integers(0, rows, len(words)),
            "weights": draw.uniform(0.5, 2, len(words)).astype(np.float32),
        }
    StaticModel(vectors, tokenizer, config={}, **more, **said).save_pretrained(folder)
    return folder


def loaded(folder: Path, store: MemoryStore | None = None) -> HandedOver:
    return load_handed_over(resolve(str(folder)), Computing("cpu:1"), store)


@pytest.mark.parametrize("kind", list(KINDS))
def test_vectors_are_those_of_model2vec(tmp_path: Path, kind: str) -> None:
    """Unknown words do not count there, and a text is cut; without modules.json, too."""
    folder = static_model(tmp_path / "m", **KINDS[kind])
    want = StaticModel.from_pretrained(folder).encode(TEXTS)
    ours = loaded(folder)
    assert ours.spec.loader == "model2vec"
    for role in (None, "query", "document"):
        np.testing.assert_allclose(ours.encode(TEXTS, role=role), want, atol=2e-5, rtol=0)
    np.testing.assert_allclose(ours.encode(TEXTS[0]), want[0], atol=2e-5, rtol=0)
    (folder / "modules.json").unlink()
    np.testing.assert_allclose(loaded(folder).encode(TEXTS), want, atol=2e-5, rtol=0)
    prompted = StaticModel.from_pretrained(folder).encode([f"red {text}" for text in TEXTS])
    np.testing.assert_allclose(ours.encode(TEXTS, prompt="red "), prompted, atol=2e-5, rtol=0)


def test_sentence_transformers_counts_unknown_words(tmp_path: Path) -> None:
    """Which is why model2vec's own folders are model2vec's to compute."""
    folder = static_model(tmp_path / "m")
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS[3:5])
    assert np.abs(loaded(folder).encode(TEXTS[3:5]) - theirs).max() > 0.1


@pytest.mark.parametrize("task", list(TASKS))
def test_scores_are_those_of_mteb(tmp_path: Path, task: str) -> None:
    from mteb.models.model_implementations.model2vec_models import Model2VecModel

    folder = static_model(tmp_path / "m", normalize=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs: Any = Model2VecModel(str(folder))
    theirs.mteb_model_meta = loaded(folder).mteb_model_meta
    want = scores(theirs, TASKS[task]())
    found = scores(loaded(folder), TASKS[task]())
    same_scores(found, want)


@pytest.mark.parametrize("kind", ["model2vec", "sentence-transformers"])
def test_nothing_is_stored_and_it_is_said(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "model2vec":
        static_model(tmp_path / "m")
    else:
        handed_over_folders.static(tmp_path / "m")
    monkeypatch.setattr(library_vectors, "STATIC_BATCH", 3)
    store = MemoryStore(1 << 20)
    ours = loaded(tmp_path / "m", store)
    assert ours.spec.loader == kind
    told: list[int] = []
    ours.done = told.append
    want = ours.encode(TEXTS)
    np.testing.assert_array_equal(ours.encode(TEXTS), want)
    assert told == [3, 3, 1, 3, 3, 1]
    assert not store.holds(ours.vectors.identity)
    assert ours.counted()["forwarded"] == ours.counted()["texts"] == 2 * len(TEXTS)
    (said,) = ours.warnings()
    assert "static embeddings" in said
    assert ours.stored_width == 0


def test_what_a_static_model_lacks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(static_model(tmp_path / "m"))
    for given, said in (
        ({"pooling": "mean"}, "--pooling"),
        ({"layer": 1}, "--layers"),
        ({"batch_tokens": 64}, "--batch-tokens"),
        ({"device": "cpu:2"}, "one process"),
        ({"device": "cuda"}, "one process"),
    ):
        with pytest.raises(UsageError, match=said):
            angle_bench.load(folder, **{"device": "cpu:1", **given})
    monkeypatch.setattr(run_options, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="model2vec is not installed"):
        angle_bench.load(folder, device="cpu:1")


def test_a_folder_that_is_broken_is_named(tmp_path: Path) -> None:
    folder = static_model(tmp_path / "m")
    assert is_model2vec(folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="model2vec could not load"):
        loaded(folder)
    (folder / "model.safetensors").write_bytes(b"no weights")
    assert not is_model2vec(folder)
