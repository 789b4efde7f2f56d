"""What of a sentence-transformers folder this package honours: the one list, key by key.

Whatever is not in it goes to sentence-transformers, which then computes the whole folder; a
module whose code sentence-transformers does not bring is refused unless the user trusts it. No
file and no key is passed over.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from angle_bench.errors import ModelError
from angle_bench.models.config import read_json, read_keys
from angle_bench.models.prompts import ROLES
from angle_bench.models.spec import PoolingName, Similarity
from angle_bench.models.transformers_files import KEYS, Rule, processor_files

Verdict = Literal["honoured", "handed over", "refused"]

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

_PACKAGE = "sentence_transformers"
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
    f"{_PACKAGE}.{namespace}.{kind}": kind
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
_TRANSFORMER: dict[str, Rule] = {
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
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_POOLING: dict[str, Rule] = {
    "embedding_dimension": _of(int),
    "word_embedding_dimension": _of(int),
    "include_prompt": _one_of(True),
    **dict.fromkeys(_POOLING_FLAGS, _of(bool)),
}
_DENSE: dict[str, Rule] = {
    "in_features": _of(int),
    "out_features": _of(int),
    "bias": _of(bool),
    "activation_function": _one_of(*ACTIVATIONS),
    "module_input_name": _one_of("sentence_embedding"),
    "module_output_name": _one_of(None, "sentence_embedding"),
    "use_residual": _one_of(False),
}
_NORMALIZE: dict[str, Rule] = {
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


_FOLDER: dict[str, Rule] = {
    "__version__": _is_versions,
    "model_type": _one_of("SentenceTransformer"),
    "prompts": _is_prompts,
    "default_prompt_name": lambda value: value is None or type(value) is str,
    "similarity_fn_name": _one_of(None, *get_args(Similarity)),
    "truncate_dim": lambda value: value is None or (type(value) is int and value > 0),
    "requirements": _one_of(None, {}),
}
_ENTRY: dict[str, Rule] = {
    "idx": lambda _: True,  # the order of the list counts
    "name": lambda value: type(value) is str and value != "" and "." not in value,
    "path": _of(str),
    "type": _of(str),
    "kwargs": _one_of(None, []),
}
_OF_NO_VECTOR = {"device_map", "low_cpu_mem_usage", "token", "trust_remote_code", "use_cache"}
# what angle-emb 0.6 writes into angle_config.json
_ANGLE: dict[str, Rule] = {
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
_ENDS: tuple[list[str], ...] = ([], ["Normalize"])
_VERSION = re.compile(r"\d+(\.\d+)*(\.?(a|b|rc|dev|post)\d+)?")


@dataclass(frozen=True)
class Module:
    """A line of modules.json: its class in full, which of ours that is, and its folder.

    Attributes:
        kind: Transformer, Pooling, Dense or Normalize; None for every other class.
    """

    type: str
    kind: str | None
    folder: Path
    path: str
    entry: Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What comes of one key of a folder.

    Attributes:
        file: The file, relative to the folder.
        key: The key in it.
        value: Its value.
        verdict: Whether it is honoured, makes sentence-transformers compute the folder, or ends
            the command.
        why: What it is that is not honoured, in a few words.
    """

    file: str
    key: str
    value: Any
    verdict: Verdict
    why: str = ""


def modules_of(folder: Path) -> list[Module]:
    """The modules of a folder, in order.

    Raises:
        ModelError: modules.json lists none.
    """
    place = folder / "modules.json"
    found = []
    for entry in read_json(place, list):
        path = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(path, str):
            raise ModelError(f"{place} lists no modules.", "the folder saved anew")
        type_ = str(entry.get("type", ""))
        found.append(Module(type_, KINDS.get(type_), folder / path, path, entry))
    return found


def findings(folder: Path, remote_code: bool = False) -> list[Finding]:
    """What comes of every key of a folder's own JSON files, in the order they are read.

    Args:
        folder: A folder of sentence-transformers.
        remote_code: Whether code that comes with a checkpoint, or a package that it names, may run.
    """
    modules = modules_of(folder)
    return [
        *_of_modules(modules, remote_code),
        *_of_arrangement(modules),
        *_of_file(folder, PROMPTS_CONFIG, _FOLDER, "the folder"),
        *_of_default_prompt(folder),
        *(one for module in modules for one in _of_module(folder, module)),
    ]


def foreign_part(folder: Path, remote_code: bool = False) -> str | None:
    """What of a folder only sentence-transformers itself can compute; None if there is nothing.

    Raises:
        ModelError: It needs code that nobody trusts.
    """
    found = findings(folder, remote_code)
    for one in found:
        if one.verdict == "refused":
            raise ModelError(
                f"{folder} has {one.why}, which is code of its makers.",
                "--trust-remote-code, if you trust them",
            )
    return next((one.why for one in found if one.verdict == "handed over"), None)


def angle_findings(folder: Path, name: str) -> list[Finding]:
    """What comes of every key that AnglE's trainer wrote; what is not honoured is refused."""
    return [
        one if one.verdict == "honoured" else Finding(name, one.key, one.value, "refused", one.why)
        for one in _of_file(folder, name, _ANGLE, "AnglE's trainer")
    ]


def transformer_config(folder: Path) -> tuple[str, dict[str, Any]]:
    """The file of the Transformer's settings, and what is in it; an empty one where none is."""
    for name in TRANSFORMER_CONFIGS:
        if config := read_keys(folder / name):
            return name, config
    return TRANSFORMER_CONFIGS[0], {}


def pooling_modes(config: Mapping[str, Any]) -> list[Any]:
    """The poolings that a Pooling's config switches on, as sentence-transformers reads it."""
    if "pooling_mode" in config:
        mode = config["pooling_mode"]
        return list(mode) if isinstance(mode, list) else [mode]
    return [mode for key, mode in _POOLING_FLAGS.items() if config.get(key) is True] or ["mean"]


def _of_modules(modules: list[Module], remote_code: bool) -> Iterator[Finding]:
    names = [module.entry.get("name") for module in modules]
    for at, module in enumerate(modules):
        lacking = {key: None for key in ("name", "type") if key not in module.entry}
        for key, value in {**module.entry, **lacking}.items():
            finding = _finding("modules.json", f"{at}.{key}", key, value, _ENTRY, "modules.json")
            if key == "type" and module.kind is None:
                finding = _of_class(finding, module, remote_code)
            elif key == "name" and names.count(value) > 1:
                finding = _handed(finding, f"two modules with the name {value}")
            yield finding


def _of_class(finding: Finding, module: Module, remote_code: bool) -> Finding:
    shown = f"the module {module.type or 'without a type'}"
    if module.type.startswith(f"{_PACKAGE}.") or remote_code:
        return _handed(finding, shown)
    return Finding(finding.file, finding.key, finding.value, "refused", shown)


def _of_arrangement(modules: list[Module]) -> Iterator[Finding]:
    """Ours are Transformer in the folder itself, Pooling, any number of Dense, and Normalize."""
    kinds = [module.kind for module in modules]
    if None in kinds:
        return
    dense = ["Dense"] * kinds.count("Dense")
    order = ", ".join(map(str, kinds)) or "none"
    ours: list[list[str | None]] = [["Transformer", "Pooling", *dense, *end] for end in _ENDS]
    if kinds not in ours:
        why = f"the modules {order} in that order"
        yield Finding("modules.json", "order", order, "handed over", why)
    elif modules[0].path not in ("", "."):
        why = f"a transformer in the folder {modules[0].path}"
        yield Finding("modules.json", "0.path", modules[0].path, "handed over", why)


def _of_module(folder: Path, module: Module) -> Iterator[Finding]:
    """What comes of the keys of one module's own file."""
    if module.kind == "Transformer":
        name, _ = transformer_config(module.folder)
        yield from _of_file(folder, _joined(module.path, name), _TRANSFORMER, "the Transformer")
        yield from _of_combined(module)
        yield from _of_transformers(folder, module.path)
    elif module.kind == "Pooling":
        yield from _of_pooling(folder, module)
    elif module.kind == "Dense":
        yield from _of_dense(folder, module)
    elif module.kind == "Normalize":
        name = _joined(module.path, "config.json")
        yield from _of_file(folder, name, _NORMALIZE, f"the Normalize module {module.path}")


def _of_transformers(folder: Path, path: str) -> Iterator[Finding]:
    """What sentence-transformers reads otherwise in the files of transformers."""
    for file, rules in KEYS.items():
        config = read_keys(folder / path / file)
        for key in rules.keys() & config.keys():
            yield _finding(_joined(path, file), key, key, config[key], rules, "the Transformer")
    for file in processor_files(folder / path):
        yield Finding(_joined(path, file), "*", None, "handed over", f"the processor of {file}")


def _of_combined(module: Module) -> Iterator[Finding]:
    """An argument under its old and its new name, where the old one would win; a lone modality."""
    name, config = transformer_config(module.folder)
    for old, new in (("model_args", "model_kwargs"), ("tokenizer_args", "processor_kwargs")):
        if old in config and new in config:
            yield Finding(name, new, config[new], "handed over", f"both {old} and {new}")
    if "modality_config" in config and "module_output_name" not in config:
        why = "a modality_config without module_output_name"
        yield Finding(name, "module_output_name", None, "handed over", why)


def _of_pooling(folder: Path, module: Module) -> Iterator[Finding]:
    name = _joined(module.path, "config.json")
    config = read_json(folder / name)
    rules = _POOLING | {"pooling_mode": lambda _: _is_one_pooling(config)}
    yield from _of_file(folder, name, rules, "the Pooling")
    if not _is_one_pooling(config):
        shown = " with ".join(map(str, pooling_modes(config)))
        yield Finding(name, "pooling_mode", shown, "handed over", f"the pooling {shown}")
    if not {"embedding_dimension", "word_embedding_dimension"} & config.keys():
        why = "a Pooling that does not say its dimension"
        yield Finding(name, "embedding_dimension", None, "handed over", why)


def _is_one_pooling(config: Mapping[str, Any]) -> bool:
    modes = pooling_modes(config)
    return len(modes) == 1 and modes[0] in POOLINGS


def _of_dense(folder: Path, module: Module) -> Iterator[Finding]:
    name = _joined(module.path, "config.json")
    yield from _of_file(folder, name, _DENSE, f"the Dense module {module.path}")
    config = read_json(folder / name)
    whole = {"in_features", "out_features", "activation_function"} <= config.keys()
    if not whole or not (module.folder / "model.safetensors").is_file():
        why = f"the Dense module {module.path} of a kind that we lack"
        yield Finding(name, "*", None, "handed over", why)


def _of_default_prompt(folder: Path) -> Iterator[Finding]:
    """A default prompt must be one of the prompts; sentence-transformers refuses it too."""
    config = read_keys(folder / PROMPTS_CONFIG)
    default, prompts = config.get("default_prompt_name"), config.get("prompts") or {}
    known = {*ROLES, *prompts} if isinstance(prompts, dict) else set()
    if isinstance(default, str) and default not in known:
        why = f"the default prompt {default}, which is none of its prompts"
        yield Finding(PROMPTS_CONFIG, "default_prompt_name", default, "handed over", why)


def _of_file(folder: Path, name: str, rules: Mapping[str, Rule], whose: str) -> Iterator[Finding]:
    for key, value in read_keys(folder / name).items():
        yield _finding(name, key, key, value, rules, whose)


def _finding(
    file: str, shown: str, key: str, value: Any, rules: Mapping[str, Rule], whose: str
) -> Finding:
    finding = Finding(file, shown, value, "honoured")
    if key not in rules:
        return _handed(finding, f"the key {key} of {whose}")
    if not rules[key](value):
        return _handed(finding, f"{key} {_short(value)} of {whose}")
    return finding


def _handed(finding: Finding, why: str) -> Finding:
    return Finding(finding.file, finding.key, finding.value, "handed over", why)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _joined(path: str, name: str) -> str:
    return name if path in ("", ".") else f"{path.rstrip('/')}/{name}"
