"""Read off a checkpoint folder what its own files say: layout, pooling, length."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from angle_bench.errors import ModelError
from angle_bench.models.content import content_files
from angle_bench.models.prompts import NO_PROMPT, PLACEHOLDER, PromptPolicy
from angle_bench.models.spec import POOLING_ALIASES, PoolingName, Settings, Shape

UNRECORDED_POOLING: PoolingName = "cls"
LONGEST_WITHOUT_LIMIT = 512

_ST_POOLINGS: dict[str, PoolingName] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
_ST_MODES: dict[str, PoolingName] = {
    "cls": "cls",
    "mean": "mean",
    "max": "max",
    "lasttoken": "last",
}
_ST_ROLES = {"query": "query", "passage": "document", "document": "document"}
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "bpe.codes", ".model", ".spm")
_ROBERTA_OFFSET = {"roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl"}


@dataclass(frozen=True)
class FolderFacts:
    """A folder's own settings, and a note where something was not recorded."""

    settings: Settings
    note: str | None = None
    shape: Shape | None = None


def looks_like_checkpoint(folder: Path) -> bool:
    """Whether a folder is meant as a model: it has a config or a list of modules."""
    names = ("config.json", "modules.json", "adapter_config.json")
    return any((folder / name).is_file() for name in names)


def read_folder(folder: Path) -> FolderFacts:
    """The settings of a plain transformers or sentence-transformers folder.

    Raises:
        ModelError: Weights, tokenizer or config are missing or cannot be read.
    """
    _check_complete(folder)
    try:
        return replace(_read_settings(folder), shape=shape_of(folder))
    except ValidationError as error:
        raise ModelError(
            f"{folder} has settings that cannot be: {error.errors()[0]['msg']}.",
            "the folder saved anew",
        ) from error


def _read_settings(folder: Path) -> FolderFacts:
    if (folder / "modules.json").is_file():
        return _sentence_transformers(folder)
    if (recorded := _angle_config(folder)) is not None:
        return recorded
    settings = Settings(pooling=UNRECORDED_POOLING, max_length=_max_length(folder))
    note = (
        f"{folder} records no pooling; using {UNRECORDED_POOLING}, the default of AnglE "
        "(--pooling mean for another)"
    )
    return FolderFacts(settings, note)


def _angle_config(folder: Path) -> FolderFacts | None:
    """What AnglE's own trainer recorded: pooling and length."""
    for place in (folder / "angle_config.json", folder / "angle.config"):
        config = _read_json(place) if place.is_file() else {}
        if (named := config.get("pooling_strategy")) is None:
            continue
        length = config.get("max_length")
        limits = [_max_length(folder), *([length] if isinstance(length, int) else [])]
        pooling = POOLING_ALIASES.get(named, named) if isinstance(named, str) else named
        # any other pooling than ours is refused by the check of the settings
        return FolderFacts(Settings(pooling=pooling, max_length=min(limits)))
    return None


def _check_complete(folder: Path) -> None:
    files = content_files(folder)
    if (
        "adapter_config.json" in files
    ):  # with peft installed transformers would load it, or its base
        raise ModelError(
            f"{folder} holds an adapter; adapters cannot be loaded yet.",
            f"merge it into its base first, then: angle-bench run -m {folder}-merged",
        )
    if "config.json" not in files:
        raise ModelError(
            f"{folder} has no config.json: it is no transformers model folder.",
            "-m the folder that save_pretrained or SentenceTransformer.save wrote",
        )
    if not any(path.endswith(".safetensors") for path in files):
        pickled = any(path.endswith(".bin") for path in files)
        raise ModelError(
            f"{folder} has no weights in safetensors"
            + (", only a pickle, which can run code when it is loaded." if pickled else "."),
            "model.save_pretrained(FOLDER) with transformers 5, which writes model.safetensors",
        )
    if not any(path.endswith(_TOKENIZER_FILES) for path in files):
        raise ModelError(
            f"{folder} has no tokenizer (none of {', '.join(_TOKENIZER_FILES)}).",
            f"tokenizer.save_pretrained({str(folder)!r}) with the base model's tokenizer",
        )


def _sentence_transformers(folder: Path) -> FolderFacts:
    pooling: PoolingName | None = None
    normalize = False
    max_length: int | None = None
    transformer = folder
    for module in _read_json(folder / "modules.json", list):
        if not isinstance(module, dict):
            raise ModelError(
                f"{folder / 'modules.json'} lists no modules.", "the folder saved anew"
            )
        kind = str(module.get("type", "")).rpartition(".")[2]
        place = folder / str(module.get("path", ""))
        if kind == "Transformer":
            transformer = place
            max_length = _st_max_length(place)
        elif kind == "Pooling":
            pooling = _st_pooling(place)
        elif kind == "Normalize":
            normalize = True
        else:
            raise ModelError(
                f"{folder} has the module {kind}, which cannot be loaded yet.",
                "a folder of Transformer, Pooling and Normalize modules",
            )
    if pooling is None:
        raise ModelError(
            f"{folder} has modules.json but no Pooling module.",
            "a folder of Transformer, Pooling and Normalize modules",
        )
    if transformer != folder:
        raise ModelError(
            f"{folder} keeps its transformer in {transformer.name}/, which cannot be loaded yet.",
            "SentenceTransformer(FOLDER).save(NEW) with a current sentence-transformers",
        )
    return FolderFacts(
        Settings(
            pooling=pooling,
            normalize=normalize,
            max_length=max_length or _max_length(folder),
            prompts=_st_prompts(folder),
            lowercase=_st_lowercase(transformer),
        )
    )


def _st_prompts(folder: Path) -> PromptPolicy:
    """The prompts of config_sentence_transformers.json: prefixes by name, and a default's name."""
    place = folder / "config_sentence_transformers.json"
    config = _read_json(place) if place.is_file() else {}
    prompts, default = config.get("prompts") or {}, config.get("default_prompt_name") or ""
    if not isinstance(prompts, dict) or not isinstance(default, str):
        raise ModelError(
            f"{place} has prompts of another shape than name and text.", "the folder saved anew"
        )
    templates = {
        name: f"{text}{PLACEHOLDER}" if text else NO_PROMPT for name, text in prompts.items()
    }
    by_role = {role: templates[name] for name, role in _ST_ROLES.items() if name in templates}
    return PromptPolicy(default=templates.get(default, NO_PROMPT), role=by_role)


def _st_max_length(module: Path) -> int | None:
    for place in sorted(module.glob("sentence_*_config.json")):
        length = _read_json(place).get("max_seq_length")
        if isinstance(length, int):
            return length
    return None


def _st_lowercase(module: Path) -> bool:
    """Whether texts are put in lower case before a tokenizer that may keep it."""
    places = module.glob("sentence_*_config.json")
    return any(_read_json(place).get("do_lower_case") is True for place in places)


def _st_pooling(module: Path) -> PoolingName:
    config = _read_json(module / "config.json")
    if config.get("include_prompt") is False:
        raise ModelError(
            f"{module} leaves the prompt out of the pooling, which cannot be done yet.",
            f'"include_prompt": true in {module / "config.json"}, if it was trained that way',
        )
    mode = config.get("pooling_mode")
    modes = [mode] if isinstance(mode, str) else list(mode or [])
    used = [_ST_MODES.get(str(name), str(name)) for name in modes]
    used += [
        _ST_POOLINGS.get(key, key)
        for key, value in config.items()
        if key.startswith("pooling_mode_") and value is True
    ]
    for name in _ST_MODES.values():
        if used == [name]:
            return name
    raise ModelError(
        f"{module} asks for the pooling {used or 'none'}, which cannot be loaded yet.",
        f"one of {', '.join(_ST_MODES)} in {module / 'config.json'}",
    )


def _max_length(folder: Path) -> int:
    """What both tokenizer and positions allow, 512 where neither says."""
    limit = positions(_read_json(folder / "config.json"))
    limits = [] if limit is None else [limit]
    place = folder / "tokenizer_config.json"
    tokenizer = _read_json(place) if place.is_file() else {}
    length = tokenizer.get("model_max_length")
    if isinstance(length, int) and length < 1_000_000:  # "no limit" is written as 1e30
        limits.append(length)
    return min(limits, default=LONGEST_WITHOUT_LIMIT)


def shape_of(folder: Path) -> Shape | None:
    """Layers and width under the names that nearly every config has."""
    config = _read_json(folder / "config.json")
    config = config.get("text_config", config)
    layers, width = config.get("num_hidden_layers"), config.get("hidden_size")
    if isinstance(layers, int) and isinstance(width, int):
        return Shape(layers=layers, width=width)
    return None


def positions(config: Mapping[str, Any]) -> int | None:
    """How many tokens a config's table of positions holds, None where it says nothing."""
    rows = config.get("max_position_embeddings")
    if not isinstance(rows, int):
        return None
    # RoBERTa's table starts at padding index + 1
    return rows - 2 if config.get("model_type") in _ROBERTA_OFFSET else rows


def _read_json(place: Path, kind: type = dict) -> Any:
    try:
        value = json.loads(place.read_text(encoding="utf-8"))
        if not isinstance(value, kind):
            raise ValueError(f"it holds no {kind.__name__}")
        return value
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{place} cannot be read: {error}.",
            "the folder copied again as a whole, or saved anew",
        ) from error
