"""The run record of a task, and that of a command (CONTRACTS "Results on disk")."""

import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import ResultsError
from angle_bench.extras import version_of
from angle_bench.files.atomic import clear_old_leftovers, write_json
from angle_bench.files.locks import acquired, is_held, release
from angle_bench.files.toml import user_files

PACKAGES = (
    "angle-bench",
    "mteb",
    "torch",
    "transformers",
    "tokenizers",
    "peft",
    "sentence-transformers",
    "datasets",
    "numpy",
    "scipy",
    "scikit-learn",
)


SEED = 42  # mteb's own, of every task that draws


def utc_now() -> str:
    """Now, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def commit() -> dict[str, Any] | None:
    """The git commit of the working folder, and whether it has changes; None outside of git."""
    try:
        head = _git("rev-parse", "HEAD")
        return {"commit": head, "changed": bool(_git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):  # no git, or no repository
        return None


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()


def versions() -> dict[str, str | None]:
    """The versions of the packages that a score depends on."""
    return {name: _version(name) for name in PACKAGES}


@cache  # reading a package's metadata takes milliseconds, and every scored task records them
def _version(name: str) -> str | None:
    # the same code comes under two names
    return (version_of("mteb-core") if name == "mteb" else None) or version_of(name)


def model_record(spec: ModelSpec) -> dict[str, Any]:
    """What a record says of the model."""
    served = {} if spec.endpoint is None else {"endpoint": spec.endpoint.recorded()}
    chosen = {"selected_on_test": list(spec.selected_on_test)} if spec.selected_on_test else {}
    kind: dict[str, Any] = {} if spec.kind == "encoder" else {"kind": spec.kind}
    if spec.first_stage is not None:
        kind["first_stage"] = spec.first_stage.model_dump()
    return {
        "name": spec.name,
        "label": spec.label,
        "revision": spec.revision,
        "loader": spec.loader,
        **kind,
        "folder": None if spec.folder is None else str(spec.folder),
        "base": spec.base,
        "settings": None if spec.settings is None else spec.settings.canonical(),
        "settings_digest": _settings_digest(spec),
        "row_file": None if spec.row_file is None else str(spec.row_file),
        **served,
        **chosen,
    }


def _settings_digest(spec: ModelSpec) -> str | None:
    if spec.endpoint is not None:
        return spec.endpoint.digest()
    return None if spec.settings is None else spec.settings.digest()


class RunRecord:
    """What one command was asked and what came of it: `RESULTS/.runs/<utc>-<id>.json`."""

    def __init__(self, root: Path, command: Sequence[str], asked: Mapping[str, Any]) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._place = root / ".runs" / f"{stamp}-{uuid.uuid4().hex[:8]}.json"
        clear_old_leftovers(self._place.parent)
        self._started = utc_now()
        self._command = list(command)
        self._asked = dict(asked)
        self._commit = commit()
        self._own_files = list(map(str, user_files()))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock beside it, by which others see that the command is running.

        Raises:
            ResultsError: The folder cannot be written.
        """
        folder = self._place.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = acquired(self._place.with_suffix(".lock"))
        except OSError as error:
            raise ResultsError(
                f"{folder} cannot be written: {error.strerror or error}.",
                "-r FOLDER that can be written and has space",
            ) from error
        for left in folder.glob("*.lock"):
            is_held(left)  # what killed commands left goes
        try:
            yield
        finally:
            release(lock)

    def write(self, outcome: Mapping[str, Any], exit_code: int | None) -> None:
        """Write the record as things stand; the exit code is None while the command runs."""
        write_json(
            self._place,
            {
                "command": self._command,
                "asked": self._asked,
                "git": self._commit,
                "own_files": self._own_files,
                "outcome": outcome,
                "exit_code": exit_code,
                "started": self._started,
                "ended": utc_now(),
                "versions": versions(),
            },
        )
