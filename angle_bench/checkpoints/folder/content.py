"""Content of a checkpoint: the files that change a vector, and their hash.

A result belongs to the content that made it, so a checkpoint overwritten in place is another
model.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from angle_bench.errors import ModelError
from angle_bench.files.file_facts import file_facts

# what no loader reads: cards, pictures, states of a training, weights for other frameworks
_NO_MATTER = re.compile(
    r"""(
        readme.* | licen[cs]e.* | notice.* | changelog.* | use_policy.* | contributing.*
      | .*\.(md|rst|pdf|png|jpe?g|gif|svg|webp|csv|log|ipynb|lock|parquet|bib)
      | \.git.* | \.ds_store | \.angle-bench.*
      | optimizer.* | scheduler\.pt | scaler\.pt | rng_state.*\.pth | trainer_state\.json
      | batches\.json
      | training_args\.(bin|json) | training\.json | failure\.json | merge\.json
      | recipe\.toml | data_config\.json
      | (train|eval|all|test|predict)_results\.json | events\.out\.tfevents.*
      | generation_config\.json
      | .*\.(h5|msgpack|ot|onnx|onnx_data|gguf|ggml|mlmodel|tflite|ckpt\.(index|meta)|xml)
    )$""",
    re.VERBOSE | re.IGNORECASE,
)
_PICKLED = re.compile(r"(pytorch_model.*|adapter_model)\.(bin|bin\.index\.json)$")
_LEFT_OUT = set(
    [
        "onnx",
        "openvino",
        "gguf",
        "coreml",
        "rust",
        "mlx",
        "original",
        "assets",
        "images",
        "eval",
        "logs",
        "runs",
        "wandb",
        ".git",
        ".cache",
        ".eval_results",
        "__pycache__",
    ]
)
_TRAINING_STATE = re.compile(r"(checkpoint-\d+|global_step\d+)$")


def changes_vectors(path: str) -> bool:
    """Whether a file of this relative POSIX path may change a vector.

    Every file may, a library's own or one of code that comes with the checkpoint, but those of
    which it is known that nothing reads them: cards, states of a training, other formats of the
    same weights.
    """
    *folders, name = path.split("/")
    if any(part in _LEFT_OUT or _TRAINING_STATE.match(part) for part in folders):
        return False
    return not _NO_MATTER.match(name)


def relevant(paths: list[str]) -> list[str]:
    """The paths that matter, sorted; pickled weights only where no safetensors stand beside them.

    The loader prefers safetensors, so the pickle next to it is never read.
    """
    chosen = sorted(path for path in paths if changes_vectors(path))
    safe = {path.rpartition("/")[0] for path in chosen if path.endswith(".safetensors")}
    return [
        path
        for path in chosen
        if not (_PICKLED.match(path.rpartition("/")[2]) and path.rpartition("/")[0] in safe)
    ]


def content_files(folder: Path) -> dict[str, Path]:
    """The files of a checkpoint folder that change a vector, by relative POSIX path."""
    found = [
        Path(root, name).relative_to(folder).as_posix()
        for root, names in _walk(folder)
        for name in names
    ]
    return {path: folder / path for path in relevant(found)}


def _walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Folders and their files, through links too: the loaders follow them."""
    for root, folders, names in os.walk(folder, followlinks=True):
        here = Path(root).resolve()
        folders[:] = [
            name
            for name in folders
            if name not in _LEFT_OUT and not here.is_relative_to(Path(root, name).resolve())
        ]
        yield root, names


def content_hash(folder: Path, base: Path | None = None) -> str:
    """sha256 in hex over the sorted (path, sha256 of the file) of a checkpoint folder.

    Args:
        folder: The checkpoint.
        base: The base of an adapter, whose files count too, under `base/`.
    """
    files = content_files(folder)
    if base is not None:
        files |= {f"base/{path}": file for path, file in content_files(base).items()}
    digest = hashlib.sha256()
    with file_facts("sha256") as hashes:
        for path, file in sorted(files.items()):
            try:
                digest.update(f"{path}\0{hashes.get(file, _sha256)}\n".encode())
            except OSError as error:
                raise ModelError(
                    f"{file} cannot be read: {error.strerror or error}.",
                    f"the file {file.name} copied there again, or removed",
                ) from error
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
