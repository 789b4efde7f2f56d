"""Tiny checkpoints with random weights, one of every architecture that texts are embedded with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from angle_bench.checkpoints.folder.config import positions

VOCABULARY = 400
POSITIONS = 128
TRAINING_TEXTS = (
    "A cat sits on the mat and looks at the small table beside the window.",
    "Vectors of sentences are compared by their cosine; scores are ranks of pairs.",
    "naïve café Straße",
    "Xin chào Việt Nam",
    "機械学習 中文",
    "An encoder reads words on both sides, a decoder those before it.",
)

_WIDTHS: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
_IDS: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_ENCODER: dict[str, Any] = {**_WIDTHS, **_IDS, "max_position_embeddings": POSITIONS}
_OFFSET = {**_ENCODER, "pad_token_id": 1, "max_position_embeddings": POSITIONS + 2}
_DECODER: dict[str, Any] = {**_ENCODER, "num_key_value_heads": 2}
_T5: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "pad_token_id": 0,
    "eos_token_id": 2,
    "decoder_start_token_id": 0,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
}
_GPT2: dict[str, Any] = {**_IDS, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS}

# name: prefix of its classes, what follows the prefix in its model's, keys of its config
_MADE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("Bert", "Model", _ENCODER),
    "roberta": ("Roberta", "Model", _OFFSET),
    "xlm-roberta": ("XLMRoberta", "Model", _OFFSET),
    "mpnet": ("MPNet", "Model", _OFFSET),
    "distilbert": (
        "DistilBert",
        "Model",
        {
            "vocab_size": VOCABULARY,
            "pad_token_id": 0,
            "dim": 32,
            "hidden_dim": 64,
            "n_layers": 2,
            "n_heads": 4,
            "max_position_embeddings": POSITIONS,
        },
    ),
    "albert": ("Albert", "Model", {**_ENCODER, "embedding_size": 16}),
    "electra": ("Electra", "Model", {**_ENCODER, "embedding_size": 16}),
    "deberta-v2": (
        "DebertaV2",
        "Model",
        {**_ENCODER, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    ),
    "modernbert": ("ModernBert", "Model", {**_ENCODER, "cls_token_id": 2, "sep_token_id": 3}),
    "t5": ("T5", "EncoderModel", _T5),
    "mt5": ("MT5", "EncoderModel", _T5),
    "umt5": ("UMT5", "EncoderModel", _T5),
    "qwen2": ("Qwen2", "Model", _DECODER),
    "qwen3": ("Qwen3", "Model", {**_DECODER, "head_dim": 8}),
    "llama": ("Llama", "Model", _DECODER),
    "mistral": ("Mistral", "Model", _DECODER),
    "gemma3": ("Gemma3Text", "Model", {**_DECODER, "head_dim": 8, "sliding_window": 64}),
    "embeddinggemma": (
        "Gemma3Text",
        "Model",
        {**_DECODER, "head_dim": 8, "sliding_window": 64, "use_bidirectional_attention": True},
    ),
    "phi": ("Phi", "Model", _ENCODER),
    "gpt-neox": ("GPTNeoX", "Model", _ENCODER),
    "gpt2": ("GPT2", "Model", _GPT2),
    "xlnet": (
        "XLNet",
        "Model",
        {**_IDS, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
    ),
    "opt": ("OPT", "Model", {**_ENCODER, "ffn_dim": 64, "word_embed_proj_dim": 32}),
    "opt-projected": (
        "OPT",
        "Model",
        {**_ENCODER, "ffn_dim": 64, "word_embed_proj_dim": 16, "do_layer_norm_before": False},
    ),
}

ARCHITECTURES: tuple[str, ...] = tuple(_MADE)
WORDPIECE = {"bert", "distilbert", "electra", "mpnet"}


def transformer(name: str, folder: Path, padding_side: str = "right") -> None:
    """Write the model and the tokenizer of an architecture as transformers itself saves them."""
    model = _model(name)
    limit = positions(model.config.to_dict()) or POSITIONS
    tokenizer = _tokenizer(name, model.config.pad_token_id or 0, limit, padding_side)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _model(name: str) -> Any:
    prefix, suffix, keys = _MADE[name]
    config = getattr(transformers, f"{prefix}Config")(**keys)
    torch.manual_seed(1)
    model = getattr(transformers, f"{prefix}{suffix}")(config)
    for parameter in model.parameters():
        if parameter.dim() > 1:  # the usual 0.02 gives all texts nearly the same vector
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def _tokenizer(name: str, pad_id: int, length: int, padding_side: str) -> Any:
    kind: Callable[[list[str]], Tokenizer] = _word_pieces if name in WORDPIECE else _bytes
    special = ["<s>", "</s>", "<unk>", "<mask>"]
    special.insert(pad_id, "<pad>")
    made = kind(special)
    ids = {token: made.token_to_id(token) for token in ("<s>", "</s>")}
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=list(ids.items())
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        model_max_length=length,
        padding_side=padding_side,
    )


def _word_pieces(special: list[str]) -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(
        TRAINING_TEXTS,
        trainers.WordPieceTrainer(
            vocab_size=VOCABULARY, special_tokens=special, show_progress=False
        ),
    )
    return made


def _bytes(special: list[str]) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        TRAINING_TEXTS,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=special,
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    return made
