"""The encoder: batches, order, duplicates, prompts, odd texts, broken weights."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from angle_bench.checkpoints.spec import PoolingName
from angle_bench.errors import AngleBenchError, DataError, ModelError
from tests.encoding.encoders import POOLINGS, assert_close, backbone_of, load, varied_texts


@pytest.mark.parametrize("pooling", POOLINGS)
def test_batches_change_no_vector(tiny_bert: Path, pooling: PoolingName) -> None:
    texts = varied_texts(50)
    one, some, all_ = (
        load(tiny_bert, tokens, pooling=pooling).encode(texts) for tokens in (1, 64, 100_000)
    )
    assert_close(some, one)
    assert_close(all_, one)


def test_the_order_of_texts_is_kept(tiny_bert: Path) -> None:
    encoder = load(tiny_bert, 64)
    texts = varied_texts(50)
    shuffled = random.Random(1).sample(range(50), 50)
    vectors = encoder.encode(texts)
    assert_close(encoder.encode([texts[i] for i in shuffled]), vectors[shuffled])


def test_equal_texts_are_forwarded_once(tiny_bert: Path) -> None:
    encoder = load(tiny_bert)
    rows: list[int] = []

    def count(_: Any, __: Any, inputs: dict[str, torch.Tensor]) -> None:
        rows.append(len(inputs["input_ids"]))

    backbone_of(encoder).model.register_forward_pre_hook(count, with_kwargs=True)
    vectors = encoder.encode(["a cat", "a dog", "a cat", "a cat", "fish"])
    assert sum(rows) == 3
    assert (encoder.counts.texts, encoder.counts.forwarded) == (5, 3)
    assert encoder.counts.tokens == 4 + 4 + 3  # with [CLS] and [SEP]
    assert np.array_equal(vectors[0], vectors[2])
    assert np.array_equal(vectors[0], vectors[3])
    assert not np.allclose(vectors[0], vectors[1])


def test_counts_add_up_over_calls(tiny_bert: Path) -> None:
    encoder = load(tiny_bert)
    for _ in range(2):
        encoder.encode(["a cat", "a cat"])
    assert (encoder.counts.texts, encoder.counts.forwarded) == (4, 2)


def test_progress_adds_up_to_all_texts(tiny_bert: Path) -> None:
    texts = [*varied_texts(30), "a cat", "a cat"]
    done: list[int] = []
    load(tiny_bert, 64).encode(texts, done=done.append)
    assert len(done) > 1
    assert min(done) > 0
    assert sum(done) == len(texts)


def test_a_template_is_put_around_every_text(tiny_bert: Path) -> None:
    encoder = load(tiny_bert)
    prompted = encoder.encode(["cat", "{text}"], "a big {text} runs")
    written = encoder.encode(["a big cat runs", "a big {text} runs"])
    assert np.array_equal(prompted, written)
    assert not np.allclose(prompted[0], encoder.encode(["cat"])[0])


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_long_text_is_cut_and_the_prompts_tail_is_not(
    tiny_bert: Path, pooling: PoolingName
) -> None:
    encoder = load(tiny_bert, pooling=pooling, max_length=16)
    long, cut = " ".join(["cat"] * 50), " ".join(["cat"] * 10)  # 16 less 2 specials, 4 of prompt
    template = "a man eats {text} ."
    assert_close(encoder.encode([long], template), encoder.encode([cut], template))


def test_max_length_counts_special_tokens(tiny_bert: Path) -> None:
    encoder = load(tiny_bert, max_length=6)
    vectors = encoder.encode(["one two three big cat dog", "one two three big", "one two three"])
    assert_close(vectors[0], vectors[1])
    assert not np.allclose(vectors[1], vectors[2])
    assert encoder.counts.tokens == 6 + 6 + 5


def test_more_tokens_than_the_model_has_positions_is_an_error_with_a_fix(tiny_bert: Path) -> None:
    with pytest.raises(AngleBenchError):
        load(tiny_bert, max_length=65).encode(["cat " * 100])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_no_texts(tiny_bert: Path, pooling: PoolingName) -> None:
    encoder = load(tiny_bert, pooling=pooling)
    vectors = encoder.encode([])
    assert (vectors.shape, vectors.dtype) == ((0, 32), np.float32)
    assert encoder.counts.forwarded == 0


@pytest.mark.parametrize("text", ["", " ", "a \x00 cat", "\ufffd", "\ud800 cat"])
@pytest.mark.parametrize("normalize", [True, False])
def test_odd_texts_have_a_vector(tiny_bert: Path, text: str, normalize: bool) -> None:
    vectors = load(tiny_bert, normalize=normalize).encode([text])
    assert vectors.shape == (1, 32)
    assert np.isfinite(vectors).all()


def test_a_megabyte_of_text_is_cut_and_counted(tiny_bert: Path) -> None:
    encoder = load(tiny_bert)
    vectors = encoder.encode(["cat dog " * 131_072, "cat dog " * 200, "a cat"])
    assert_close(vectors[0], vectors[1])  # the same beginning
    assert encoder.counts.truncated == 2


@pytest.mark.parametrize("value", [None, 3, b"cat"])
def test_what_is_no_text_is_refused_and_its_place_named(tiny_bert: Path, value: Any) -> None:
    encoder = load(tiny_bert)
    with pytest.raises(DataError, match=r"text 1 is .*, not a string"):
        encoder.encode(["a cat", value])
    assert encoder.counts.forwarded == 0


def test_lone_surrogates_are_texts_of_their_own(tiny_bert: Path) -> None:
    encoder = load(tiny_bert)
    encoder.encode(["\ud800 cat", "\ud801 cat", "\ufffd cat"])
    assert encoder.counts.forwarded == 3


@pytest.mark.parametrize("text", ["שלום עולם", "😀👩‍👩‍👧", "\u202e cat", "a\x00\x00b"])
def test_scripts_and_signs_have_the_same_vector_alone_and_in_a_batch(
    tiny_bert: Path, text: str
) -> None:
    encoder = load(tiny_bert)
    assert_close(encoder.encode([text, "cat dog " * 9])[:1], encoder.encode([text]))


def without_specials(folder: Path) -> None:
    """Save a tokenizer that adds no [CLS] and [SEP], as those of decoders do not."""
    from tokenizers.processors import Sequence
    from transformers import PreTrainedTokenizerFast

    known = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]"
    )
    known.backend_tokenizer.post_processor = Sequence([])
    known.save_pretrained(folder)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_text_without_a_token_has_one_vector_in_every_batch(
    tiny_bert: Path, pooling: PoolingName
) -> None:
    without_specials(tiny_bert)
    encoder = load(tiny_bert, pooling=pooling)
    among_short, among_long = (
        encoder.encode(["", "cat"])[0],
        encoder.encode(["", "cat dog " * 5])[0],
    )
    alone = encoder.encode([""])[0]
    assert np.isfinite(alone).all()
    assert np.abs(alone).max() < 1e6
    assert_close(among_short, alone)
    assert_close(among_long, alone)


def test_low_precision_gives_float32_vectors_near_the_exact_ones(tiny_bert: Path) -> None:
    texts = varied_texts(30)
    exact = load(tiny_bert, normalize=True).encode(texts)
    rough = load(tiny_bert, normalize=True, dtype="bfloat16").encode(texts)
    assert rough.dtype == np.float32
    assert not np.array_equal(rough, exact)
    assert (exact * rough).sum(axis=1).min() > 0.99


def damage_one_word(folder: Path) -> None:
    """Make the embedding of `dog` NaN, as a diverged training leaves it."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    file = folder / "model.safetensors"
    weights = load_file(file)
    dog = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("dog")
    weights["embeddings.word_embeddings.weight"][dog] = torch.nan
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("normalize", [True, False])
def test_a_vector_that_is_not_finite_is_refused_and_its_text_named(
    tiny_bert: Path, pooling: PoolingName, normalize: bool
) -> None:
    damage_one_word(tiny_bert)
    encoder = load(tiny_bert, pooling=pooling, normalize=normalize)
    assert np.isfinite(encoder.encode(["a cat", "a fish"])).all()
    with pytest.raises(ModelError, match="'query a dog'") as caught:
        encoder.encode(["a cat", "a dog", "a fish"], "query {text}")
    assert "not finite in float32" in caught.value.what
    assert caught.value.fix
