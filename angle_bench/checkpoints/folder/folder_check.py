"""What of a checkpoint folder is honoured, handed over or refused: every file, and every key."""

from collections.abc import Iterator
from pathlib import Path

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.folder.adapter_config import CONFIG, is_adapter
from angle_bench.checkpoints.folder.angle_bench_json import FILE_NAME
from angle_bench.checkpoints.folder.config import read_json, read_keys
from angle_bench.checkpoints.folder.content import content_files
from angle_bench.checkpoints.folder.findings import Finding, angle_findings, findings
from angle_bench.checkpoints.folder.read_folder import (
    ANGLE_CONFIGS,
    looks_like_checkpoint,
    read_folder,
    refuse_no_model,
)
from angle_bench.checkpoints.folder.st_folder import is_sentence_transformers
from angle_bench.errors import AngleBenchError

_TRANSFORMERS = ("config.json", "tokenizer_config.json")


def check_folder(folder: Path, access: LoadOptions) -> list[Finding]:
    """What comes of every file and key of a folder that may change a vector.

    Keys of the transformer, its tokenizer and of adapters are read by the libraries that define
    them; what these libraries or this package refuse ends the list.

    Raises:
        ModelError: It is no checkpoint, or a file cannot be read.
    """
    if not looks_like_checkpoint(folder):
        refuse_no_model(folder)
    found = [*_own_keys(folder, access), *_keys_of_libraries(folder)]
    named = {one.file for one in found}
    found += [
        Finding(path, "", None, "honoured", "part of the identity")
        for path in content_files(folder)
        if path not in named
    ]
    refused = any(one.verdict == "refused" for one in found)
    return found if refused else [*found, *_refusal(folder, access)]


def _own_keys(folder: Path, access: LoadOptions) -> Iterator[Finding]:
    """Keys of the files that this package reads itself."""
    if (folder / FILE_NAME).is_file():  # it says every setting, whatever else is there
        for key, value in read_json(folder / FILE_NAME).items():
            yield Finding(FILE_NAME, key, value, "honoured")
    elif is_sentence_transformers(folder):
        yield from findings(folder, access.trust.remote_code)
    else:
        for name in ANGLE_CONFIGS:
            yield from angle_findings(folder, name)


def _keys_of_libraries(folder: Path) -> Iterator[Finding]:
    for name in (*_TRANSFORMERS, CONFIG):
        library = "by peft" if name == CONFIG else "by transformers"
        for key, value in read_keys(folder / name).items():
            yield Finding(name, key, value, "honoured", library)


def _refusal(folder: Path, access: LoadOptions) -> Iterator[Finding]:
    """What would end a command that loads the folder; it is read as such a command does."""
    try:
        base = access.base_of(folder, None) if is_adapter(folder) else None
        read_folder(folder, base, access.trust)
    except AngleBenchError as error:
        yield Finding("", "", None, "refused", error.what)
