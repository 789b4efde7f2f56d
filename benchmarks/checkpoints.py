"""Random BERTs of any shape, and texts of words that their tokenizer knows."""

import random
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 512,
}
BASE = LARGE | {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}


def words(count: int = 5000, seed: int = 0) -> list[str]:
    """Distinct words of 2 to 9 random letters."""
    draw = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 9)))] = None
    return list(made)


def texts(count: int, shortest: int, longest: int, seed: int = 1) -> list[str]:
    """Texts of so many random words; nearly all are distinct."""
    draw = random.Random(seed)
    known = words()
    return [" ".join(draw.choices(known, k=draw.randint(shortest, longest))) for _ in range(count)]


def build_bert(folder: Path, shape: Mapping[str, Any], dtype: str = "float32") -> None:
    """Save a random BERT that pools by the mean, in the layout of sentence-transformers."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    bare = folder / "bare"
    bare.mkdir(parents=True)
    letters = string.ascii_lowercase
    pieces = list(dict.fromkeys([*SPECIALS, *words(), *letters, *(f"##{x}" for x in letters)]))
    limit = shape["max_position_embeddings"]
    BertTokenizerFast(
        vocab={piece: place for place, piece in enumerate(pieces)}, model_max_length=limit
    ).save_pretrained(bare)
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=len(pieces), **shape)).eval()
    model.to(getattr(torch, dtype)).save_pretrained(bare)
    transformer = Transformer(
        str(bare), max_seq_length=limit, model_kwargs={"dtype": getattr(torch, dtype)}
    )
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save(str(folder / "model"))
