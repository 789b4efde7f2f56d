"""What a folder is that sentence-transformers itself is to load, and what it may hold.

No code of its makers, and no pickle, unless the user trusts them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.folder.config import read_keys
from angle_bench.checkpoints.folder.content import content_files
from angle_bench.checkpoints.folder.honoured import PROMPTS_CONFIG
from angle_bench.checkpoints.spec import Kind, Trust
from angle_bench.errors import ModelError, or_list
from angle_bench.files.regular import read_regular

_OWN = "sentence_transformers."
# a class of pylate's that sentence-transformers reads as one of its own
_PYLATE = "pylate.models.Dense.Dense"
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
# the model_type that sentence-transformers 5 and 6 write, and pylate's
_KINDS: dict[str, Kind] = {
    "SentenceTransformer": "encoder",
    "CrossEncoder": "cross-encoder",
    "SparseEncoder": "sparse encoder",
    "MultiVectorEncoder": "multi-vector encoder",
    "ColBERT": "multi-vector encoder",
}


def kind_of(folder: Path) -> Kind:
    """What a folder gives, by what sentence-transformers wrote, else by its architecture.

    A classifier of one label is a cross-encoder. One of several labels is taken for its
    transformer alone, as any other head is left out.

    Raises:
        ModelError: It says a `model_type` that is not known, or is a cross-encoder of several
            labels.
    """
    said = read_keys(folder / PROMPTS_CONFIG).get("model_type")
    config = read_keys(folder / "config.json")
    if said is not None and not (isinstance(said, str) and said in _KINDS):
        raise ModelError(
            f"{folder} is a {said} (model_type), which is not known here.",
            f"a folder that {or_list(list(_KINDS)[:4])} of sentence-transformers saved",
        )
    if said is not None:
        kind = _KINDS[said]
        if kind == "cross-encoder" and _is_classifier(config):
            _refuse_labels(folder, config)
        return kind
    if (folder / "modules.json").is_file():
        return "encoder"
    if "HF_ColBERT" in _architectures(config):
        return "multi-vector encoder"
    if _is_classifier(config) and _labels(config) == 1:
        return "cross-encoder"
    return "encoder"


def _architectures(config: Mapping[str, Any]) -> list[str]:
    named = config.get("architectures")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _is_classifier(config: Mapping[str, Any]) -> bool:
    return any(name.endswith("ForSequenceClassification") for name in _architectures(config))


def _labels(config: Mapping[str, Any]) -> int:
    """How many labels a classifier has; transformers writes none where there are two."""
    named = config.get("id2label")
    count = len(named) if isinstance(named, dict) else config.get("num_labels", 2)
    return count if isinstance(count, int) else 2


def _refuse_labels(folder: Path, config: Mapping[str, Any]) -> None:
    if (count := _labels(config)) != 1:
        raise ModelError(
            f"{folder} is a cross-encoder of {count} labels; documents are ranked by one score.",
            "a cross-encoder with num_labels=1",
        )


def check_handed_over(folder: Path, trust: Trust, kind: Kind = "encoder") -> None:
    """Refuse a folder whose loading would run code or read a pickle without the user's trust.

    Tokenizer and weights are not looked for: a bag of words has neither.

    Raises:
        ModelError: It names a class that sentence-transformers does not bring, or holds pickled
            weights.
    """
    files = content_files(folder)
    if not trust.remote_code:
        if kind == "cross-encoder":
            _refuse_activation(folder)
        known = (_PYLATE,) if kind == "multi-vector encoder" else ()
        for path, file in files.items():
            for name in _classes(file) if path.endswith(".json") else ():
                if not name.startswith(_OWN) and name not in known:
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


def _refuse_activation(folder: Path) -> None:
    """Refuse a function over the scores that is not torch's: another one would be used instead."""
    config = read_keys(folder / "config.json")
    own = config.get("sentence_transformers")
    said = {
        "config.json": (own.get("activation_fn") if isinstance(own, dict) else None)
        or config.get("sbert_ce_default_activation_function"),
        PROMPTS_CONFIG: read_keys(folder / PROMPTS_CONFIG).get("activation_fn"),
    }
    for file, name in said.items():
        if name is not None and not str(name).startswith("torch."):
            raise ModelError(
                f"{file} of {folder} names the function {name}, which is not of torch: loading it "
                "runs code.",
                "--trust-remote-code, if you trust its makers",
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
