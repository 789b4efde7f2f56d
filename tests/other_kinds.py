"""Tiny random folders that give no vector of a text: cross-encoders, sparse, multi-vector."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.checkpoints import build_tokenizer

_SIZES: dict[str, Any] = {
    "vocab_size": 128,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


def classifier(folder: Path, labels: int = 1, seed: int = 0) -> Path:
    """A BERT with a head of some labels, as transformers saves it; its scores are far apart."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer(folder)
    torch.manual_seed(seed)
    config = BertConfig(**_SIZES, num_labels=labels, initializer_range=0.3)
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    return folder


def cross_encoder(folder: Path) -> Path:
    """The same, as sentence-transformers' CrossEncoder saves it."""
    from sentence_transformers import CrossEncoder

    plain = classifier(folder.with_name(f"{folder.name}-plain"))
    CrossEncoder(str(plain), device="cpu").save_pretrained(str(folder))
    return folder


def sparse(folder: Path) -> Path:
    """SPLADE over a BERT with its head for masked tokens."""
    import torch
    from sentence_transformers import SparseEncoder
    from transformers import BertConfig, BertForMaskedLM

    plain = folder.with_name(f"{folder.name}-plain")
    plain.mkdir(parents=True, exist_ok=True)
    build_tokenizer(plain)
    torch.manual_seed(1)
    BertForMaskedLM(BertConfig(**_SIZES, initializer_range=0.3)).eval().save_pretrained(plain)
    SparseEncoder(str(plain), device="cpu").save_pretrained(str(folder))
    return folder


def multi_vector(folder: Path) -> Path:
    """ColBERT: a projection of each token's vector, under prompts for queries and documents."""
    import torch
    from sentence_transformers import MultiVectorEncoder

    from tests.checkpoints import build_tiny_bert

    plain = folder.with_name(f"{folder.name}-plain")
    build_tiny_bert(plain, seed=2, initializer_range=0.3)
    torch.manual_seed(2)
    prompts = {"query": "red ", "document": "big "}
    MultiVectorEncoder(str(plain), device="cpu", prompts=prompts).save_pretrained(str(folder))
    return folder


KINDS: dict[str, Callable[[Path], Path]] = {
    "classifier": classifier,
    "cross_encoder": cross_encoder,
    "sparse": sparse,
    "multi_vector": multi_vector,
}
