"""The encoder gives the vectors of sentence-transformers and of plain transformers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from angle_bench.checkpoints.spec import PoolingName
from angle_bench.encoding.encoder import Encoder
from angle_bench.encoding.workers.contract import Vectors
from tests.checkpoints import add_sentence_transformers_files
from tests.encoding.encoders import POOLINGS, assert_close, backbone_of, load, varied_texts


def brute_force(encoder: Encoder, pooling: PoolingName, text: str) -> Vectors:
    """A vector by plain transformers: one text at a time, nothing padded."""
    backbone = backbone_of(encoder)
    inputs = backbone.tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
    with torch.inference_mode():
        tokens = backbone.model(**inputs).last_hidden_state[0].numpy()
    first, mean, highest = tokens[0], tokens.mean(axis=0), tokens.max(axis=0)
    vectors: dict[PoolingName, Vectors] = {
        "cls": first,
        "mean": mean,
        "cls_avg": (first + mean) / 2,
        "max": highest,
        "cls_max": (first + highest) / 2,
        "last": tokens[-1],
    }
    return vectors[pooling]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("mode", ["mean", "cls", "max", "lasttoken"])
def test_a_saved_folder_equals_sentence_transformers(
    tiny_bert: Path, mode: str, normalize: bool
) -> None:
    from sentence_transformers import SentenceTransformer

    add_sentence_transformers_files(tiny_bert, mode, normalize=normalize, max_length=16)
    texts = varied_texts(60)
    expected = SentenceTransformer(str(tiny_bert), device="cpu").encode(texts)
    assert_close(load(tiny_bert).encode(texts), expected)


def test_lower_casing_that_only_the_folder_asks_for(tiny_bert: Path) -> None:
    """The tokenizer is cased; sentence-transformers lowers the case as its config says."""
    from sentence_transformers import SentenceTransformer
    from transformers import BertTokenizerFast

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "CAT"]
    vocab = {piece: place for place, piece in enumerate(pieces)}
    BertTokenizerFast(vocab=vocab, do_lower_case=False).save_pretrained(tiny_bert)
    add_sentence_transformers_files(tiny_bert)
    config = '{"max_seq_length": 32, "do_lower_case": true}'
    (tiny_bert / "sentence_bert_config.json").write_text(config)
    expected = SentenceTransformer(str(tiny_bert), device="cpu").encode(["CAT", "cat"])
    assert_close(load(tiny_bert).encode(["CAT", "cat"]), expected)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_equals_plain_transformers(
    tiny_bert: Path, pooling: PoolingName, normalize: bool
) -> None:
    encoder = load(tiny_bert, pooling=pooling, normalize=normalize)
    texts = varied_texts(40)
    expected = np.stack([brute_force(encoder, pooling, text) for text in texts])
    if normalize:
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert_close(encoder.encode(texts), expected)
