"""Folders that sentence-transformers computes: vectors, scores, store, processes, what is refused.

The right values are those of the library itself, and of mteb with it.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

import angle_bench
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.store.memory import MemoryStore
from angle_bench.errors import DataError, ModelError, UsageError
from angle_bench.evaluation.encoders.libraries.foreign import load_handed_over
from angle_bench.evaluation.encoders.libraries.st_encoder import HandedOver
from angle_bench.evaluation.run.run_options import Computing
from tests.checkpoints import WORDS
from tests.evaluation.small_tasks import classification, retrieval, same_scores, scores, sts
from tests.handed_over_folders import FOLDERS

TEXTS = [
    "a man eats bread",
    "the dog",
    "a cat , a cat and three big fish sings with a guitar",
    "the dog",
    "red fish and a bird that nobody knows",
]
NAMES = list(FOLDERS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a name, built when it is first asked for."""
    root = tmp_path_factory.mktemp("folders")

    def build(name: str) -> Path:
        if not (root / name).is_dir():
            FOLDERS[name](root / name)
        return root / name

    return build


@pytest.fixture
def loaded(built: Callable[[str], Path]) -> Iterator[Callable[..., HandedOver]]:
    """An encoder of a folder, closed after the test."""
    made: list[HandedOver] = []

    def load(name: str, device: str = "cpu:1", store: MemoryStore | None = None) -> HandedOver:
        encoder = load_handed_over(resolve(str(built(name))), Computing(device), store)
        made.append(encoder)
        return encoder

    yield load
    for encoder in made:
        encoder.close()


def library(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu")


def by_role(model: Any, role: str | None, texts: list[str], **given: Any) -> Any:
    method = model.encode if role is None else getattr(model, f"encode_{role}")
    return method(texts, show_progress_bar=False, **given)


# of which test_vectors_that_depend_on_their_batch_are_not_stored sees that it is said
@pytest.mark.filterwarnings("ignore:a vector of cnn depends on the texts beside it")
@pytest.mark.parametrize("name", NAMES)
def test_vectors_are_the_librarys(built, name: str) -> None:
    theirs = library(built(name))
    ours = angle_bench.load(str(built(name)), device="cpu:1")
    assert isinstance(ours, HandedOver)
    for role in (None, "query", "document"):
        found, want = by_role(ours, role, TEXTS), by_role(theirs, role, TEXTS)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, want, atol=2e-5, rtol=0)
        for text in TEXTS:  # where nothing lies beside it
            alone = by_role(ours, role, text)  # type: ignore[arg-type]
            np.testing.assert_allclose(alone, by_role(theirs, role, [text])[0], atol=2e-5, rtol=0)


GIVEN: list[dict[str, Any]] = [
    {"prompt": "big "},
    {"prompt": ""},
    {"prompt_name": "query"},
    {"normalize_embeddings": True, "truncate_dim": 5},
    {"truncate_dim": 14, "convert_to_tensor": True},
    {"convert_to_numpy": False},
    {"batch_size": 2},
    {"precision": "ubinary", "truncate_dim": 8},
]


@pytest.mark.parametrize("name", ["weighted", "static", "router", "cnn"])
def test_arguments_mean_what_they_mean_there(built, loaded, name: str) -> None:
    theirs, ours = library(built(name)), loaded(name)
    for given in GIVEN:
        for role in ("query", "document"):
            found, want = by_role(ours, role, TEXTS, **given), by_role(theirs, role, TEXTS, **given)
            assert type(found) is type(want), given
            found, want = np.stack([*map(np.asarray, found)]), np.stack([*map(np.asarray, want)])
            np.testing.assert_allclose(found, want, atol=2e-5, rtol=0, err_msg=str(given))


TASKS = {"sts": sts, "retrieval": retrieval, "classification": classification}
QUICK = {("words", "retrieval"), ("weighted", "sts"), ("router", "retrieval"), ("cnn", "sts")}


@pytest.mark.parametrize(
    ("name", "task"),
    [
        pytest.param(name, task, marks=() if (name, task) in QUICK else pytest.mark.long)
        for name in NAMES
        for task in TASKS
    ],
)
def test_scores_are_those_of_mteb(built, loaded, name: str, task: str) -> None:
    """Prompts by task type and role, the similarity, the cut, batches that change vectors."""
    want = scores(library(built(name)), TASKS[task]())
    found = scores(loaded(name, store=MemoryStore(1 << 20)), TASKS[task]())
    same_scores(found, want)


def test_the_store_answers_the_second_time(loaded) -> None:
    store = MemoryStore(1 << 20)
    first = loaded("router", store=store)
    vectors = {role: first.encode(TEXTS, role=role) for role in (None, "query", "document")}
    assert first.counted()["texts"] == 15
    assert first.counted()["forwarded"] == 12  # each distinct one
    second = loaded("router", store=store)
    for role, want in vectors.items():
        np.testing.assert_array_equal(second.encode(TEXTS, role=role), want)
    assert second.counted() == {**second.counted(), "forwarded": 0, "stored": 12, "texts": 15}
    assert np.abs(vectors["query"] - vectors["document"]).max() > 0.1
    other = second.encode(TEXTS, role="query", prompt="a big ")
    assert np.abs(other - vectors["query"]).max() > 0.1
    assert second.counted()["forwarded"] == 4


def test_whose_vectors_they_are(loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of the library, or another content, has vectors of its own."""
    from angle_bench.evaluation.encoders.libraries import foreign

    one = loaded("words").vectors.identity
    assert one == loaded("words").vectors.identity
    assert one != loaded("static").vectors.identity
    monkeypatch.setattr(foreign, "version", lambda name: "99")
    assert loaded("words").vectors.identity.settings != one.settings


def test_vectors_that_depend_on_their_batch_are_not_stored(built, loaded) -> None:
    store = MemoryStore(1 << 20)
    ours, theirs = loaded("cnn", "cpu:2", store), library(built("cnn"))
    said: list[str] = []
    ours.warn = said.append
    long = [" ".join(WORDS[:count]) for count in range(2, 38)]
    for texts in (TEXTS, long, TEXTS[:2], TEXTS):
        want = theirs.encode(texts, show_progress_bar=False)
        np.testing.assert_allclose(ours.encode(texts), want, atol=2e-5, rtol=0)
    assert ours.counted()["stored"] == 0
    assert ours.vectors.pool is None  # other processes would cut other batches
    (warning,) = said
    assert "depends on the texts beside it in a batch" in warning


def test_the_bar_and_the_watcher_count_every_text(loaded, capfd) -> None:
    ours = loaded("words", store=MemoryStore(1 << 20))
    told: list[int] = []
    ours.done = told.append
    ours.encode(TEXTS)
    ours.encode(TEXTS)
    assert sum(told) == 2 * len(TEXTS)
    ours.encode(TEXTS, show_progress_bar=True)
    assert f"{len(TEXTS)}/{len(TEXTS)}" in capfd.readouterr().err


@pytest.mark.process
@pytest.mark.long
def test_two_processes_give_what_one_gives(loaded) -> None:
    one, two = loaded("router"), loaded("router", "cpu:2")
    assert (one.device, two.device) == ("cpu", "cpu x2")
    for role in ("query", "document"):
        np.testing.assert_allclose(
            two.encode(TEXTS, role=role), one.encode(TEXTS, role=role), atol=1e-6, rtol=0
        )
    pids = [process.pid for process in two.vectors.pool["processes"]]
    assert len(pids) == 2
    two.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.process
@pytest.mark.long
def test_a_dead_process_is_an_error_and_the_next_call_works(loaded) -> None:
    ours = loaded("words", "cpu:2")
    want = ours.encode(TEXTS)
    for process in ours.vectors.pool["processes"]:
        process.kill()
    with pytest.raises(ModelError, match="died"):
        ours.encode(TEXTS)
    np.testing.assert_array_equal(ours.encode(TEXTS), want)


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"role": "qery"}, UsageError, "no role 'qery'"),
    ({"prompt_name": "cat"}, UsageError, "no prompt named 'cat', only query, document, cats"),
    ({"prompt": "a {text}"}, UsageError, "puts prompts before"),
    ({"batch_size": 0}, UsageError, "batch_size is 0"),
    ({"truncate_dim": 17}, UsageError, "16 dimensions"),
    ({"batch_sise": 3}, TypeError, "batch_sise"),
    ({"embedding_start": 16}, UsageError, "no dimensions"),
]


@pytest.mark.parametrize(("given", "kind", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_cannot_be_honoured_is_refused(
    loaded, given: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        loaded("static").encode(TEXTS, **given)


def test_what_is_no_text_is_named(loaded) -> None:
    with pytest.raises(DataError, match="text 1 is None"):
        loaded("bag").encode(["a", None])


def test_settings_of_a_row_are_not_passed_over(
    built: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the library computes by the folder alone, a user's row cannot change."""
    monkeypatch.chdir(tmp_path)
    row = f'[[model]]\nname = "mine"\npath = "{built("words")}"\n'
    (tmp_path / "angle-bench.toml").write_text(row + 'pooling = "mean"\nmax_length = 9\n')
    with pytest.raises(UsageError, match=r"row mine of .*toml has `pooling` or `max_length`"):
        resolve("mine")
    (tmp_path / "angle-bench.toml").write_text(row)
    assert resolve("mine").loader == "sentence-transformers"


def test_what_the_library_lacks_is_refused_by_name(built) -> None:
    for given, said in (
        ({"batch_tokens": 64}, "--batch-tokens"),
        ({"ray": "auto"}, "--ray"),
        ({"pooling": "mean"}, "--pooling"),
        ({"prompt": "A"}, "--prompt"),
        ({"size": 4}, "--sizes"),
        ({"layer": 1}, "--layers"),
        ({"precision": "int8"}, "--precisions"),
    ):
        with pytest.raises(UsageError, match=said):
            angle_bench.load(str(built("words")), device="cpu:1", **given)


@pytest.mark.parametrize("similarity", ["euclidean", "manhattan"])
def test_a_similarity_that_mteb_lacks(built, tmp_path: Path, similarity: str) -> None:
    """Vectors and similarities are there; scores by mteb are refused by name, as it refuses."""
    folder = copied(built("bag"), tmp_path, similarity_fn_name=similarity)
    ours, theirs = angle_bench.load(str(folder), device="cpu:1"), library(folder)
    vectors = ours.encode(TEXTS)
    np.testing.assert_allclose(
        ours.similarity(vectors, vectors), theirs.similarity(vectors, vectors), atol=1e-5
    )
    with pytest.raises(ModelError, match=f"{similarity} distance"):
        _ = ours.mteb_model_meta


def copied(folder: Path, where: Path, **config: Any) -> Path:
    """A copy under changed keys of config_sentence_transformers.json."""
    import shutil

    shutil.copytree(folder, where / folder.name)
    place = where / folder.name / "config_sentence_transformers.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | config))
    return where / folder.name


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("SparseEncoder", "sparse encoder"),
        ("CrossEncoder", "cross-encoder"),
        ("MultiVectorEncoder", "multi-vector encoder"),
    ],
)
def test_a_folder_of_another_kind_is_refused(built, tmp_path: Path, kind: str, said: str) -> None:
    with pytest.raises(ModelError, match=f"is a {said}"):
        angle_bench.load(str(copied(built("words"), tmp_path, model_type=kind)))


EVIL = "import pathlib\npathlib.Path({place!r}).write_text('ran')\n"


@pytest.mark.parametrize(
    ("name", "file", "change"),
    [
        ("words", "modules.json", lambda said: [{**said[0], "type": "evil.Pooling"}, said[1]]),
        ("words", "0_WordEmbeddings/wordembedding_config.json", {"tokenizer_class": "evil.Words"}),
        ("router", "router_config.json", {"types": {"query_0_StaticEmbedding": "evil.Static"}}),
    ],
)
def test_no_code_of_a_folder_runs(built, tmp_path: Path, name: str, file: str, change) -> None:
    folder = copied(built(name), tmp_path)
    ran = tmp_path / "ran"
    (folder / "evil.py").write_text(EVIL.format(place=str(ran)))
    places = list(folder.rglob(Path(file).name))
    assert places
    for place in places:
        said = json.loads(place.read_text())
        place.write_text(json.dumps(change(said) if callable(change) else said | change))
    with pytest.raises(ModelError, match=r"evil\."):
        angle_bench.load(str(folder), device="cpu:1")
    assert not ran.exists()


def test_no_pickle_is_read_unless_trusted(built, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    want = library(built("words")).encode(TEXTS, show_progress_bar=False)
    folder = copied(built("words"), tmp_path)
    (weights,) = folder.rglob("*.safetensors")
    torch.save(load_file(weights), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(ModelError, match="is a pickle"):
        angle_bench.load(str(folder), device="cpu:1")
    ours = angle_bench.load(str(folder), device="cpu:1", allow_pickle=True)
    np.testing.assert_allclose(ours.encode(TEXTS), want, atol=1e-6)


def test_a_width_that_no_module_tells(built, loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = loaded("words")
    monkeypatch.setattr(type(ours.model), "get_embedding_dimension", lambda self: None)
    assert ours.dimension == 16
    assert ours.encode(TEXTS).shape == (5, 16)


def test_a_width_that_nobody_tells_names_the_reason(loaded, monkeypatch) -> None:
    ours = loaded("words")

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("no known word in a")

    monkeypatch.setattr(type(ours.model), "get_embedding_dimension", lambda self: None)
    for name in ("encode", "encode_query", "encode_document"):
        monkeypatch.setattr(type(ours.model), name, fails)
    with pytest.raises(ModelError, match="no known word in a"):
        _ = ours.dimension


def test_a_wrapper_of_mteb(loaded) -> None:
    from mteb.models import CompressionWrapper
    from mteb.types import OutputDType

    ours = loaded("words")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = CompressionWrapper(ours, OutputDType.FLOAT16)
        assert scores(wrapped, sts())["main_score"] == pytest.approx(
            scores(loaded("words"), sts())["main_score"], abs=5e-3
        )
    assert wrapped.mteb_model_meta.experiment_kwargs == {"output_dtypes": "float16"}


def test_a_folder_that_is_broken_is_named(built, tmp_path: Path) -> None:
    folder = copied(built("words"), tmp_path)
    for place in folder.rglob("*.safetensors"):
        place.write_bytes(b"no weights")
    with pytest.raises(ModelError, match="sentence-transformers could not load"):
        load_handed_over(resolve(str(folder), None, LoadOptions()), Computing("cpu:1"))
