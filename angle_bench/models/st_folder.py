"""What the files of a sentence-transformers folder say: modules, pooling, length, prompts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.errors import ModelError
from angle_bench.models.config import max_length, read_json
from angle_bench.models.prompts import NO_PROMPT, PLACEHOLDER, PromptPolicy
from angle_bench.models.spec import PoolingName, Settings

ACTIVATIONS = {
    "torch.nn.modules.activation.Tanh": "Tanh",
    "torch.nn.modules.activation.ReLU": "ReLU",
    "torch.nn.modules.activation.GELU": "GELU",
    "torch.nn.modules.linear.Identity": "Identity",
}

_POOLINGS: dict[str, PoolingName] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
_MODES: dict[str, PoolingName] = {"cls": "cls", "mean": "mean", "max": "max", "lasttoken": "last"}
_ROLES = {"query": "query", "passage": "document", "document": "document"}


@dataclass(frozen=True)
class Module:
    """A line of modules.json: the last part of its class, its folder, and that one's name."""

    kind: str
    folder: Path
    path: str


def is_sentence_transformers(folder: Path) -> bool:
    """Whether a folder has a list of modules."""
    return (folder / "modules.json").is_file()


def modules_of(folder: Path) -> list[Module]:
    """The modules of a folder, in order.

    Raises:
        ModelError: modules.json lists none.
    """
    found = []
    for entry in read_json(folder / "modules.json", list):
        if not isinstance(entry, dict):
            raise ModelError(
                f"{folder / 'modules.json'} lists no modules.", "the folder saved anew"
            )
        path = str(entry.get("path", ""))
        found.append(Module(str(entry.get("type", "")).rpartition(".")[2], folder / path, path))
    return found


def foreign_part(folder: Path) -> str | None:
    """What of a folder only sentence-transformers itself can compute; None if there is nothing.

    Ours are Transformer in the folder itself, Pooling, any number of Dense, and Normalize at the
    end, in this order.
    """
    modules = modules_of(folder)
    kinds = [module.kind for module in modules]
    for kind in kinds:
        if kind not in ("Transformer", "Pooling", "Dense", "Normalize"):
            return f"the module {kind or 'without a type'}"
    dense = ["Dense"] * kinds.count("Dense")
    if kinds not in (["Transformer", "Pooling", *dense, *end] for end in ([], ["Normalize"])):
        return f"the modules {', '.join(kinds) or 'none'} in that order"
    if modules[0].path not in ("", "."):
        return f"a transformer in the folder {modules[0].path}"
    if (reason := _foreign_pooling(modules[1].folder)) is not None:
        return reason
    return next(filter(None, (_foreign_dense(m) for m in modules if m.kind == "Dense")), None)


def st_settings(folder: Path) -> Settings:
    """The settings of a folder without a foreign part."""
    modules = modules_of(folder)
    transformer, pooling = modules[0].folder, modules[1].folder
    return Settings(
        pooling=_modes_of(pooling)[0],
        normalize=modules[-1].kind == "Normalize",
        max_length=_max_length(transformer) or max_length(folder),
        prompts=_prompts(folder),
        lowercase=_lowercase(transformer),
        dense=tuple(module.path for module in modules if module.kind == "Dense"),
    )


def dense_width(folder: Path, path: str) -> int:
    """The length of the vectors that a Dense module returns."""
    return int(read_json(folder / path / "config.json")["out_features"])


def _foreign_dense(module: Module) -> str | None:
    config = read_json(module.folder / "config.json")
    plain = (
        isinstance(config.get("out_features"), int)
        and config.get("activation_function") in ACTIVATIONS
        and config.get("module_input_name", "sentence_embedding") == "sentence_embedding"
        and config.get("module_output_name") in (None, "sentence_embedding")
        and not config.get("use_residual")
        and (module.folder / "model.safetensors").is_file()
    )
    return None if plain else f"the Dense module {module.path} of a kind that we lack"


def _foreign_pooling(module: Path) -> str | None:
    if read_json(module / "config.json").get("include_prompt") is False:
        return "a pooling that leaves the prompt out"
    modes = _modes_of(module)
    if len(modes) == 1 and modes[0] in _MODES.values():
        return None
    return f"the pooling {' with '.join(modes) or 'none'}"


def _modes_of(module: Path) -> list[Any]:
    config = read_json(module / "config.json")
    mode = config.get("pooling_mode")
    modes = [mode] if isinstance(mode, str) else list(mode or [])
    used: list[Any] = [_MODES.get(str(name), str(name)) for name in modes]
    return used + [
        _POOLINGS.get(key, key)
        for key, value in config.items()
        if key.startswith("pooling_mode_") and value is True
    ]


def _prompts(folder: Path) -> PromptPolicy:
    """The prompts of config_sentence_transformers.json: prefixes by name, and a default's name."""
    place = folder / "config_sentence_transformers.json"
    config = read_json(place) if place.is_file() else {}
    prompts, default = config.get("prompts") or {}, config.get("default_prompt_name") or ""
    if not isinstance(prompts, dict) or not isinstance(default, str):
        raise ModelError(
            f"{place} has prompts of another shape than name and text.", "the folder saved anew"
        )
    templates = {
        name: f"{text}{PLACEHOLDER}" if text else NO_PROMPT for name, text in prompts.items()
    }
    by_role = {role: templates[name] for name, role in _ROLES.items() if name in templates}
    return PromptPolicy(default=templates.get(default, NO_PROMPT), role=by_role)


def _max_length(module: Path) -> int | None:
    for place in sorted(module.glob("sentence_*_config.json")):
        length = read_json(place).get("max_seq_length")
        if isinstance(length, int):
            return length
    return None


def _lowercase(module: Path) -> bool:
    """Whether texts are put in lower case before a tokenizer that may keep it."""
    places = module.glob("sentence_*_config.json")
    return any(read_json(place).get("do_lower_case") is True for place in places)
