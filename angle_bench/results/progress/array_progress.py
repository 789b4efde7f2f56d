"""How far the jobs of an array are, from any machine that sees the results folder.

Records of commands say what is planned and what is done; locks say who is still there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.files.locks import is_held
from angle_bench.results.layout import SIDE
from angle_bench.results.progress.planned_work import PlannedWork
from angle_bench.results.result_file import read_object
from angle_bench.results.runs import RUNS

STATES = ("done", "running", "failed", "left")


@dataclass(frozen=True)
class ArrayProgress:
    """How far all commands are that compute the same models × tasks.

    Attributes:
        suite: Name and version of what is scored.
        started: When the first of them began, in UTC.
        parts: How many parts there are.
        begun: How many of these have begun.
        commands: How many commands are running.
        states: By model and task: `done`; `running`, where a command has taken it (it takes all
            tasks of a model of its part at once); `failed`; or `left`.
        failures: By model and task why there is no score.
    """

    suite: str
    started: str
    parts: int
    begun: int
    commands: int
    states: Mapping[str, Mapping[str, str]]
    failures: Mapping[str, Mapping[str, str]]

    def of_state(self, label: str, state: str) -> list[str]:
        """The tasks of a model that are in a state."""
        return [task for task, found in self.states[label].items() if found == state]

    def count(self, state: str) -> int:
        """How many tasks of models are in a state."""
        return sum(len(self.of_state(label, state)) for label in self.states)

    @property
    def over(self) -> bool:
        """Whether nothing more will come: all is done, or every part has begun and ended."""
        if self.count("done") == sum(map(len, self.states.values())):
            return True
        return not self.commands and (self.begun == self.parts or not self.count("left"))

    def to_dict(self) -> dict[str, Any]:
        """As a line of `angle-bench runs --watch --json` has it."""
        return {
            "suite": self.suite,
            "started": self.started,
            "parts": self.parts,
            "begun": self.begun,
            "commands": self.commands,
            **{state: self.count(state) for state in STATES},
            "states": {label: dict(states) for label, states in self.states.items()},
            "failures": {label: dict(why) for label, why in self.failures.items()},
        }


@dataclass(frozen=True)
class _Record:
    """What a record says of one command."""

    suite: str
    started: str
    work: PlannedWork
    done: frozenset[tuple[str, str]]
    failed: Mapping[tuple[str, str], str]
    running: bool


def array_progress(root: Path, warnings: list[str]) -> list[ArrayProgress]:
    """How far the commands on a results folder are, the array that began first at first.

    Args:
        root: The results folder.
        warnings: Takes a line for each record that is none.

    Returns:
        Those of which a command is running; where none is, the one that was started last; nothing
        where no record says what was planned.
    """
    arrays: dict[Any, list[_Record]] = {}
    for record in sorted(_records(root, warnings), key=lambda each: each.started):
        arrays.setdefault(record.work.key, []).append(record)
    running = [each for each in arrays.values() if any(record.running for record in each)]
    last = max(arrays.values(), key=lambda each: each[-1].started, default=None)
    chosen = running or ([] if last is None else [last])
    return [_progress(root, records) for records in chosen]


def _records(root: Path, warnings: list[str]) -> list[_Record]:
    found = []
    for place in sorted((root / RUNS).glob("*.json")):
        try:
            said = read_object(place)
            if "work" in said["asked"]:  # older ones, and other commands, say nothing of it
                found.append(_record(place, said))
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
            warnings.append(f"{place} is no record of a run; left out")
    return found


def _record(place: Path, said: Mapping[str, Any]) -> _Record:
    outcome = said["outcome"]
    return _Record(
        suite=str(said["asked"].get("suite") or ""),
        started=str(said["started"]),
        work=PlannedWork.read(said["asked"]["work"]),
        done=frozenset(
            (label, task)
            for label, each in outcome.items()
            for task in (*each["kept"], *each["scored"])
        ),
        failed={
            (label, task): str(why)
            for label, each in outcome.items()
            for task, why in each["failed"].items()
        },
        running=said["exit_code"] is None and is_held(place.with_suffix(".lock")),
    )


def _progress(root: Path, records: Sequence[_Record]) -> ArrayProgress:
    """Of the records of one array, the first one first."""
    work, parts = records[-1].work, records[-1].work.part[1]
    same = {record.work.part[0]: record for record in records if record.work.part[1] == parts}
    # a part that computes everything again has not done what it did the last time
    counted = list(same.values()) if work.overwrite else records
    done = frozenset[tuple[str, str]]().union(*(record.done for record in counted))
    failed = {key: why for record in counted for key, why in record.failed.items()}
    states = {
        label: {
            task: _state(root / folder / SIDE / f"{task}.lock", (label, task), done, failed)
            for task in work.tasks[label]
        }
        for label, folder in work.models.items()
    }
    failures = {
        label: {task: failed[label, task] for task, state in each.items() if state == "failed"}
        for label, each in states.items()
    }
    return ArrayProgress(
        suite=records[-1].suite,
        started=records[0].started,
        parts=parts,
        begun=len(same),
        commands=sum(record.running for record in records),
        states=states,
        failures={label: why for label, why in failures.items() if why},
    )


def _state(
    lock: Path,
    key: tuple[str, str],
    done: frozenset[tuple[str, str]],
    failed: Mapping[tuple[str, str], str],
) -> str:
    if is_held(lock):
        return "running"
    if key in done:
        return "done"
    return "failed" if key in failed else "left"
