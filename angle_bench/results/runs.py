"""The records of commands: what was run when, with what, and how it ended."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from angle_bench.errors import UsageError
from angle_bench.results.result_file import read_object

RUNS = ".runs"


@dataclass(frozen=True)
class Run:
    """One command.

    Attributes:
        started: In UTC, ISO 8601.
        ended: When its record was last written.
        command: What was typed.
        models: What stood after `-m` and `--checkpoints`.
        suite: Name and version of what it was scored on.
        exit_code: None while it runs, or where it was killed.
        scored: How many scores it stored.
        kept: How many were stored before.
        failed: How many tasks failed.
        record: Its file.
    """

    started: str
    ended: str
    command: str
    models: tuple[str, ...]
    suite: str
    exit_code: int | None
    scored: int
    kept: int
    failed: int
    record: str

    def to_dict(self) -> dict[str, Any]:
        """As `angle-bench runs --json` has it."""
        return asdict(self) | {"models": list(self.models)}


def every_run(root: Path, warnings: list[str]) -> list[Run]:
    """The commands that wrote into a results folder, the first one first.

    Args:
        root: The results folder.
        warnings: Takes a line for each record that is none.

    Raises:
        UsageError: There is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}.", "-r RESULTS, or first angle-bench run")
    found = []
    for place in sorted((root / RUNS).glob("*.json")):
        try:
            found.append(_run(place, read_object(place)))
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
            warnings.append(f"{place} is no record of a run; left out")
    return sorted(found, key=lambda run: run.started)


def _run(place: Path, said: Mapping[str, Any]) -> Run:
    asked, outcome = said["asked"], [*said["outcome"].values()]
    code = said["exit_code"]
    return Run(
        started=str(said["started"]),
        ended=str(said["ended"]),
        command=shlex.join(map(str, said["command"])),
        models=tuple(map(str, [*asked["models"], *(asked.get("checkpoints") or ())])),
        suite=str(asked.get("suite") or ""),
        exit_code=None if code is None else int(code),
        scored=sum(len(each["scored"]) for each in outcome),
        kept=sum(len(each["kept"]) for each in outcome),
        failed=sum(len(each["failed"]) for each in outcome),
        record=str(place),
    )
