"""Tiny folders that only sentence-transformers itself computes, saved by that library."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.checkpoints import WORDS, build_tiny_bert

VOCABULARY = sorted({*WORDS})


def _save(folder: Path, parts: Sequence[Any], **config: Any) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(0)
    SentenceTransformer(modules=list(parts), device="cpu", **config).save_pretrained(str(folder))


def _words(seed: int = 0) -> Any:
    from sentence_transformers.sentence_transformer.modules import WordEmbeddings
    from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer

    weights = np.random.default_rng(seed).normal(size=(len(VOCABULARY), 16)).astype("float32")
    tokenizer = WhitespaceTokenizer(VOCABULARY, stop_words=set())
    return WordEmbeddings(tokenizer=tokenizer, embedding_weights=weights)


def _static(seed: int) -> Any:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = {word: place for place, word in enumerate(["[UNK]", *VOCABULARY])}
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(seed).normal(size=(len(pieces), 16)).astype("float32")
    return StaticEmbedding(tokenizer, embedding_weights=weights)


def words(folder: Path) -> None:
    """Word embeddings and their mean, compared by their dot product."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    _save(folder, [_words(), Pooling(16, "mean")], similarity_fn_name="dot")


def weighted(folder: Path) -> None:
    """Word embeddings with weights of words, under a prompt for queries and a cut."""
    from sentence_transformers.sentence_transformer.modules import Pooling, WordWeights

    weights = {word: 0.5 + place / 10 for place, word in enumerate(VOCABULARY)}
    prompts = {"query": "red ", "STS": "big "}
    parts = [_words(), WordWeights(VOCABULARY, weights), Pooling(16, "mean")]
    _save(folder, parts, prompts=prompts, truncate_dim=12)


def lstm(folder: Path) -> None:
    """Word embeddings, an LSTM, max pooling, Normalize."""
    import torch
    from sentence_transformers.sentence_transformer.modules import LSTM, Normalize, Pooling

    torch.manual_seed(3)
    _save(folder, [_words(), LSTM(16, 8), Pooling(16, "max"), Normalize()])


def cnn(folder: Path) -> None:
    """Word embeddings and convolutions, which look at the pads beside a text."""
    import torch
    from sentence_transformers.sentence_transformer.modules import CNN, Pooling

    torch.manual_seed(3)
    module = CNN(in_word_embedding_dimension=16, out_channels=8, kernel_sizes=[1, 3])
    _save(folder, [_words(), module, Pooling(16, "mean")])


def bag(folder: Path) -> None:
    """A bag of words: no weights, no tokenizer."""
    from sentence_transformers.sentence_transformer.modules import BoW

    _save(folder, [BoW(vocab=VOCABULARY)])


def static(folder: Path) -> None:
    """Static embeddings under a default prompt."""
    _save(
        folder,
        [_static(1)],
        prompts={"query": "red ", "document": "", "cats": "cat "},
        default_prompt_name="cats",
    )


def router(folder: Path) -> None:
    """Other static embeddings for queries than for documents."""
    from sentence_transformers.base.modules import Router

    both = Router.for_query_document([_static(1)], [_static(2)], default_route="document")
    _save(folder, [both])


def layers(folder: Path) -> None:
    """A transformer whose layers are mixed by weights."""
    import torch
    from sentence_transformers.sentence_transformer.modules import (
        Pooling,
        Transformer,
        WeightedLayerPooling,
    )

    build_tiny_bert(folder.with_name(f"{folder.name}-bert"))
    transformer = Transformer(
        str(folder.with_name(f"{folder.name}-bert")), config_kwargs={"output_hidden_states": True}
    )
    torch.manual_seed(4)
    mixed = WeightedLayerPooling(32, num_hidden_layers=2, layer_start=1)
    torch.nn.init.uniform_(mixed.layer_weights)
    _save(folder, [transformer, mixed, Pooling(32, "mean")])


FOLDERS: dict[str, Callable[[Path], None]] = {
    make.__name__: make for make in (words, weighted, lstm, cnn, bag, static, router, layers)
}
