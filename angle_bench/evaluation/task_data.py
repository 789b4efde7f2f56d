"""Where a task's data comes from: the hub, a local mirror, or the package (CONTRACTS)."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from angle_bench.errors import DataError, UsageError, shell_word
from angle_bench.evaluation.reader import ReadOptions
from angle_bench.evaluation.reader.select_files import find_files, users_files
from angle_bench.evaluation.user_tasks.file_read import FileRead, Files, read_files
from angle_bench.files.atomic import put_in_cache
from angle_bench.files.places import cache_folder, tasks_folder
from angle_bench.suites.task import LOCAL, Task
from angle_bench.suites.user_task import fields_of

PACKAGE_PREFIX = "angle-bench/"
# the other types also read splits that they do not score, such as train or corpus
SCORED_SPLITS_ONLY = ("STS", "PairClassification", "BitextMining", "Summarization", "Clustering")

Origin = Literal["hub", "mirror", "package", "file"]


@dataclass(frozen=True)
class Located:
    """The data of one task.

    Attributes:
        origin: Where the data comes from.
        revision: What a result's `dataset_revision` says: the hub commit, or
            `local-<16 hex of the rows>`.
        files: The local files by config and split; empty for the hub.
        rows: The digest of each file's rows, by `config/split`.
        definition: What an own task makes of the rows, as a digest; empty for mteb's.
        limit: How many samples of each split a smoke run takes; None is all.
        read: What reading the files of a user gave, by `config/split`.
        counts: How many rows each local file has, by `config/split`.
        candidates: The documents of each query that a first stage found, which alone are ranked;
            `definition` is then their digest. None is the whole corpus.
    """

    origin: Origin
    revision: str
    files: Files = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    definition: str = ""
    limit: int | None = None
    read: Mapping[str, FileRead] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    candidates: Path | None = None

    def limited(self, count: int) -> "Located":
        """A few samples of it, which are other data: their revision says how many."""
        return replace(self, revision=f"{self.revision}+{count}", rows={}, limit=count)

    def provenance(self) -> dict[str, Any]:
        """What a run record says of the data."""
        files = {"/".join(key): str(place.resolve()) for key, place in self.files.items()}
        defined = {"definition": self.definition} if self.definition else {}
        return {
            "origin": self.origin,
            "revision": self.revision,
            "files": files,
            "rows": dict(self.rows),
            **defined,
            **({} if self.candidates is None else {"candidates": str(self.candidates)}),
            **(
                {"bad_rows": sum(each.bad_rows for each in self.read.values())} if self.read else {}
            ),
        }


def check_mirror(mirror: Path | None) -> Path | None:
    """The mirror folder, if one was typed.

    Raises:
        UsageError: It is not a folder that can be read.
    """
    if mirror is None:
        return None
    folder = Path(os.path.expanduser(mirror))  # leaves a home that does not exist as it is
    if not folder.is_dir():
        raise UsageError(
            f"the mirror {mirror} is {'a file' if folder.exists() else 'not there'}.",
            "--mirror DIR of a folder that holds DIR/mteb/sts12-sts/test.parquet and the like",
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UsageError(f"the mirror {mirror} cannot be read.", f"chmod -R u+rX {mirror}")
    return folder


def mirror_warning(tasks: Sequence[Task], mirror: Path | None) -> str | None:
    """A line if a mirror has none of the data sets: most likely it is another folder."""
    wanted = [
        task.dataset
        for task in tasks
        if not task.path and not task.dataset.startswith(PACKAGE_PREFIX)
    ]
    if mirror is None or not wanted or any((mirror / name).is_dir() for name in wanted):
        return None
    inner = sorted(place for place in mirror.glob("*") if (place / wanted[0]).is_dir())
    near = [str(place) for place in (mirror.parent, *inner) if (place / wanted[0]).is_dir()]
    hint = f"; did you mean --mirror {shell_word(near[0])}?" if near else ""
    return f"the mirror {mirror} has none of the data sets, such as {mirror / wanted[0]}{hint}"


def locate(task: Task, mirror: Path | None, limit: int | None = None) -> Located:
    """Find a task's data: a user's files, shipped with the package, in the mirror, on the hub.

    Args:
        task: What the suite asks for.
        mirror: Local data.
        limit: How many samples of each split are meant; None is all.

    Raises:
        DataError: Local data is there, but not what the task needs; or it can only be local, and
            is not there.
    """
    whole = _whole_data(task, mirror)
    return whole if limit is None else whole.limited(limit)


def _whole_data(task: Task, mirror: Path | None) -> Located:
    if task.path:
        return _located("file", task, users_files(task))
    if task.dataset.startswith(PACKAGE_PREFIX):
        folder = tasks_folder() / task.dataset.removeprefix(PACKAGE_PREFIX)
        return _local("package", task, folder)
    if mirror is not None and (mirror / task.dataset).is_dir():
        return _local("mirror", task, mirror / task.dataset)
    if task.revision == LOCAL:
        raise DataError(
            f"{task.name} is not taken from the hub: no commit of {task.dataset} is named.",
            _local_layout(task),
        )
    return Located("hub", task.revision, definition=task.definition)


def _local_layout(task: Task) -> str:
    """The files of a task that are looked for in the mirror alone, and their columns."""
    part = "" if task.subsets == ("default",) else f"{task.subsets[0]}/"
    files = [f"DIR/{task.dataset}/{part}{split}.parquet" for split in task.reads]
    named = dict(task.columns)
    columns = [named.get(field, field) for field in fields_of(task)]
    return f"--mirror DIR with {', '.join(files)}, or .jsonl; columns {', '.join(columns)}"


def _local(origin: Origin, task: Task, folder: Path) -> Located:
    files = find_files(folder)
    if task.type in SCORED_SPLITS_ONLY or (task.own and task.type != "Retrieval"):
        files = _only_read(task, folder, files)
    if not files:
        raise DataError(
            f"{folder} holds no data for {task.name}: no <split>.parquet or <split>.jsonl.",
            f"the data set {task.dataset} put there, for instance {folder / 'test.parquet'}",
        )
    return _located(origin, task, files)


def options_of(task: Task, part: str = "") -> ReadOptions:
    """How the file of a split, or of a part of retrieval data, is read."""
    judged = task.type == "Retrieval" and part == "qrels"
    where = f"in the [[task]] of {task.name}"
    return ReadOptions(task.encoding or None, task.skip_bad_rows, judgements=judged, written=where)


def _located(origin: Origin, task: Task, files: Files) -> Located:
    read: dict[str, FileRead] = {}
    if origin == "file":
        for key, place in files.items():
            read |= read_files({key: place}, options_of(task, key[1]))
    else:
        read = read_files(files)
    rows = {part: each.digest for part, each in read.items()}
    revision = f"local-{rows_digest(rows)[:16]}"
    users = read if origin == "file" else {}
    counts = {part: each.rows for part, each in read.items()}
    return Located(origin, revision, files, rows, task.definition, read=users, counts=counts)


def _only_read(task: Task, folder: Path, files: Files) -> dict[tuple[str, str], Path]:
    read: dict[tuple[str, str], Path] = {}
    for subset in task.subsets:
        for split in task.reads if task.own else task.splits:
            key = (subset, split)
            if key not in files:
                there = ", ".join(sorted(place.name for place in files.values())) or "nothing"
                part = split if subset == "default" else f"{subset}/{split}"
                raise DataError(
                    f"{folder} has no {part}.parquet or {part}.jsonl for {task.name} "
                    f"(there: {there}).",
                    f"the missing file of {task.dataset} put there",
                )
            read[key] = files[key]
    return read


def rows_digest(rows: Mapping[str, str]) -> str:
    """sha256 in hex over the row digests of all files."""
    lines = "".join(f"{part} {digest}\n" for part, digest in sorted(rows.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def stage(task: Task, located: Located) -> Path:
    """A folder outside the mirror that `datasets` loads as a repository.

    It needs a README that names the configs; the files themselves are linked. The folder's name
    holds the digest of the rows: `datasets` keeps what it has converted under that name alone,
    and would answer with the old rows of a file that has changed.
    """
    folder = cache_folder() / "staged" / f"{task.dataset.replace('/', '__')}-{located.revision}"
    configs: dict[str, list[str]] = {}
    for (config, split), place in sorted(located.files.items()):
        link = folder / config / f"{split}{place.suffix}"
        _put(link, partial(os.symlink, place.resolve()))
        entry = f"  - split: {json.dumps(split)}\n    path: {json.dumps(f'{config}/{link.name}')}"
        configs.setdefault(config, []).append(entry)
    readme = ["---", "configs:"]
    for config, entries in configs.items():
        readme += [f"- config_name: {json.dumps(config)}", "  data_files:", *entries]
    text = "\n".join([*readme, "---", ""])
    _put(folder / "README.md", lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return folder


def _put(place: Path, make: Callable[[Path], object]) -> None:
    """Put a file or link into the cache: other jobs stage the same data meanwhile."""
    try:
        put_in_cache(place, make)
    except OSError as error:
        raise DataError(
            f"the cache {place.parent} cannot be written: {error.strerror or error}.",
            "ANGLE_BENCH_CACHE=FOLDER that can be written, before the same command",
        ) from error
