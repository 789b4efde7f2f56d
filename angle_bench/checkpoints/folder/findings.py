"""What comes of a sentence-transformers folder, by the list of what is honoured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from angle_bench.checkpoints.folder.config import read_json, read_keys
from angle_bench.checkpoints.folder.honoured import (
    ANGLE,
    DENSE,
    ENDS,
    ENTRY,
    FOLDER,
    NORMALIZE,
    PACKAGE,
    POOLING,
    POOLINGS,
    PROMPTS_CONFIG,
    TRANSFORMER,
)
from angle_bench.checkpoints.folder.st_modules import (
    Module,
    modules_of,
    pooling_modes,
    transformer_config,
)
from angle_bench.checkpoints.folder.transformers_files import KEYS, Rule, processor_files
from angle_bench.checkpoints.prompts import ROLES
from angle_bench.errors import ModelError

Verdict = Literal["honoured", "handed over", "refused"]


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
        *_of_file(folder, PROMPTS_CONFIG, FOLDER, "the folder"),
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
        for one in _of_file(folder, name, ANGLE, "AnglE's trainer")
    ]


def _of_modules(modules: list[Module], remote_code: bool) -> Iterator[Finding]:
    names = [module.entry.get("name") for module in modules]
    for at, module in enumerate(modules):
        lacking = {key: None for key in ("name", "type") if key not in module.entry}
        for key, value in {**module.entry, **lacking}.items():
            finding = _finding("modules.json", f"{at}.{key}", key, value, ENTRY, "modules.json")
            if key == "type" and module.kind is None:
                finding = _of_class(finding, module, remote_code)
            elif key == "name" and names.count(value) > 1:
                finding = _handed(finding, f"two modules with the name {value}")
            yield finding


def _of_class(finding: Finding, module: Module, remote_code: bool) -> Finding:
    shown = f"the module {module.type or 'without a type'}"
    if module.type.startswith(f"{PACKAGE}.") or remote_code:
        return _handed(finding, shown)
    return Finding(finding.file, finding.key, finding.value, "refused", shown)


def _of_arrangement(modules: list[Module]) -> Iterator[Finding]:
    """Ours are Transformer in the folder itself, Pooling, any number of Dense, and Normalize."""
    kinds = [module.kind for module in modules]
    if None in kinds:
        return
    dense = ["Dense"] * kinds.count("Dense")
    order = ", ".join(map(str, kinds)) or "none"
    ours: list[list[str | None]] = [["Transformer", "Pooling", *dense, *end] for end in ENDS]
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
        yield from _of_file(folder, _joined(module.path, name), TRANSFORMER, "the Transformer")
        yield from _of_combined(module)
        yield from _of_transformers(folder, module.path)
    elif module.kind == "Pooling":
        yield from _of_pooling(folder, module)
    elif module.kind == "Dense":
        yield from _of_dense(folder, module)
    elif module.kind == "Normalize":
        name = _joined(module.path, "config.json")
        yield from _of_file(folder, name, NORMALIZE, f"the Normalize module {module.path}")


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
    rules = POOLING | {"pooling_mode": lambda _: _is_one_pooling(config)}
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
    yield from _of_file(folder, name, DENSE, f"the Dense module {module.path}")
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
