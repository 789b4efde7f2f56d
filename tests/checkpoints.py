"""Tiny random checkpoints, saved through the real libraries."""

import json
from pathlib import Path

WORD_LIST = (
    "the a an of in on is are was man woman dog cat child plays eats runs sings guitar piano bread "
    "fish water red blue green big small one two three . , ? ! not and or with"
)
WORDS = WORD_LIST.split()


def build_tokenizer(folder: Path, max_length: int = 64) -> None:
    """Save a WordPiece tokenizer that knows a few words and every letter."""
    from transformers import BertTokenizerFast

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = list(dict.fromkeys([*specials, *WORDS, *letters, *(f"##{x}" for x in letters)]))
    vocab = folder / "vocab.txt"
    vocab.write_text("\n".join(pieces) + "\n")
    tokenizer = BertTokenizerFast(
        vocab={piece: place for place, piece in enumerate(pieces)}, model_max_length=max_length
    )
    tokenizer.save_pretrained(folder)
    vocab.unlink(missing_ok=True)


def build_tiny_bert(folder: Path, seed: int = 0, **config: float) -> None:
    """Save a random BERT of 2 layers and 32 dimensions with its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer(folder)
    torch.manual_seed(seed)
    sizes = {
        "vocab_size": 128,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    BertModel(BertConfig(**{**sizes, **config})).eval().save_pretrained(folder)


def build_tiny_llama(folder: Path, padding_side: str = "right", seed: int = 0) -> None:
    """Save a random LLaMA of 3 layers and 32 dimensions whose tokenizer pads on that side."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaModel

    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.padding_side = padding_side
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    LlamaModel(config).eval().save_pretrained(folder)


def _sizes(folder: Path) -> dict[str, int]:
    from transformers import AutoTokenizer

    pad = AutoTokenizer.from_pretrained(folder).pad_token_id
    return {
        "vocab_size": 128,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 66,
        "pad_token_id": pad,
    }


ARCHITECTURES = ("bert", "roberta", "modernbert", "llama", "mistral", "qwen2", "qwen3", "gemma")
DECODERS = ("llama", "mistral", "qwen2", "qwen3", "gemma")


def build_tiny(
    folder: Path,
    architecture: str,
    padding_side: str = "right",
    *,
    head: bool = False,
    seed: int = 0,
) -> Path:
    """Save a random checkpoint of 3 layers and 32 dimensions.

    Args:
        folder: Where.
        architecture: One of `ARCHITECTURES`.
        padding_side: Where its tokenizer pads.
        head: Whether it has a head for words, as the hub's language models have.
        seed: Of the weights.
    """
    import torch
    import transformers
    from transformers import AutoTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.padding_side = padding_side
    tokenizer.save_pretrained(folder)
    names = {
        "bert": "Bert",
        "roberta": "Roberta",
        "modernbert": "ModernBert",
        "llama": "Llama",
        "mistral": "Mistral",
        "qwen2": "Qwen2",
        "qwen3": "Qwen3",
        "gemma": "Gemma",
    }
    more: dict[str, int] = {}
    if architecture in DECODERS:
        more = {"num_key_value_heads": 2, "head_dim": 8}
    if architecture == "modernbert":
        more = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    config = getattr(transformers, f"{names[architecture]}Config")(**_sizes(folder), **more)
    kind = ("ForCausalLM" if architecture in DECODERS else "ForMaskedLM") if head else "Model"
    torch.manual_seed(seed)
    getattr(transformers, f"{names[architecture]}{kind}")(config).eval().save_pretrained(folder)
    return folder


def build_lora(
    folder: Path,
    base: Path,
    *,
    head: bool = False,
    rank: int = 4,
    zero: bool = False,
    seed: int = 1,
) -> Path:
    """Save a random LoRA adapter of every linear layer of a base, by peft's own hand.

    Args:
        folder: Where.
        base: What it belongs to.
        head: Whether it was trained on the base with its head, as angle-emb's are.
        rank: Its rank.
        zero: Whether it is as fresh, so that it changes nothing.
        seed: Of the weights.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel, AutoModelForCausalLM

    kind = AutoModelForCausalLM if head else AutoModel
    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=rank, lora_dropout=0.1, target_modules="all-linear")
    adapted = get_peft_model(kind.from_pretrained(base, dtype=torch.float32), config)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name and not zero:
            torch.nn.init.normal_(weight, std=0.5)
    adapted.save_pretrained(folder)
    return folder


def add_sentence_transformers_files(
    folder: Path, mode: str = "mean", *, normalize: bool = True, max_length: int = 32
) -> None:
    """Turn a plain folder into a sentence-transformers one, by that library's own hand."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(str(folder), max_seq_length=max_length)
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode=mode)]
    if normalize:
        modules.append(Normalize())
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))


def write_rows(place: Path, rows: list[dict[str, object]]) -> None:
    """Write rows as parquet or JSON lines, by the suffix."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), place)
    else:
        place.write_text("".join(json.dumps(row) + "\n" for row in rows))


def sts_rows(count: int = 12, seed: int = 0) -> list[dict[str, object]]:
    """Pairs of word salad with scores 0 to 5."""
    import random

    random_ = random.Random(seed)
    return [
        {
            "sentence1": " ".join(random_.choices(WORDS, k=random_.randint(3, 9))),
            "sentence2": " ".join(random_.choices(WORDS, k=random_.randint(3, 9))),
            "score": round(random_.uniform(0, 5), 2),
        }
        for _ in range(count)
    ]
