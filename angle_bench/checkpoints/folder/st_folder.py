"""The settings of a sentence-transformers folder that holds nothing but what we honour."""

from pathlib import Path
from typing import Any

from angle_bench.checkpoints.folder.config import max_length, read_json, read_keys
from angle_bench.checkpoints.folder.honoured import POOLINGS, PROMPTS_CONFIG
from angle_bench.checkpoints.folder.st_modules import modules_of, pooling_modes, transformer_config
from angle_bench.checkpoints.prompts import DOCUMENT_NAMES, ROLES, PromptPolicy, mteb_policy
from angle_bench.checkpoints.spec import Settings
from angle_bench.checkpoints.templates import NO_PROMPT

_UNREAD = DOCUMENT_NAMES[1:]


def is_sentence_transformers(folder: Path) -> bool:
    """Whether a folder has a list of modules."""
    return (folder / "modules.json").is_file()


def st_settings(folder: Path, whole: Path | None = None) -> Settings:
    """The settings of a folder without a foreign part.

    Args:
        folder: The folder.
        whole: Where the transformer's config is, if not there: the base of an adapter.
    """
    modules = modules_of(folder)
    _, transformer = transformer_config(modules[0].folder)
    pooling_config = read_json(modules[1].folder / "config.json")
    config = read_keys(folder / PROMPTS_CONFIG)
    return Settings(
        pooling=POOLINGS[pooling_modes(pooling_config)[0]],
        normalize=modules[-1].kind == "Normalize",
        max_length=_max_length(transformer) or max_length(whole or folder, folder),
        prompts=_prompts(config),
        include_prompt=pooling_config.get("include_prompt", True),
        lowercase=transformer.get("do_lower_case", False),
        dense=tuple(module.path for module in modules if module.kind == "Dense"),
        dtype=_dtype(transformer),
        similarity=config.get("similarity_fn_name") or "cosine",
        truncate_dim=config.get("truncate_dim"),
    )


def dense_width(folder: Path, path: str) -> int:
    """The length of the vectors that a Dense module returns."""
    return int(read_json(folder / path / "config.json")["out_features"])


def unread_prompt(folder: Path) -> str | None:
    """A prompt that looks as if documents got it, though sentence-transformers gives them none."""
    prompts = read_keys(folder / PROMPTS_CONFIG).get("prompts") or {}
    given = [name for name in _UNREAD if prompts.get(name)]
    return given[0] if given and "document" not in prompts else None


def _prompts(config: dict[str, Any]) -> PromptPolicy:
    """Prefixes as sentence-transformers and mteb's wrapper around it choose them.

    Queries and documents always have a prompt there, an empty one where the folder has none, so
    the default is for texts without a role alone.
    """
    given = {name: text or "" for name, text in (config.get("prompts") or {}).items()}
    default = given.get(config.get("default_prompt_name") or "", NO_PROMPT)
    named = dict.fromkeys(ROLES, "") | given if any(given.values()) else {}
    return mteb_policy(named, default)


def _max_length(config: dict[str, Any]) -> int | None:
    """The length that a Transformer's config sets, in the order of sentence-transformers."""
    calls = (config.get("processing_kwargs") or {}).get("text", {})
    tokenizer = config.get("tokenizer_args") or config.get("processor_kwargs") or {}
    lengths = (
        calls.get("max_length"),
        tokenizer.get("model_max_length"),
        config.get("max_seq_length"),
    )
    return next((length for length in lengths if length is not None), None)


def _dtype(config: dict[str, Any]) -> Any:
    given = config.get("model_args") or config.get("model_kwargs") or {}
    return next(iter(given.values()), "float32")
