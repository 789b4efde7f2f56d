"""What a folder may hold that sentence-transformers itself is to load: no code, no pickle."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.folder.config import read_keys
from angle_bench.checkpoints.folder.content import content_files
from angle_bench.checkpoints.folder.honoured import PROMPTS_CONFIG
from angle_bench.checkpoints.spec import Trust
from angle_bench.errors import ModelError
from angle_bench.files.regular import read_regular

_OWN = "sentence_transformers."
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_KIND = "SentenceTransformer"


def check_handed_over(folder: Path, trust: Trust) -> None:
    """Refuse a folder whose loading would run code or read a pickle without the user's trust.

    Tokenizer and weights are not looked for: a bag of words has neither.

    Raises:
        ModelError: It names a class that sentence-transformers does not bring, holds pickled
            weights, or is no model that gives one vector for a text.
    """
    files = content_files(folder)
    _refuse_other_kinds(folder)
    if not trust.remote_code:
        for path, file in files.items():
            for name in _classes(file) if path.endswith(".json") else ():
                if not name.startswith(_OWN):
                    raise ModelError(
                        f"{path} of {folder} names the class {name}, which is not of "
                        "sentence-transformers: loading it runs code.",
                        "--trust-remote-code, if you trust its makers",
                    )
    if not trust.pickle:
        safe = {path.rpartition("/")[0] for path in files if path.endswith(".safetensors")}
        for path in files:
            if path.endswith(_PICKLES) and path.rpartition("/")[0] not in safe:
                raise ModelError(
                    f"{path} of {folder} is a pickle, which can run code when it is loaded, "
                    "and no safetensors lie beside it.",
                    "--allow-pickle, if you trust its makers",
                )


def _refuse_other_kinds(folder: Path) -> None:
    kind = read_keys(folder / PROMPTS_CONFIG).get("model_type") or _KIND
    if kind != _KIND:
        raise ModelError(
            f"{folder} is a {kind} (model_type), which does not give one vector for a text.",
            f"a folder that {_KIND} saved",
        )


def _classes(file: Path) -> Iterator[str]:
    """The classes that sentence-transformers would import by a JSON file: dotted names."""
    found = _json(file)
    entries = found if isinstance(found, list) else [found]
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        types = entry.get("types")
        routes = list(types.values()) if isinstance(types, dict) else []
        type_ = entry.get("type") if file.name == "modules.json" else None
        named = [type_, entry.get("tokenizer_class"), *routes]
        yield from (name for name in named if isinstance(name, str) and "." in name)


def _json(file: Path) -> Any:
    import json

    try:
        return json.loads(read_regular(file))
    except (ValueError, OSError):  # whoever needs it says so
        return None
