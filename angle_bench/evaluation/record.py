"""The run record of a task, and that of a command (CONTRACTS "Results on disk")."""

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from angle_bench.models.spec import ModelSpec
from angle_bench.results.files import write_json

PACKAGES = ("angle-bench", "mteb", "torch", "transformers", "sentence-transformers", "datasets")


def utc_now() -> str:
    """Now, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str | None]:
    """The versions of the packages that a score depends on."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def model_record(spec: ModelSpec) -> dict[str, Any]:
    """What a record says of the model."""
    return {
        "name": spec.name,
        "revision": spec.revision,
        "loader": spec.loader,
        "folder": None if spec.folder is None else str(spec.folder),
        "settings": None if spec.settings is None else spec.settings.canonical(),
        "settings_digest": None if spec.settings is None else spec.settings.digest(),
    }


class RunRecord:
    """What one command was asked and what came of it: `RESULTS/.runs/<utc>-<id>.json`."""

    def __init__(self, root: Path, command: Sequence[str], asked: Mapping[str, Any]) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._place = root / ".runs" / f"{stamp}-{uuid.uuid4().hex[:8]}.json"
        self._started = utc_now()
        self._command = list(command)
        self._asked = dict(asked)

    def write(self, outcome: Mapping[str, Any], exit_code: int | None) -> None:
        """Write the record as things stand; the exit code is None while the command runs."""
        write_json(
            self._place,
            {
                "command": self._command,
                "asked": self._asked,
                "outcome": outcome,
                "exit_code": exit_code,
                "started": self._started,
                "ended": utc_now(),
                "versions": versions(),
            },
        )
