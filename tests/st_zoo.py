"""Folders of sentence-transformers: every architecture, and what else such a folder can say."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tests import zoo

DECODERS = {
    "qwen2",
    "qwen3",
    "llama",
    "mistral",
    "gemma3",
    "phi",
    "gpt-neox",
    "gpt2",
    "opt",
    "opt-projected",
}
ACTIVATIONS = "torch.nn.modules.activation"
MTEB_PROMPTS = {
    "query": "search: ",
    "document": "text: ",
    "Clustering": "cluster: ",
    "Classification": "class: ",
    "PairClassification": "similar: ",
    "Retrieval-query": "find: ",
    "Retrieval-document": "title: none | text: ",
    "STS": "compare: ",
    "Reranking": "rank: ",
    "NFCorpus-query": "health: ",
}


@dataclass(frozen=True)
class Said:
    """What a folder says beside its transformer."""

    base: str = "bert"
    padding_side: str = "right"
    pooling: str | Mapping[str, Any] = "mean"
    dense: tuple[tuple[int, str], ...] = ()
    normalize: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    transformer: Mapping[str, Any] = field(default_factory=lambda: {"max_seq_length": 64})
    types: str = "sentence_transformers.models.{}"


def write(said: Said, folder: Path, plain: Callable[[str, str], Path]) -> Path:
    """Write a folder; `plain` gives the transformer of a name and padding side."""
    folder.mkdir(parents=True)
    for file in plain(said.base, said.padding_side).iterdir():
        (folder / file.name).symlink_to(file)
    flags = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "last": "lasttoken"}
    pool = (
        {f"pooling_mode_{flag}": name == said.pooling for name, flag in flags.items()}
        if isinstance(said.pooling, str)
        else dict(said.pooling)
    )
    parts = [("", "Transformer", None), ("1_Pooling", "Pooling", pool)]
    width = 16 if said.base == "opt-projected" else 32
    pool.setdefault("word_embedding_dimension", width)
    torch.manual_seed(3)
    for number, (out, activation) in enumerate(said.dense, start=2):
        keys = {"in_features": width, "out_features": out, "bias": number % 2 == 0}
        place = folder / f"{number}_Dense"
        place.mkdir()
        linear = torch.nn.Linear(width, out, bias=keys["bias"])
        weights = {f"linear.{key}": value for key, value in linear.state_dict().items()}
        save_file(weights, place / "model.safetensors")
        parts.append((place.name, "Dense", {**keys, "activation_function": activation}))
        width = out
    if said.normalize:
        parts.append(("9_Normalize", "Normalize", {}))
    for path, _, keys_of in parts[1:]:
        (folder / path).mkdir(exist_ok=True)
        _json(folder / path / "config.json", keys_of)
    listed = [
        {"idx": at, "name": str(at), "path": path, "type": said.types.format(kind)}
        for at, (path, kind, _) in enumerate(parts)
    ]
    _json(folder / "modules.json", listed)
    _json(folder / "sentence_bert_config.json", said.transformer)
    _json(folder / "config_sentence_transformers.json", said.config)
    return folder


def _json(place: Path, value: Any) -> None:
    place.write_text(json.dumps(value))


def _prompts(default: str | None = None, **prompts: str) -> dict[str, Any]:
    return {"prompts": prompts, "default_prompt_name": default}


# of our own: computed here, exported, and equal to the library
OURS: dict[str, Said] = {
    **{name: Said(name) for name in zoo.ARCHITECTURES if name not in DECODERS},
    **{
        name: Said(name, "left", "last", normalize=True)
        for name in zoo.ARCHITECTURES
        if name in DECODERS
    },
    "cls": Said(pooling="cls"),
    "max": Said(pooling="max"),
    "last": Said(pooling="last"),
    "pooling-new-key": Said(
        pooling={"embedding_dimension": 32, "pooling_mode": "cls", "include_prompt": True}
    ),
    "both-pooling-keys": Said(pooling={"pooling_mode": "mean", "pooling_mode_cls_token": True}),
    "no-pooling-said": Said(pooling={}),
    "normalize": Said(normalize=True),
    "dense": Said(dense=((24, f"{ACTIVATIONS}.Tanh"),), normalize=True),
    "two-dense": Said(
        dense=((24, f"{ACTIVATIONS}.GELU"), (12, "torch.nn.modules.linear.Identity"))
    ),
    "dense-relu": Said(dense=((40, f"{ACTIVATIONS}.ReLU"),)),
    "query-document": Said(config=_prompts(query="query: ", document="passage: ")),
    "query-alone": Said(config=_prompts(query="query: ")),
    "default-query": Said(config=_prompts("query", query="query: ")),
    "default-of-its-own": Said(config=_prompts("all", all="embed: ", query="query: ")),
    "by-task": Said(config=_prompts("STS", **MTEB_PROMPTS)),
    "passage": Said(config=_prompts(query="query: ", passage="passage: ")),
    "dot": Said(config={"similarity_fn_name": "dot"}),
    "dot-normalize-cut": Said(
        normalize=True, config={"similarity_fn_name": "dot", "truncate_dim": 10}
    ),
    "truncate": Said(config={"truncate_dim": 8}),
    "truncate-dense": Said(
        dense=((24, f"{ACTIVATIONS}.Tanh"),), config={"truncate_dim": 8}, normalize=True
    ),
    "no-length": Said(transformer={}),
    "null-length": Said(transformer={"max_seq_length": None, "do_lower_case": False}),
    "short": Said(transformer={"max_seq_length": 9}),
    "lower-case": Said("roberta", transformer={"max_seq_length": 64, "do_lower_case": True}),
    "calls-length": Said(
        transformer={"max_seq_length": 64, "processing_kwargs": {"text": {"max_length": 10}}}
    ),
    "tokenizer-length": Said(
        transformer={"max_seq_length": None, "tokenizer_args": {"model_max_length": 12}}
    ),
    "processor-length": Said(transformer={"processor_kwargs": {"model_max_length": 12}}),
    "left-llama-mean": Said("llama", "left"),
    "right-qwen-last": Said("qwen3", "right", "last"),
    "qwen-embedding": Said(
        "qwen3", "left", "last", normalize=True, config=_prompts(query="Instruct: find\nQuery:")
    ),
    **{
        f"{pooling}-without-prompt": Said(
            pooling={"pooling_mode": pooling, "include_prompt": False},
            config=_prompts(query="query: ", document="the passage: "),
        )
        for pooling in ("mean", "cls", "max")
    },
    "qwen-mean-without-prompt": Said(
        "qwen3",
        "left",
        pooling={"pooling_mode": "mean", "include_prompt": False},
        config=_prompts(query="Instruct: find\nQuery:"),
    ),
    "full-names": Said(types="sentence_transformers.sentence_transformer.modules.{}"),
}
# only sentence-transformers itself computes these
THEIRS: dict[str, Said] = {
    "weighted-mean": Said(pooling={"pooling_mode": "weightedmean"}),
    "sqrt-mean": Said(pooling={"pooling_mode": "mean_sqrt_len_tokens"}),
    "cls-and-mean": Said(pooling={"pooling_mode": ["cls", "mean"]}),
    "query-length": Said(transformer={"max_seq_length": 64, "query_length": 6}),
    "sigmoid": Said(dense=((24, f"{ACTIVATIONS}.Sigmoid"),)),
    "call-arguments": Said(
        transformer={"max_seq_length": 64, "processing_kwargs": {"text": {"pad_to_multiple_of": 8}}}
    ),
    "prompt-with-braces": Said(config=_prompts(query="{text}: ")),
}
