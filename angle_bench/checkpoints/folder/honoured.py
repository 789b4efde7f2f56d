"""What of a sentence-transformers folder this package honours: the one list, key by key.

Whatever is not in it goes to sentence-transformers, which then computes the whole folder; a
module whose code sentence-transformers does not bring is refused unless the user trusts it. No
file and no key is passed over.
"""

import re
from typing import Any, get_args

from angle_bench.checkpoints.folder.transformers_files import Rule
from angle_bench.checkpoints.spec import PoolingName, Similarity

ACTIVATIONS = {
    "torch.nn.modules.activation.Tanh": "Tanh",
    "torch.nn.modules.activation.ReLU": "ReLU",
    "torch.nn.modules.activation.GELU": "GELU",
    "torch.nn.modules.linear.Identity": "Identity",
}

# the poolings of its own that are computed here, each with our name for it
POOLINGS: dict[str, PoolingName] = {
    "cls": "cls",
    "mean": "mean",
    "max": "max",
    "lasttoken": "last",
}

# sentence-transformers 6.2 reads the first of these that is not empty
TRANSFORMER_CONFIGS = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
PROMPTS_CONFIG = "config_sentence_transformers.json"

PACKAGE = "sentence_transformers"
_NAMESPACES = {
    "Transformer": ("models", "models.Transformer", "base.modules", "base.modules.transformer"),
    "Pooling": ("models", "models.Pooling", "sentence_transformer.modules.pooling"),
    "Dense": ("models", "models.Dense", "base.modules", "base.modules.dense"),
    "Normalize": (
        "models",
        "models.Normalize",
        "base.modules",
        "base.modules.normalize",
        "sentence_transformer.modules.normalize",
    ),
}
# the full names under which its versions 2 to 6 save the modules that are computed here
KINDS = {
    f"{PACKAGE}.{namespace}.{kind}": kind
    for kind, namespaces in _NAMESPACES.items()
    for namespace in (*namespaces, "sentence_transformer.modules")
}


def _one_of(*values: Any) -> Rule:
    """The value is one of these, of the same type: `1` is not `True`."""
    return lambda given: any(type(given) is type(value) and given == value for value in values)


def _is_length(value: Any) -> bool:
    return type(value) is int and value > 1


def _of(kind: type) -> Rule:
    return lambda value: type(value) is kind


def _dtype_alone(value: Any) -> bool:
    """Arguments of the transformer that name its dtype at most."""
    if not isinstance(value, dict) or not value.keys() <= {"dtype", "torch_dtype"}:
        return False
    return len(value) < 2 and all(
        one in ("float32", "bfloat16", "float16") for one in value.values()
    )


def _length_alone(value: Any) -> bool:
    """Arguments of the tokenizer that name its length at most."""
    return value == {} or (
        isinstance(value, dict)
        and list(value) == ["model_max_length"]
        and _is_length(value["model_max_length"])
    )


def _text_length_alone(value: Any) -> bool:
    """Arguments of each call of the tokenizer that name the length of texts at most."""
    if value in (None, {}):
        return True
    return (
        isinstance(value, dict)
        and list(value) == ["text"]
        and isinstance(value["text"], dict)
        and list(value["text"]) == ["max_length"]
        and _is_length(value["text"]["max_length"])
    )


_TEXTS = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
TRANSFORMER: dict[str, Rule] = {
    "max_seq_length": lambda value: value is None or type(value) is int,
    "do_lower_case": _of(bool),
    "transformer_task": _one_of("feature-extraction"),
    "modality_config": _one_of(_TEXTS),
    "module_output_name": _one_of("token_embeddings"),
    "unpad_inputs": _one_of(None, True, False),  # a matter of speed
    "query_length": _one_of(None),
    "document_length": _one_of(None),
    "query_expansion": _one_of(None),
    "processing_kwargs": _text_length_alone,
    "model_args": _dtype_alone,
    "model_kwargs": _dtype_alone,
    "tokenizer_args": _length_alone,
    "processor_kwargs": _length_alone,
    "config_args": _one_of({}),
    "config_kwargs": _one_of({}),
}
POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
POOLING: dict[str, Rule] = {
    "embedding_dimension": _of(int),
    "word_embedding_dimension": _of(int),
    "include_prompt": _of(bool),
    **dict.fromkeys(POOLING_FLAGS, _of(bool)),
}
DENSE: dict[str, Rule] = {
    "in_features": _of(int),
    "out_features": _of(int),
    "bias": _of(bool),
    "activation_function": _one_of(*ACTIVATIONS),
    "module_input_name": _one_of("sentence_embedding"),
    "module_output_name": _one_of(None, "sentence_embedding"),
    "use_residual": _one_of(False),
}
NORMALIZE: dict[str, Rule] = {
    "module_input_name": _one_of("sentence_embedding"),
    "module_output_name": _one_of(None, "sentence_embedding"),
}


def _is_versions(value: Any) -> bool:
    """Versions of libraries; sentence-transformers warns where its own is newer than it is."""
    if not isinstance(value, dict):
        return False
    own = value.get("sentence_transformers", "0")
    return isinstance(own, str) and _VERSION.fullmatch(own) is not None


def _is_prompts(value: Any) -> bool:
    """Prefixes by name; one with a brace could be taken for a template here."""
    return isinstance(value, dict) and all(
        one is None or (type(one) is str and "{" not in one) for one in value.values()
    )


FOLDER: dict[str, Rule] = {
    "__version__": _is_versions,
    "model_type": _one_of("SentenceTransformer"),
    "prompts": _is_prompts,
    "default_prompt_name": lambda value: value is None or type(value) is str,
    "similarity_fn_name": _one_of(None, *get_args(Similarity)),
    "truncate_dim": lambda value: value is None or (type(value) is int and value > 0),
    "requirements": _one_of(None, {}),
}
ENTRY: dict[str, Rule] = {
    "idx": lambda _: True,  # the order of the list counts
    "name": lambda value: type(value) is str and value != "" and "." not in value,
    "path": _of(str),
    "type": _of(str),
    "kwargs": _one_of(None, []),
}
_OF_NO_VECTOR = {"device_map", "low_cpu_mem_usage", "token", "trust_remote_code", "use_cache"}
# what angle-emb 0.6 writes into angle_config.json
ANGLE: dict[str, Rule] = {
    "pooling_strategy": lambda _: True,  # the check of the settings refuses what cannot be
    "max_length": _of(int),
    "model_kwargs": lambda value: not value or value.keys() <= _OF_NO_VECTOR,
    **dict.fromkeys(
        (
            "apply_billm",  # asked for: the layers that look ahead are not recorded
            "billm_model_class",
            "model_name_or_path",
            "lora_config_kwargs",  # adapter_config.json has them
            "is_llm",
            "apply_lora",
            "tokenizer_padding_side",  # no vector here depends on it
            "angle_emb_version",
        ),
        lambda _: True,
    ),
}
ENDS: tuple[list[str], ...] = ([], ["Normalize"])
_VERSION = re.compile(r"\d+(\.\d+)*(\.?(a|b|rc|dev|post)\d+)?")
