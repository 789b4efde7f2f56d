"""Quantised vectors: those of mteb's wrapper and of sentence-transformers, bit for bit."""

import warnings

import numpy as np
import pytest
import torch
from mteb.models import CompressionWrapper
from mteb.types import OutputDType
from sentence_transformers.util.quantization import quantize_embeddings

from angle_bench.checkpoints.spec import SCORED_PRECISIONS
from angle_bench.encoding.precision import quantized
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.errors import UsageError


def drawn(texts: int, width: int, seed: int) -> Vectors:
    """Vectors with numbers of several magnitudes, zeros and negative zeros among them."""
    random = np.random.default_rng(seed)
    made = random.normal(size=(texts, width)) * 10.0 ** random.integers(-6, 3, size=width)
    made[random.random(made.shape) < 0.02] = 0.0
    made[random.random(made.shape) < 0.02] = -0.0
    return made.astype(np.float32)


def of_mteb(vectors: Vectors, precision: str) -> Vectors:
    class Whole:
        class mteb_model_meta:
            output_dtypes = None
            experiment_kwargs = None

            @staticmethod
            def model_copy(update: object) -> object:
                return None

        @staticmethod
        def encode(*_: object, **__: object) -> Vectors:
            return vectors

    wrapped = CompressionWrapper(Whole(), OutputDType(precision))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimating quantization parameters")
        made = wrapped.encode([], task_metadata=None, hf_split="", hf_subset="")
    assert isinstance(made, torch.Tensor)
    return np.asarray(made)


CASES = [(2, 3, 0), (7, 16, 1), (500, 33, 2), (4000, 384, 3)]


@pytest.mark.parametrize("precision", ["int8", "binary"])
@pytest.mark.parametrize(("texts", "width", "seed"), CASES)
def test_the_values_are_those_of_mteb(texts: int, width: int, seed: int, precision: str) -> None:
    vectors = drawn(texts, width, seed)
    found = quantized(vectors, precision)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, of_mteb(vectors, precision))


@pytest.mark.parametrize(("texts", "width", "seed"), CASES)
def test_the_values_are_those_of_sentence_transformers(texts: int, width: int, seed: int) -> None:
    vectors = drawn(texts, width, seed)
    np.testing.assert_array_equal(
        quantized(vectors, "int8"), quantize_embeddings(vectors, "int8").astype(np.float32)
    )
    bits = np.unpackbits(quantize_embeddings(vectors, "ubinary"), axis=1)[:, :width]
    np.testing.assert_array_equal(quantized(vectors, "binary"), bits.astype(np.float32))


def test_a_dimension_without_a_range_is_as_in_sentence_transformers() -> None:
    vectors = drawn(20, 4, 5)
    vectors[:, 2] = 0.25
    found = quantized(vectors, "int8")
    np.testing.assert_array_equal(found, quantize_embeddings(vectors, "int8").astype(np.float32))
    assert np.isnan(of_mteb(vectors, "int8")[:, 2]).all()  # what cannot be scored


def test_one_text_alone_has_no_range() -> None:
    vectors = drawn(1, 4, 6)
    with pytest.raises(UsageError, match="this is one text"):
        quantized(vectors, "int8")
    np.testing.assert_array_equal(quantized(vectors, "binary"), of_mteb(vectors, "binary"))


def test_no_text_and_float32_stay_as_they_are() -> None:
    vectors = drawn(5, 4, 7)
    assert quantized(vectors, "float32") is vectors
    for precision in SCORED_PRECISIONS:
        assert quantized(vectors[:0], precision).shape == (0, 4)
    before = vectors.copy()
    quantized(vectors, "int8")
    np.testing.assert_array_equal(vectors, before)  # the store's are not touched
