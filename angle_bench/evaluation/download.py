"""Bring models and data to where a machine without a network finds them."""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import BUNDLE_FILE, LoadOptions, bundle_mark, bundled_commit
from angle_bench.checkpoints.folder.adapter_config import is_adapter, recorded_base
from angle_bench.checkpoints.folder.content import content_files, content_hash
from angle_bench.checkpoints.folder.read_folder import looks_like_checkpoint
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import AngleBenchError, DataError, UsageError, first_line, shell_word
from angle_bench.evaluation.senteval import senteval_mirror
from angle_bench.evaluation.senteval.senteval_files import DATASETS
from angle_bench.evaluation.task_data import PACKAGE_PREFIX, SCORED_SPLITS_ONLY, locate
from angle_bench.files.atomic import FileToWrite, json_file, write_together
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import LOCAL, Task

Say = Callable[[str], None]
# the configs beside that of the judgements that mteb's loader of retrieval sets knows
RETRIEVAL_PARTS = (
    "corpus",
    "queries",
    "query",
    "qrels",
    "top_ranked",
    "instruction",
    "qrel_diff",
)
FIX = "--to DIR that can be written and has space"


def download_model(spec: ModelSpec, to: Path | None, say: Say) -> None:
    """Bring a checkpoint, and an adapter's base, into the hub's cache or a folder.

    Args:
        spec: The checkpoint.
        to: A folder that `--mirror` serves; None is the cache of the hub.
        say: Told what came of it.

    Raises:
        AngleBenchError: It cannot be fetched or written.
    """
    if spec.endpoint is not None:
        raise UsageError(
            f"{spec.endpoint.typed} is computed by its server: there is nothing to download.",
            f"angle-bench doctor -m {shell_word(spec.endpoint.typed)}",
        )
    folder = spec.folder or hub.fetch(spec.name, spec.revision)
    _bring(spec.name, folder, spec.revision, to, say)
    if not is_adapter(folder):
        return
    base = LoadOptions().base_of(folder, spec.base)
    names = [name for name in (spec.base, recorded_base(folder)) if name and not _is_folder(name)]
    # where the hub's cache has it, the folder is called like its commit
    _bring(names[0] if names else base.name, base, base.name, to, say)


def _is_folder(name: str) -> bool:
    return Path(name).is_absolute() or Path(name).is_dir()


def _bring(name: str, folder: Path, revision: str, to: Path | None, say: Say) -> None:
    if to is None:
        say(f"{name}  {folder}")
        return
    target = to / name
    content = content_hash(folder)
    if looks_like_checkpoint(target) and content_hash(target) == content:
        say(f"{name}  there already")
        return
    files = content_files(folder)
    for path in content_files(target) if target.is_dir() else ():
        (target / path).unlink()  # another checkpoint's files would stay among these
    writes = [FileToWrite(target / path, partial(_copy, source)) for path, source in files.items()]
    write_together(writes, fix=FIX)
    if hub.is_commit(revision):
        write_together([json_file(target / BUNDLE_FILE, bundle_mark(target, revision))], fix=FIX)
        assert bundled_commit(target, content) == revision
    say(f"{name}  {len(files)} files in {target}")


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def download_data(
    tasks: Sequence[Task], to: Path | None, say: Say, senteval: Path | None = None
) -> dict[str, AngleBenchError]:
    """Bring the data of tasks into the cache of `datasets`, or a folder that `--mirror` serves.

    Args:
        tasks: Whose data.
        to: A folder that `--mirror` serves; None is the cache of `datasets`.
        say: Told what came of each.
        senteval: SentEval's data folder, where its tasks' data is taken from.

    Returns:
        What could not be brought, by task.
    """
    from angle_bench.evaluation.quiet import quieten

    quieten()
    failed: dict[str, AngleBenchError] = {}
    for task in _with_parts(tasks):
        try:
            if to is not None and senteval is not None and task.dataset in DATASETS:
                say(f"{task.name}  {senteval_mirror.bring(task.dataset, senteval, to)}")
            else:
                _bring_data(task, to, say)
        except AngleBenchError as error:
            failed[task.name] = error
        except Exception as error:  # mteb and datasets raise whatever their readers do
            failed[task.name] = DataError(
                f"the data set {task.dataset} could not be fetched: {first_line(error)}",
                "the same command with a network; what arrived is kept",
            )
    return failed


def _with_parts(tasks: Sequence[Task]) -> list[Task]:
    """Aggregates have no data of their own."""
    flat: dict[str, Task] = {}
    for task in tasks:
        parts = [mteb_task(name) for name in task.parts] or [task]
        flat |= {part.name: part for part in parts if part is not None}
    return list(flat.values())


def _bring_data(task: Task, to: Path | None, say: Say) -> None:
    if task.dataset.startswith(PACKAGE_PREFIX):
        say(f"{task.name}  comes with angle-bench")
        return
    if task.path:
        say(f"{task.name}  is in files of your own")
        return
    if to is None:
        from angle_bench.evaluation.scoring.score import prepare

        prepare(task, locate(task, None)).release()
        say(f"{task.name}  {task.dataset} in the cache of datasets")
        return
    if _is_in(to, task):
        say(f"{task.name}  there already")
        return
    files = _splits(task, to / task.dataset)
    write_together(files, fix=FIX)
    say(f"{task.name}  {len(files)} files in {to / task.dataset}")


def _is_in(folder: Path, task: Task) -> bool:
    try:
        return locate(task, folder).origin == "mirror"
    except DataError:
        # another task has brought other splits of that data set, or a file is damaged
        if task.revision == LOCAL:
            raise
        return False


def _splits(task: Task, folder: Path) -> list[FileToWrite]:
    """A parquet file for every config and split that the task reads."""
    import datasets

    at: dict[str, Any] = {"path": task.dataset, "revision": task.revision}
    configs = datasets.get_dataset_config_names(**at)
    scored_only = task.type in SCORED_SPLITS_ONLY
    wanted = [name for name in configs if _belongs(name, task)] or configs
    files = []
    for config in wanted:
        loaded = datasets.load_dataset(**at, name=config)
        place = folder if config == "default" and len(wanted) == 1 else folder / config
        for split, rows in loaded.items():
            if not scored_only or split in task.splits:
                files.append(FileToWrite(place / f"{split}.parquet", _writer(rows)))
    return files


def _belongs(config: str, task: Task) -> bool:
    """Whether a config holds a subset, or a part of one: retrieval has several for each."""
    of_subsets = {f"{subset}-{part}" for subset in task.subsets for part in RETRIEVAL_PARTS}
    whole = "default" in task.subsets and config in RETRIEVAL_PARTS
    return whole or config in task.subsets or config in of_subsets


def _writer(rows: Any) -> Callable[[Path], None]:
    def write(temporary: Path) -> None:
        rows.to_parquet(str(temporary))

    return write
