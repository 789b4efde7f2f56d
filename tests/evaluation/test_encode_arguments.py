"""The arguments of `encode` beside sentence-transformers', and what is refused by name."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

import angle_bench
from angle_bench.errors import DataError, UsageError
from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
from tests.checkpoints import add_sentence_transformers_files, build_tiny_bert

pytestmark = pytest.mark.process

TEXTS = ["a man eats bread", "the dog", "", "a cat, a cat and three big fish", "the dog"]
PROMPTS = {"query": "big red ", "document": "", "clustering": "cat: ", "plain": ""}


@pytest.fixture(scope="module", params=["normalized", "default prompt"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "tiny"
    build_tiny_bert(place)
    normalized = request.param == "normalized"
    add_sentence_transformers_files(place, "mean", normalize=normalized)
    file = place / "config_sentence_transformers.json"
    config = json.loads(file.read_text())
    default = None if normalized else "clustering"
    config |= {"prompts": PROMPTS, "default_prompt_name": default}
    config |= {} if normalized else {"truncate_dim": 24}
    file.write_text(json.dumps(config))
    return place


@pytest.fixture(scope="module")
def theirs(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu")


@pytest.fixture(scope="module")
def ours(folder: Path) -> Iterator[MtebEncoder]:
    made = angle_bench.load(str(folder), device="cpu:1")
    yield made
    made.close()


CONVERSIONS: list[dict[str, Any]] = [
    {},
    {"convert_to_tensor": True},
    {"convert_to_numpy": False},
    {"convert_to_tensor": True, "convert_to_numpy": False},
]
ASKED: list[dict[str, Any]] = [
    {},
    {"prompt": "green: "},
    {"prompt": ""},
    {"prompt_name": "query"},
    {"prompt_name": "document"},
    {"prompt_name": "clustering"},
    {"prompt_name": "plain"},
    {"prompt": "green: ", "prompt_name": "query"},
]


def compared(
    ours: MtebEncoder, theirs: SentenceTransformer, single: bool = False, **given: Any
) -> None:
    """The same call of every method, on a list or on a single text."""
    texts = TEXTS[0] if single else TEXTS
    for method in ("encode", "encode_query", "encode_document"):
        want = getattr(theirs, method)(texts, show_progress_bar=False, **given)
        found = getattr(ours, method)(texts, **given)
        assert type(found) is type(want), (method, given)
        if isinstance(want, list):
            assert all(isinstance(each, torch.Tensor) for each in found)
            want, found = torch.stack(want), torch.stack(found)
        assert found.dtype == want.dtype
        found, want = np.asarray(found, np.float64), np.asarray(want, np.float64)
        assert found.shape == want.shape, (method, given)
        np.testing.assert_allclose(found, want, atol=2e-5, rtol=0, err_msg=f"{method} {given}")


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_every_prompt_means_what_it_means_there(ours, theirs, asked: dict[str, Any]) -> None:
    compared(ours, theirs, **asked)


@pytest.mark.parametrize("single", [False, True])
def test_every_form_of_vectors_is_the_one_there(ours, theirs, single: bool) -> None:
    for number, converted in enumerate(CONVERSIONS):
        normalize, truncate = bool(number % 2), (None, 16)[number // 2]
        more = {"normalize_embeddings": normalize, "truncate_dim": truncate, **converted}
        compared(ours, theirs, single, **more)


@pytest.mark.long
@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_the_cross_product_of_all_arguments(ours, theirs, asked: dict[str, Any]) -> None:
    for normalize, truncate, single, converted in itertools.product(
        (False, True), (None, 1, 16, 32), (False, True), CONVERSIONS
    ):
        more = {"normalize_embeddings": normalize, "truncate_dim": truncate, **converted}
        compared(ours, theirs, single, **asked, **more)


def test_batch_sizes_change_nothing(ours, theirs) -> None:
    for size in (1, np.int64(500)):
        compared(ours, theirs, batch_size=size)


@pytest.mark.parametrize("precision", [None, "float32", "binary", "ubinary"])
def test_precisions(ours, theirs, precision: str | None) -> None:
    """The signs of a number near 0 may differ by rounding, so the texts have none."""
    compared(ours, theirs, precision=precision)
    compared(ours, theirs, precision=precision, convert_to_tensor=True)


def test_a_precision_of_integers(ours, theirs) -> None:
    """Ranges are those of the texts themselves; rounding may move a number by one."""
    for precision in ("int8", "uint8"):
        want = theirs.encode(TEXTS, precision=precision)
        found = ours.encode(TEXTS, precision=precision)
        assert found.dtype == want.dtype
        assert np.abs(found.astype(int) - want.astype(int)).max() <= 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"role": "qery"}, "there is no role 'qery', only query or document"),
    ({"prompt_name": "qery"}, "no prompt named 'qery', only query, document, clustering, plain"),
    ({"prompt_name": 3}, "no prompt named 3"),
    ({"prompt": 3}, "the prompt 3 is no string"),
    ({"prompt": "{text} and {text}"}, "exactly once"),
    ({"batch_size": 0}, "batch_size is 0"),
    ({"batch_size": -1}, "batch_size is -1"),
    ({"batch_size": True}, "batch_size is True"),
    ({"batch_size": 2.5}, "batch_size is 2.5"),
    ({"batch_size": None}, "batch_size is None"),
    ({"truncate_dim": 0}, "truncate_dim is 0"),
    ({"truncate_dim": -2}, "truncate_dim is -2"),
    ({"truncate_dim": 33}, "a vector has 32 dimensions"),
    ({"precision": "int4"}, "there is no precision 'int4'"),
    ({"output_value": "token_embeddings"}, "no output_value 'token_embeddings'"),
    ({"output_value": None}, "no output_value None"),
    ({"device": "cuda"}, "takes no device"),
    ({"role": "query", "prompt_type": "document"}, "cannot be combined"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=str)
def test_what_cannot_be_honoured_is_refused(ours, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        ours.encode(TEXTS, **given)
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    "name", ["batch_sise", "pool", "chunk_size", "processing_kwargs", "task", "sentences", "promt"]
)
def test_what_is_not_known_is_a_type_error_that_names_it(ours, name: str) -> None:
    for method in (ours.encode, ours.encode_query, ours.encode_document):
        with pytest.raises(TypeError, match=name):
            method(TEXTS, **{name: 1})


def test_a_template_around_the_text(ours) -> None:
    found = ours.encode(TEXTS, prompt="the {text} sings")
    want = ours.encode([f"the {text} sings" for text in TEXTS], prompt="")
    np.testing.assert_allclose(found, want, atol=1e-6)


@pytest.mark.parametrize("prompt", ["Instruct: {instruction} ", "{instruction}: {text}"])
def test_an_instruction_is_that_of_a_task(ours, prompt: str) -> None:
    import mteb

    with pytest.raises(UsageError, match="wants the instruction of a task"):
        ours.encode(TEXTS, prompt=prompt)
    task = mteb.get_task("ArguAna").metadata
    found = ours.encode(TEXTS, task_metadata=task, role="query", prompt=prompt)
    filled = prompt.replace("{instruction}", task.prompt["query"])
    np.testing.assert_allclose(found, ours.encode(TEXTS, prompt=filled), atol=1e-6)


def test_a_prompt_comes_before_a_task(ours) -> None:
    import mteb

    task = mteb.get_task("STSBenchmark").metadata
    found = ours.encode(TEXTS, task_metadata=task, prompt="green: ")
    np.testing.assert_array_equal(found, ours.encode(TEXTS, prompt="green: "))


@pytest.mark.parametrize(
    "inputs", [["a", 3], [None], [["a", "b"], "c"], [b"a"], [{"txt": "a"}], np.arange(3)]
)
def test_what_is_no_text_is_named(ours, inputs: Any) -> None:
    with pytest.raises(DataError, match="not a string"):
        ours.encode(inputs)


def test_rows_with_a_text_each(ours) -> None:
    rows = [{"text": text} for text in TEXTS]
    np.testing.assert_array_equal(ours.encode(rows), ours.encode(TEXTS))


def test_dimensions_under_their_names(ours, theirs) -> None:
    assert ours.get_embedding_dimension() == theirs.get_embedding_dimension()
    assert ours.get_sentence_embedding_dimension() == ours.dimension
