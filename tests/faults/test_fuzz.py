"""Every kind of file that is read, changed a little: an error in two lines, or what was there.

Each change is read in a process that was forked for it and others of its kind, so that a crash or
a hang is a finding with its number. A kind says what may come of reading: the right value, or
nothing; any other value is a wrong one that nobody marked.
"""

import json
import os
import resource
import select
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from angle_bench.checkpoints.folder.read_folder import read_folder
from angle_bench.checkpoints.registry.registry import registry
from angle_bench.checkpoints.registry.toml_rows import read_entries
from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.store.lmdb_file import DATA
from angle_bench.encoding.store.lmdb_store import VectorStore
from angle_bench.errors import AngleBenchError
from angle_bench.evaluation.reader import open_rows
from angle_bench.files.toml import TABLES, TomlFile, read_toml
from angle_bench.reporting.comparison.leaderboard_ranks import with_ranks
from angle_bench.reporting.tables.stored_rows import model_rows
from angle_bench.results.find.collect import collect
from angle_bench.results.find.selected_models import every_model, models_of
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import ResultRequirements, look_up
from angle_bench.suites.suite_file import read_suite
from angle_bench.suites.task import Task
from angle_bench.suites.user_task_file import FIX, own_task, read_tasks
from angle_bench.training.recipe.read_recipe import read_recipe
from tests.checkpoints import build_tiny_bert, sts_rows, write_rows
from tests.faults.mutations import mutated
from tests.reporting import boards
from tests.results.test_checksums import TASK, put
from tests.stored import Pairs, Results, suite, task

SECONDS = 10.0
MEMORY = 12 << 30  # addresses, of which libraries and the store's map take most
QUICK = 12  # changes of each kind in every run of the tests
LONG = int(os.environ.get("ANGLE_BENCH_FUZZ", "1500"))

IDENTITY = StoreIdentity("c0ffee", "{}", "tiny")
KEYS = IDENTITY.keys([f"text {number}" for number in range(20)])
VECTORS = np.random.default_rng(0).standard_normal((20, 16)).astype(np.float32)
OF = suite(task("A"))


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        make: Writes a real one into an empty folder, and says where it is.
        read: Reads the folder; None where nothing is given, or what is given is marked.
        exact: Whether what is given must be what the unchanged file gives.
        signals: What the library that reads it may end the process by. A page of lmdb's map that
            leads beyond its file cannot be caught; nothing wrong comes of it.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    exact: bool = False
    signals: tuple[int, ...] = ()


def _stored(folder: Path) -> ModelFolder:
    return ModelFolder(folder / "results", "org/model", "0" * 40)


def _looked_up(folder: Path) -> Any:
    found = look_up(_stored(folder), TASK, ResultRequirements("r"))
    return None if found.stored is None else found.stored.result.main_score(TASK)


def _of_result(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        put(_stored(folder))
        return {
            "result": _stored(folder).result("T"),
            "record": _stored(folder).record("T"),
            "predictions": _stored(folder).predictions("T"),
        }[name]

    return make


def _of_board(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        made, pairs = Results(folder), Pairs("A", 20)
        for label, noise in (("good", 0.1), ("base", 0.3)):
            found = made.put(f"local/{label}", "A", pairs.part(pairs.scores(noise, 1)))
        return {"result": found.result, "record": found.record, "predictions": found.predictions}[
            name
        ]("A")

    return make


def _board(folder: Path) -> Any:
    warnings: list[str] = []
    rows = model_rows(OF, every_model(models_of(collect([folder]).folders)), warnings)
    if rows:
        with_ranks(boards.arrange(OF, rows, boards.LeaderboardOptions(), warnings))
    return None


def _written(name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return make


MODELS = """
[[model]]
name = "org/mine"
pooling = "mean"
max_length = 64
prompts = { default = "query: {text}" }
[[model]]
name = "org/heir"
extends = "org/mine"
pooling = "cls"
"""
TASKS = """
[[task]]
name = "Mine"
type = "STS"
path = "rows.csv"
columns = { sentence1 = "a", sentence2 = "b", score = "s" }
"""
SUITE = 'name = "S"\nversion = "1"\n[[task]]\nname = "STS12"\n[[task]]\nname = "STS17"\n'
RECIPE = """
[model]
start = "all-MiniLM-L6-v2"
[[data]]
path = "rows.csv"
[train]
learning_rate = 2e-5
epochs = 1
batch_size = 8
"""


def _config(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        build_tiny_bert(folder / "tiny")
        return folder / "tiny" / name

    return make


def _store(folder: Path) -> Path:
    store = VectorStore(folder / "vectors", 64 << 20, map_bytes=1 << 20)
    store.put(IDENTITY, KEYS, VECTORS)
    store.close()
    return folder / "vectors" / DATA


def _vectors(folder: Path) -> Any:
    store = VectorStore(folder / "vectors", 64 << 20, map_bytes=1 << 20)
    try:
        found, vectors = store.get(IDENTITY, KEYS, 16)
    finally:
        store.close()
    return None if np.array_equal(vectors[found], VECTORS[found]) else vectors


def _rows(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        if name.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist(sts_rows(12)), folder / name)
        elif name.endswith(".csv"):
            text = "\n".join(",".join(map(str, row.values())) for row in sts_rows(12))
            (folder / name).write_text(f"sentence1,sentence2,score\n{text}\n")
        else:
            write_rows(folder / name, sts_rows(12))
        return folder / name

    return make


def _read_rows(name: str) -> Callable[[Path], Any]:
    return lambda folder: len(list(open_rows(folder / name).rows()))


def _tasks(file: TomlFile) -> list[Task]:
    return read_tasks(file, file.rows(TABLES, FIX), own_task)


LMDB = (signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT)
KINDS = {
    "result": Kind(_of_result("result"), _looked_up, exact=True),
    "record": Kind(_of_result("record"), _looked_up, exact=True),
    "predictions": Kind(_of_result("predictions"), _looked_up, exact=True),
    "result of a board": Kind(_of_board("result"), _board),
    "record of a board": Kind(_of_board("record"), _board),
    "predictions of a board": Kind(_of_board("predictions"), _board),
    "models": Kind(
        _written("angle-bench.toml", MODELS),
        lambda folder: len(read_entries(folder / "angle-bench.toml", registry())),
    ),
    "tasks": Kind(
        _written("angle-bench.toml", TASKS),
        lambda folder: len(_tasks(read_toml(folder / "angle-bench.toml", "task"))),
    ),
    "suite": Kind(
        _written("s.toml", SUITE), lambda folder: len(read_suite(folder / "s.toml").task)
    ),
    "recipe": Kind(
        _written("r.toml", RECIPE), lambda folder: bool(read_recipe(str(folder / "r.toml")))
    ),
    "config": Kind(_config("config.json"), lambda folder: bool(read_folder(folder / "tiny"))),
    "tokenizer config": Kind(
        _config("tokenizer_config.json"), lambda folder: bool(read_folder(folder / "tiny"))
    ),
    "vector store": Kind(_store, _vectors, exact=True, signals=LMDB),
    "parquet": Kind(_rows("r.parquet"), _read_rows("r.parquet")),
    "csv": Kind(_rows("r.csv"), _read_rows("r.csv")),
    "json lines": Kind(_rows("r.jsonl"), _read_rows("r.jsonl")),
}


def _said(kind: Kind, folder: Path, right: Any) -> str:
    """What is wrong with how a changed file was read, empty where nothing is."""
    try:
        value = kind.read(folder)
    except AngleBenchError:
        return ""
    except Exception as error:
        import traceback

        return "".join(traceback.format_exception(error)[-3:])
    if kind.exact and value is not None and value != right:
        return f"gives {value}, not {right}, and nobody says so"
    return ""


def _child(kind: Kind, template: Path, file: Path, numbers: range, told: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    right = kind.read(template) if kind.exact else None
    whole, work = file.read_bytes(), template.with_name("work")
    for number in numbers:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(template, work)
        (work / file.relative_to(template)).write_bytes(mutated(whole, number))
        os.chdir(work)
        os.write(told, json.dumps([number, _said(kind, work, right)]).encode() + b"\n")
    os._exit(0)


def findings(kind: Kind, folder: Path, numbers: range) -> list[str]:
    """What is wrong with how changed files were read, with the numbers of the changes."""
    template = folder / "template"
    template.mkdir(parents=True)
    file = kind.make(template)
    wrong: list[str] = []
    while len(numbers):
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                _child(kind, template, file, numbers, theirs)
            finally:
                os._exit(1)
        os.close(theirs)
        done, end = _listen(ours, wrong, numbers.start)
        if end == "hung":
            os.kill(pid, signal.SIGKILL)
        os.close(ours)
        _, status = os.waitpid(pid, 0)
        if done < numbers.stop:
            code = os.waitstatus_to_exitcode(status)
            if end or -code not in kind.signals:
                wrong.append(f"{done}: {end or f'ended with {code}'}")
            done += 1
        numbers = range(done, numbers.stop)
    return wrong


def _listen(told: int, wrong: list[str], following: int) -> tuple[int, str]:
    """The first change that was not answered for, and whether it hangs."""
    rest = b""
    while select.select([told], [], [], SECONDS)[0]:
        part = os.read(told, 1 << 16)
        if not part:
            return following, ""
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            number, said = json.loads(line)
            following = number + 1
            if said:
                wrong.append(f"{number}: {said}")
    return following, "hung"


@pytest.mark.process
@pytest.mark.parametrize("name", KINDS)
def test_a_few_changes(name: str, tmp_path: Path) -> None:
    assert findings(KINDS[name], tmp_path, range(QUICK)) == []


@pytest.mark.process
@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_many_changes(name: str, tmp_path: Path) -> None:
    found = findings(KINDS[name], tmp_path, range(QUICK, QUICK + LONG))
    assert found == [], f"{len(found)} of {LONG}"
