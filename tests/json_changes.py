"""Changes of the JSON files of a checkpoint: every key, existing or not, and other values of it."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Keys = tuple[str | int, ...]

REMOVED = object()
# values of every type, for keys of every other type
ANY: list[Any] = [
    *(None, True, False, 0, 1, -1, 7, 2**31, 0.5, float("nan"), "", "x", "left", "auto"),
    *([], {}, ["x"], {"x": 1}),
]
_SMALL = [1, 2, 5, 9, 40]
_SIDES = ["left", "right"]
_SWITCH = [True, False]
_INPUTS = [["input_ids"], ["input_ids", "attention_mask"]]
_DTYPES = ["float32", "bfloat16", "float16", "float64", "auto"]
_TOKENS = ["<s>", "</s>", "<mask>", "[SEP]", "cat", "<|new|>"]
_ACTIVATIONS = ["relu", "silu", "gelu_new", "gelu_pytorch_tanh", "tanh", "linear"]
_ROPE = [
    {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
    {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0},
    {"rope_type": "default", "rope_theta": 100.0},
    {"type": "linear", "factor": 2.0},
]
_TEMPLATE = "{% for m in messages %}<s>{{ m['content'] }}{% endfor %}"
_ADDED = {
    "content": "cat",
    "lstrip": False,
    "normalized": False,
    "rstrip": False,
    "single_word": False,
    "special": True,
}

# by the name of the file: keys that the libraries know, and values that they take
KNOWN: dict[str, dict[str, list[Any]]] = {
    "modules.json": {
        "type": [
            "sentence_transformers.models.Pooling",
            "sentence_transformers.models.Normalize",
            "sentence_transformers.models.LayerNorm",
            "torch.nn.Identity",
            "other.Pooling",
        ],
        "path": ["", ".", "1_Pooling", "2_Dense", "9_None", "..", "./1_Pooling"],
        "name": ["0", "1", "x"],
        "kwargs": [["task"], []],
    },
    "sentence_bert_config.json": {
        "max_seq_length": [*_SMALL, 128, 500, 100_000],
        "do_lower_case": _SWITCH,
        "query_length": _SMALL,
        "document_length": _SMALL,
        "query_expansion": [{"strategy": "fixed", "length": 16}],
        "processing_kwargs": [
            {"text": {"max_length": 6}},
            {"text": {"padding": "max_length"}},
            {"text": {"add_special_tokens": False}},
            {"text": {"truncation": False}},
            {"common": {"padding_side": "left"}},
            {"chat_template": {"add_generation_prompt": True}},
            {"other": {}},
        ],
        "transformer_task": ["feature-extraction", "fill-mask", "text-generation"],
        "modality_config": [
            {"text": {"method": "forward", "method_output_name": "pooler_output"}},
            {"text": {"method": "forward", "method_output_name": ["hidden_states", 1]}},
            {"message": {"method": "forward", "method_output_name": "last_hidden_state"}},
        ],
        "module_output_name": ["token_embeddings", "sentence_embedding"],
        "unpad_inputs": _SWITCH,
        "model_args": [{"dtype": "float32"}, {"attn_implementation": "eager"}],
        "model_kwargs": [{"dtype": "float32"}, {"num_hidden_layers": 1}],
        "tokenizer_args": [{"model_max_length": 6}, {"padding_side": "left"}],
        "processor_kwargs": [{"model_max_length": 7}, {"truncation_side": "left"}],
        "config_args": [{"num_hidden_layers": 1}],
        "config_kwargs": [{"hidden_act": "relu"}],
        "tokenizer_name_or_path": ["x"],
        "backend": ["torch", "onnx"],
        "cache_dir": ["x"],
    },
    "1_Pooling/config.json": {
        "pooling_mode": [
            *("cls", "mean", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens"),
            *(["cls"], ["cls", "mean"]),
        ],
        "pooling_mode_cls_token": _SWITCH,
        "pooling_mode_mean_tokens": _SWITCH,
        "pooling_mode_max_tokens": _SWITCH,
        "pooling_mode_lasttoken": _SWITCH,
        "pooling_mode_weightedmean_tokens": _SWITCH,
        "pooling_mode_mean_sqrt_len_tokens": _SWITCH,
        "include_prompt": _SWITCH,
        "embedding_dimension": [16, 32, 64],
        "word_embedding_dimension": [16, 32, 64],
    },
    "2_Dense/config.json": {
        "activation_function": [
            "torch.nn.modules.activation.ReLU",
            "torch.nn.modules.linear.Identity",
            "torch.nn.modules.activation.Sigmoid",
            "torch.nn.functional.relu",
            "other.Tanh",
        ],
        "bias": _SWITCH,
        "in_features": [16, 32],
        "out_features": [8, 16],
        "module_input_name": ["sentence_embedding", "token_embeddings"],
        "module_output_name": ["sentence_embedding", "other"],
        "use_residual": _SWITCH,
        "init_weight": [[1.0]],
    },
    "3_Normalize/config.json": {
        "module_input_name": ["sentence_embedding", "token_embeddings"],
        "module_output_name": ["sentence_embedding", "other"],
        "p": [1],
    },
    "config_sentence_transformers.json": {
        "prompts": [{"query": "the ", "document": "a cat "}, {"passage": "p: "}, {"query": None}],
        "default_prompt_name": ["query", "document", "STS", "other"],
        "similarity_fn_name": ["cosine", "dot", "euclidean", "manhattan", "maxsim"],
        "truncate_dim": [1, 8, 16, 1000],
        "model_type": ["SentenceTransformer", "SparseEncoder", "CrossEncoder"],
        "requirements": [{"sentence-transformers": ">=99"}, {"torch": ">=1"}],
        "__version__": [{"sentence_transformers": "99.0.0"}],
        "pooling": ["cls"],
    },
    "config.json": {
        "hidden_act": _ACTIVATIONS,
        "position_embedding_type": ["absolute", "relative_key", "relative_key_query"],
        "attn_implementation": ["eager", "sdpa", "flash_attention_2"],
        "_attn_implementation": ["eager"],
        "dtype": _DTYPES,
        "torch_dtype": _DTYPES,
        "rope_scaling": _ROPE,
        "rope_parameters": _ROPE,
        "rope_theta": [100.0, 1e6],
        "sliding_window": [2, 5],
        "use_sliding_window": _SWITCH,
        "max_window_layers": [0, 1],
        "layer_types": [["sliding_attention", "full_attention"], ["full_attention"] * 2],
        "use_bidirectional_attention": _SWITCH,
        "is_causal": _SWITCH,
        "is_decoder": _SWITCH,
        "add_cross_attention": _SWITCH,
        "num_hidden_layers": [0, 1, 2, 3, -3],
        "num_attention_heads": [2, 8, 3],
        "num_key_value_heads": [1, 4],
        "head_dim": [4, 16],
        "layer_norm_eps": [1e-3, 0.5],
        "rms_norm_eps": [1e-3, 0.5],
        "hidden_size": [16, 64],
        "intermediate_size": [32],
        "vocab_size": [10, 500],
        "type_vocab_size": [1, 3],
        "max_position_embeddings": [8, 40, 64, 4096],
        "pad_token_id": [0, 1, 5, -1],
        "bos_token_id": [5],
        "architectures": [["BertForMaskedLM"], ["Qwen3ForCausalLM"], ["Other"], []],
        "model_type": ["bert", "roberta", "xlm-roberta", "distilbert", "qwen2", "t5", "other"],
        "output_hidden_states": _SWITCH,
        "output_attentions": _SWITCH,
        "return_dict": _SWITCH,
        "use_return_dict": _SWITCH,
        "use_cache": _SWITCH,
        "chunk_size_feed_forward": [4],
        "hidden_dropout_prob": [0.5],
        "attention_dropout": [0.5],
        "attention_bias": _SWITCH,
        "tie_word_embeddings": _SWITCH,
        "pruned_heads": [{"0": [1]}],
        "quantization_config": [{"load_in_8bit": True, "quant_method": "bitsandbytes"}],
        "auto_map": [{"AutoModel": "modeling.Model"}],
        "tokenizer_class": ["BertTokenizer", "RobertaTokenizer"],
        "text_config": [{"hidden_size": 32, "num_hidden_layers": 1}],
        "transformers_version": ["2.0.0"],
        "processor_class": ["CLIPProcessor"],
        "is_encoder_decoder": _SWITCH,
    },
    "tokenizer_config.json": {
        "truncation_side": _SIDES,
        "padding_side": _SIDES,
        "padding": [True, "max_length"],
        "truncation": [True],
        "max_length": _SMALL,
        "stride": [2],
        "truncation_strategy": ["only_first"],
        "clean_up_tokenization_spaces": _SWITCH,
        "model_input_names": [*_INPUTS, [*_INPUTS[1], "token_type_ids"], ["input_ids", "x"]],
        "model_max_length": [*_SMALL, 128, 1_000_000, int(1e30), 1e30],
        "chat_template": [_TEMPLATE],
        "add_prefix_space": _SWITCH,
        "add_bos_token": _SWITCH,
        "add_eos_token": _SWITCH,
        "add_special_tokens": _SWITCH,
        "do_lower_case": _SWITCH,
        "strip_accents": _SWITCH,
        "tokenize_chinese_chars": _SWITCH,
        "split_special_tokens": _SWITCH,
        "trim_offsets": _SWITCH,
        "use_fast": _SWITCH,
        "legacy": _SWITCH,
        "from_slow": _SWITCH,
        "errors": ["ignore"],
        "unk_token": _TOKENS,
        "pad_token": _TOKENS,
        "bos_token": _TOKENS,
        "eos_token": _TOKENS,
        "cls_token": _TOKENS,
        "sep_token": _TOKENS,
        "mask_token": [*_TOKENS, {**_ADDED, "lstrip": True}],
        "extra_special_tokens": [["cat"], {"image_token": "<|new|>"}],
        "additional_special_tokens": [["cat"], ["<|new|>"]],
        "added_tokens_decoder": [{"9": _ADDED}, {"0": {**_ADDED, "content": "x"}}],
        "tokenizer_class": ["BertTokenizer", "RobertaTokenizer", "PreTrainedTokenizerFast", "No"],
        "processor_class": ["CLIPProcessor", "No"],
        "pad_token_type_id": [1],
        "auto_map": [{"AutoTokenizer": ["tokenization.Tokenizer", None]}],
        "backend": ["tokenizers", "other"],
        "is_local": _SWITCH,
        "vocab_file": ["x"],
    },
    "tokenizer.json": {
        "truncation": [
            {"direction": "Left", "max_length": 7, "strategy": "LongestFirst", "stride": 0},
            {"direction": "Right", "max_length": 9, "strategy": "OnlyFirst", "stride": 2},
        ],
        "padding": [
            {
                "strategy": {"Fixed": 40},
                "direction": "Left",
                "pad_to_multiple_of": None,
                "pad_id": 0,
                "pad_type_id": 0,
                "pad_token": "<pad>",
            },
            {
                "strategy": "BatchLongest",
                "direction": "Right",
                "pad_to_multiple_of": 8,
                "pad_id": 2,
                "pad_type_id": 1,
                "pad_token": "</s>",
            },
        ],
        "normalizer": [
            {"type": "Lowercase"},
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]},
            {"type": "Prepend", "prepend": "cat"},
        ],
        "pre_tokenizer": [{"type": "Whitespace"}, {"type": "ByteLevel", "add_prefix_space": True}],
        "post_processor": [
            {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]},
            {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]},
        ],
        "type_id": [0, 1],
        "added_tokens": [[]],
        "lowercase": _SWITCH,
        "strip_accents": _SWITCH,
        "add_prefix_space": _SWITCH,
        "special": _SWITCH,
        "normalized": _SWITCH,
        "lstrip": _SWITCH,
        "single_word": _SWITCH,
        "max_input_chars_per_word": [3],
        "continuing_subword_prefix": ["", "@@"],
        "unk_token": _TOKENS,
        "content": _TOKENS,
        "byte_fallback": _SWITCH,
        "ignore_merges": _SWITCH,
        "dropout": [0.5],
        "version": ["2.0"],
    },
    "special_tokens_map.json": {
        "unk_token": _TOKENS,
        "pad_token": _TOKENS,
        "cls_token": _TOKENS,
        "sep_token": _TOKENS,
        "additional_special_tokens": [["cat"], ["<|new|>"]],
    },
    "added_tokens.json": {"cat": [9, 50, 5000], "<|new|>": [9, 127, 5000]},
    "processor_config.json": {"processor_class": ["CLIPProcessor"], "x": [1]},
    "preprocessor_config.json": {"image_processor_type": ["CLIPImageProcessor"], "x": [1]},
    "chat_template.json": {"chat_template": [_TEMPLATE]},
    "sentence_roberta_config.json": {"max_seq_length": [9]},
    "adapter_config.json": {"peft_type": ["LORA"]},
    "generation_config.json": {"max_length": [5]},
    "tokenizer/config.json": {"x": [1]},
    "vocab.json": {"cat": [1]},
    "model.safetensors.index.json": {"weight_map": [{"x": "model.safetensors"}]},
}
# such a table has too many keys to change each
_TABLES = ("vocab", "merges", "added_tokens")
_OF_A_TABLE = 3


@dataclass(frozen=True)
class Change:
    """A key of a file with another value, or without one.

    Attributes:
        file: The file, relative to the folder; it need not exist.
        keys: The way to the key; none is the whole file.
        value: What it is set to, or `REMOVED`.
    """

    file: str
    keys: Keys
    value: Any

    def __str__(self) -> str:
        shown = "removed" if self.value is REMOVED else f"= {json.dumps(self.value)}"
        return f"{self.file} {'.'.join(map(str, self.keys)) or '(all)'} {shown}"


def places(folder: Path) -> list[tuple[str, Keys]]:
    """Every key of every JSON file of a folder, and those that it lacks and a library knows."""
    found: dict[tuple[str, Keys], None] = {}
    files = {
        file.relative_to(folder).as_posix(): _read(file) for file in sorted(folder.rglob("*.json"))
    }
    for file, content in ({name: {} for name in KNOWN} | files).items():
        known = [*KNOWN.get(file, {}), "no_such_key"]
        at_top = [(key,) for key in known] if isinstance(content, dict) else []
        nested = [
            (at, key) for at in range(len(content)) for key in known if isinstance(content, list)
        ]
        found |= dict.fromkeys((file, keys) for keys in (*_walk(content), *at_top, *nested))
    return list(found)


def drawn(folder: Path, file: str, keys: Keys, draw: random.Random) -> Change:
    """A change of this key: a value that a library takes, one beside the old, or any other."""
    place = folder / file
    old = _at(_read(place), keys) if place.is_file() else REMOVED
    name = next((key for key in reversed(keys) if isinstance(key, str)), "")
    known = [value for value in KNOWN.get(file, {}).get(name, ()) if value != old]
    beside = _beside(old)
    absent = old is REMOVED
    kinds = [known, known, beside, beside, ANY, [] if absent or not keys else [REMOVED]]
    value = draw.choice(draw.choice([values for values in kinds if values]))
    return Change(file, keys, value)


def apply(change: Change, folder: Path) -> None:
    """Write the file of a folder anew with this change."""
    place = folder / change.file
    content = _read(place) if place.is_file() else {}
    if not change.keys:
        content = change.value
    else:
        *way, last = change.keys
        inner = _at(content, tuple(way))
        if change.value is REMOVED:
            del inner[last]
        else:
            inner[last] = change.value
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(content))


def _read(place: Path) -> Any:
    return json.loads(place.read_text(encoding="utf-8"))


def _at(content: Any, keys: Keys) -> Any:
    for key in keys:
        if isinstance(content, Mapping) and key not in content:
            return REMOVED
        content = content[key]
    return content


def _walk(content: Any, keys: Keys = ()) -> Iterator[Keys]:
    yield keys
    items: list[tuple[str | int, Any]] = []
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    if keys and keys[-1] in _TABLES:
        items = items[:_OF_A_TABLE]
    for key, value in items:
        yield from _walk(value, (*keys, key))


def _beside(old: Any) -> list[Any]:
    """Other values of the same type."""
    if isinstance(old, bool):
        return [not old]
    if isinstance(old, int):
        return [one for one in (old + 1, old - 1, old * 2, old // 2, -old) if one != old]
    if isinstance(old, float):
        return [old * 10, 0.0, -1.0]
    if isinstance(old, str):
        return [one for one in (old.upper(), f"{old}x", old[:-1]) if one != old]
    if isinstance(old, list) and old:
        return [[*old, old[-1]], old[:-1]]
    return []
