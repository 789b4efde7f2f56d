"""One writer: what is kept comes into place by `files/atomic.py` or `files/whole_folder.py`."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from tests.test_imports import MODULES, PACKAGE

ROOM = {"files/atomic.py", "files/whole_folder.py"}

MOVE = {
    "encoding/store/lmdb_file.py": "lmdb's own copy of its file, under the lock of the store",
    "results/model_folder.py": "whole files, set aside one by one",
}
SCRATCH = {
    "encoding/store/lmdb_file.py": "lmdb's own copy of its file",
    "encoding/store/location.py": "only asks where temporary files are",
    "encoding/workers/ray/connection.py": "only asks where temporary files are",
    "encoding/workers/process_start.py": "logs that have no name",
    "evaluation/reader/columnar.py": "a stream that parquet has to read twice",
    "evaluation/reader/texts.py": "the standard input, which some kinds read twice",
    "evaluation/scoring/per_item.py": "what mteb dumps of a task",
    "training/callback.py": "a model that is scored and thrown away",
    "timeline.py": "what each process did, until the trace is put together",
    "training/loop/trainer.py": "random states as transformers writes them",
}
# functions that these modules hand to the writers, which give them a temporary place
FILES = "fills files that `write_together` or `put_in_cache` renames"
FOLDERS = "fills folders that `whole_folder` renames"
WRITE = {
    "encoding/store/lmdb_file.py": "the file of the store's lock",
    "evaluation/download.py": FILES,
    "evaluation/reader/columnar.py": "a temporary file",
    "evaluation/reader/texts.py": "a temporary file",
    "evaluation/senteval/senteval_mirror.py": FILES,
    "evaluation/task_data.py": FILES,
    "evaluation/vector_files.py": FILES,
    "files/cached_json.py": FILES,
    "reporting/comparison/changes.py": FILES,
    "reporting/formats/parquet.py": "bytes in memory",
    "results/task_locks.py": "who holds a lock: a hint for people, which may be half",
    "results/find/archives.py": FOLDERS,
    "results/layout.py": "a trial whether the folder can be written, removed at once",
    "results/predictions.py": FILES,
    "results/ranked_documents.py": FILES,
    "results/training_record.py": FOLDERS,
    "timeline.py": "a temporary folder",
    "training/callback.py": "a temporary folder",
    "training/checkpoint/candidate.py": FOLDERS,
    "training/checkpoint/export.py": FOLDERS,
    "training/checkpoint/run_folder.py": FOLDERS,
    "training/checkpoint/st_files.py": FOLDERS,
    "training/data/given.py": FILES,
    "training/loop/trainer.py": FOLDERS,
    "training/merging/adapter_average.py": FOLDERS,
    "training/merging/merge.py": FOLDERS,
    "training/mining/hard_negatives.py": FILES,
}
WRITERS = {
    "copy", "copy2", "copyfile", "copyfileobj", "copytree", "extractall", "hardlink_to",
    "ParquetWriter", "save_file", "save_pretrained", "symlink", "symlink_to", "to_parquet",
    "write_bytes", "write_table", "write_text",
}  # fmt: skip


def calls(tree: ast.AST) -> Iterator[tuple[str, str, ast.Call]]:
    """What is called: the name before the dot, its own name, the call; `partial`'s as well."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        for called in (node.func, *(node.args[:1] if ast.unparse(node.func) == "partial" else ())):
            if isinstance(called, ast.Attribute):
                yield ast.unparse(called.value), called.attr, node
            elif isinstance(called, ast.Name):
                yield "", called.id, node


def moves(tree: ast.AST) -> bool:
    """Whether something is renamed; `replace` of texts takes two arguments, of values names."""
    return any(
        name in ("rename", "renames", "link", "move")
        or (name == "replace" and (owner == "os" or (len(call.args) == 1 and not call.keywords)))
        for owner, name, call in calls(tree)
    )


def writes(tree: ast.AST) -> bool:
    """Whether a file is written, with or without a library."""
    return any(
        (name in WRITERS and not (name == "copy" and owner != "shutil"))
        or (name == "save" and owner in ("np", "torch"))
        or (name == "open" and _mode_writes(owner, call))
        for owner, name, call in calls(tree)
    )


def _mode_writes(owner: str, call: ast.Call) -> bool:
    if owner == "os":
        return any("O_CREAT" in ast.unparse(argument) for argument in call.args)
    said = [*call.args[0 if owner else 1 :], *(key.value for key in call.keywords)]
    return any(re.fullmatch(r"'[rbt]*[wax+][rbtwax+]*'", ast.unparse(each)) for each in said)


def scratch(tree: ast.AST) -> bool:
    """Whether temporary files are made by `tempfile`."""
    return any(
        (isinstance(node, ast.Import) and any(each.name == "tempfile" for each in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "tempfile")
        for node in ast.walk(tree)
    )


def found(does: Callable[[ast.AST], bool]) -> set[str]:
    """The modules outside the room that do it."""
    names = {
        place.relative_to(PACKAGE).as_posix()
        for place in MODULES
        if does(ast.parse(place.read_text(encoding="utf-8")))
    }
    assert does is scratch or names & ROOM
    return names - ROOM


def test_only_the_room_renames_into_place() -> None:
    assert found(moves) == set(MOVE)


def test_temporary_files_are_no_way_into_place() -> None:
    assert found(scratch) == set(SCRATCH)


def test_only_named_modules_write_and_these_what_they_are_given() -> None:
    assert found(writes) == set(WRITE)


@pytest.mark.parametrize(
    ("does", "code"),
    [
        (moves, "os.replace(a, b)"),
        (moves, "temporary.replace(place)"),
        (moves, "temporary.rename(place)"),
        (moves, "shutil.move(a, b)"),
        (scratch, "import tempfile"),
        (scratch, "from tempfile import mkdtemp"),
        (writes, "place.write_text('')"),
        (writes, "(folder / NAME).write_bytes(data)"),
        (writes, "open(place, 'wb')"),
        (writes, "place.open('a', encoding='utf-8')"),
        (writes, "place.open(mode='w')"),
        (writes, "os.open(place, os.O_WRONLY | os.O_CREAT)"),
        (writes, "torch.save(state, place)"),
        (writes, "f = partial(shutil.copyfile, place)"),
    ],
)
def test_it_is_found(does: Callable[[ast.AST], bool], code: str) -> None:
    assert does(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "text.replace('a', 'b')",
        "replace(value, name=1)",
        "date.replace(hour=1)",
        "place.open('rb')",
        "open(place, encoding='utf-8')",
        "place.read_text()",
        "value.copy()",
        "os.open(place, os.O_RDONLY)",
        "checkpoint.open_rows('data')",
    ],
)
def test_other_things_are_not(code: str) -> None:
    tree = ast.parse(code)
    assert [does(tree) for does in (moves, writes, scratch)] == [False] * 3
