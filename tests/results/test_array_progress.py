"""How far an array is, by records and locks: each state, killed commands, what is done again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from angle_bench.api.watching import looked, watched
from angle_bench.errors import UsageError
from angle_bench.files.locks import acquired, is_held, release
from angle_bench.results.progress.array_progress import ArrayProgress, array_progress

MODELS = {"base": "org__base/r", "tuned": "org__tuned/r"}
TASKS = ["STS12", "STS13"]


class Array:
    """The records of an array, and the locks of the commands that are running."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._held: dict[Path, Any] = {}

    def put(
        self,
        name: str,
        part: tuple[int, int] = (1, 1),
        done: tuple[str, ...] = (),
        failed: tuple[str, ...] = (),
        code: int | None = 0,
        **more: Any,
    ) -> None:
        """A record, of which `base/STS12` is a task; it began at its name's place in the ABC."""
        tasks = dict.fromkeys(MODELS, TASKS)
        work = {"models": MODELS, "tasks": tasks, "part": part, "overwrite": False, **more}
        outcome: dict[str, Any] = {
            label: {"kept": [], "scored": [], "failed": {}} for label in MODELS
        }
        for key in done:
            label, task = key.split("/")
            outcome[label]["scored"].append(task)
        for key in failed:
            label, task = key.split("/")
            outcome[label]["failed"][task] = "memory ran out."
        said = {
            "asked": {"models": list(MODELS), "suite": "STS/1", "work": work},
            "outcome": outcome,
            "exit_code": code,
            "started": f"2026-11-02T10:00:00 {name}",
        }
        place = self.root / ".runs" / f"{name}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(said))

    def run(self, name: str) -> None:
        """The command of a record is running."""
        self._hold(self.root / ".runs" / f"{name}.lock")

    def take(self, label: str, task: str) -> None:
        """A command takes a task."""
        self._hold(self.root / MODELS[label] / ".angle-bench" / f"{task}.lock")

    def end(self) -> None:
        """All commands end."""
        for lock in self._held.values():
            release(lock)
        self._held.clear()

    def _hold(self, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        self._held[place] = acquired(place, blocking=False)


@pytest.fixture
def array(tmp_path: Path) -> Iterator[Array]:
    made = Array(tmp_path / "results")
    yield made
    made.end()


def seen(array: Array) -> ArrayProgress:
    warnings: list[str] = []
    (found,) = array_progress(array.root, warnings)
    assert warnings == []
    return found


def test_a_task_is_in_one_of_four_states(array: Array) -> None:
    array.put("a", (1, 3), done=("base/STS12",), failed=("base/STS13",), code=1)
    array.put("b", (2, 3), code=None)
    array.run("b")
    array.take("tuned", "STS12")
    found = seen(array)
    assert found.states == {
        "base": {"STS12": "done", "STS13": "failed"},
        "tuned": {"STS12": "running", "STS13": "left"},
    }
    assert found.failures == {"base": {"STS13": "memory ran out."}}
    assert (found.parts, found.begun, found.commands) == (3, 2, 1)
    assert [found.count(state) for state in ("done", "running", "failed", "left")] == [1] * 4
    assert not found.over


def test_what_is_submitted_again_counts_together(array: Array) -> None:
    array.put("a", (1, 2), done=("base/STS12",), failed=("base/STS13",), code=1)
    array.put("b", (2, 2), done=("tuned/STS12", "tuned/STS13"))
    assert seen(array).over
    array.put("c", (1, 2), done=("base/STS13",))
    assert seen(array).count("done") == 4
    assert seen(array).failures == {}


def test_an_array_whose_parts_wait_in_a_queue_is_not_over(array: Array) -> None:
    array.put("a", (1, 2), done=("base/STS12", "base/STS13"))
    assert not seen(array).over
    array.put("b", (2, 2), code=None)  # which was killed: its lock is held by nobody
    assert seen(array).commands == 0
    assert seen(array).over
    assert seen(array).count("left") == 2


def test_a_command_that_is_running_may_try_again_what_failed(array: Array) -> None:
    array.put("a", failed=("base/STS12",), done=("base/STS13",), code=1)
    array.put("b", code=None)
    array.run("b")
    assert not seen(array).over
    array.end()
    assert seen(array).over


def test_what_is_computed_again_is_done_once_its_part_has_done_it(array: Array) -> None:
    array.put("a", (1, 2), done=("base/STS12", "base/STS13"), overwrite=True)
    array.put("b", (2, 2), done=("tuned/STS12",), overwrite=True)
    array.put("c", (1, 2), done=("base/STS12",), overwrite=True, code=None)
    array.run("c")
    assert seen(array).states == {
        "base": {"STS12": "done", "STS13": "left"},
        "tuned": {"STS12": "done", "STS13": "left"},
    }
    array.put("d", (1, 2), done=("base/STS12",))  # another array, which overwrites nothing
    assert seen(array).parts == 2


def test_a_task_that_a_model_is_not_scored_on_is_not_waited_for(array: Array) -> None:
    """A cross-encoder ranks, and its suite is shorter than that of the models beside it."""
    base, other = MODELS
    array.put("a", tasks={base: TASKS, other: TASKS[:1]})
    found = seen(array)
    assert list(found.states[base]) == TASKS
    assert list(found.states[other]) == TASKS[:1]


def test_what_is_running_is_shown_and_else_what_was_last(array: Array) -> None:
    array.put("a", tasks=dict.fromkeys(MODELS, ("STS14",)), code=None)
    array.run("a")
    array.put("b", tasks=dict.fromkeys(MODELS, ("STS15",)), code=None)
    array.run("b")
    array.put("c", tasks=dict.fromkeys(MODELS, ("STS16",)))
    shown = [list(each.states["base"]) for each in array_progress(array.root, [])]
    assert shown == [["STS14"], ["STS15"]]
    array.end()
    (last,) = array_progress(array.root, [])
    assert list(last.states["base"]) == ["STS16"]


@pytest.mark.parametrize(
    "work",
    [
        {"models": {"base": "../elsewhere"}},
        {"models": {"base": "/etc"}},
        {"models": ["base"]},
        {"tasks": ["STS12"]},
        {"tasks": {"base": ["STS12"]}},
        {"tasks": dict.fromkeys(MODELS, ("../STS12",))},
        {"part": [3, 2]},
        {"part": [1]},
        {"part": ["x", "y"]},
    ],
)
def test_a_record_that_is_none_is_named(work: dict[str, Any], array: Array) -> None:
    array.put("a")
    array.put("b", **work)
    warnings: list[str] = []
    assert len(array_progress(array.root, warnings)) == 1
    (line,) = warnings
    assert "b.json is no record of a run" in line


def test_records_from_before_say_nothing_of_it(array: Array) -> None:
    (array.root / ".runs").mkdir(parents=True)
    old = {"asked": {"models": ["a"]}, "outcome": {}, "exit_code": 0, "started": "2026"}
    (array.root / ".runs/old.json").write_text(json.dumps(old))
    with pytest.raises(UsageError, match="has no record of a run that says what it computes"):
        looked(array.root, [])
    with pytest.raises(UsageError, match="there is no folder"):
        looked(array.root / "nowhere", [])


def test_it_is_watched_until_it_is_over(array: Array) -> None:
    """Each change once; between two looks the array goes on."""
    array.put("a", (1, 2), code=None)
    array.run("a")
    (array.root / ".runs/0.json").write_text("{}")
    warned: list[str] = []

    def take() -> None:
        array.take("base", "STS12")

    def finish() -> None:
        array.end()
        array.put("a", (1, 2), done=("base/STS12", "base/STS13"))

    def rest() -> None:
        array.put("b", (2, 2), done=("tuned/STS12", "tuned/STS13"))

    steps = iter([take, lambda: None, finish, lambda: None, rest])
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        next(steps)()

    counts = [
        tuple(each.count(state) for state in ("done", "running", "left"))
        for (each,) in watched(array.root, warned.append, 7, pause)
    ]
    assert len(warned) == 1  # of each record once
    assert counts == [(0, 0, 4), (0, 1, 3), (2, 0, 2), (4, 0, 0)]
    assert waited == [7] * 5


def test_a_lock_is_held_while_somebody_has_it(tmp_path: Path) -> None:
    place = tmp_path / "x.lock"
    assert not is_held(place)
    assert not place.exists()
    lock = acquired(place)
    assert is_held(place)
    release(lock)
    assert not is_held(place)
    place.touch()  # of a killed process
    assert not is_held(place)
    assert not place.exists()
