"""Child processes: whole commands that are timed, and servers that are asked to work."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks.core import ROOT

LAST_WORDS = 2000


class ChildFailed(Exception):
    """A child process ended with an error; the message holds its last words."""


def environment(scratch: Path, *, gpu: bool = False) -> dict[str, str]:
    """The variables of every child: no network, caches of the benchmarks' own.

    Args:
        scratch: Where the caches lie.
        gpu: Whether CUDA devices are visible.
    """
    dropped = ("ANGLE_BENCH_RESULTS", "ANGLE_BENCH_MIRROR", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    caches = {
        "HF_HOME": str(scratch / "hf"),
        "MTEB_CACHE": str(scratch / "mteb"),
        "ANGLE_BENCH_CACHE": str(scratch / "angle-bench"),
    }
    hidden = {} if gpu else {"CUDA_VISIBLE_DEVICES": ""}
    return kept | caches | hidden | {"HF_HUB_OFFLINE": "1"}


def timed(command: Sequence[str | Path], scratch: Path) -> tuple[float, str]:
    """Run a command from its start to its end.

    Returns:
        Seconds, and what it printed.

    Raises:
        ChildFailed: Its exit code is not 0.
    """
    start = time.perf_counter()
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=environment(scratch),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    if ended.returncode != 0:
        raise ChildFailed(f"{command[0]} … ended with {ended.returncode}: {_end(ended.stderr)}")
    return seconds, ended.stdout


class Server:
    """A child that runs `benchmarks.serving.serve`."""

    def __init__(
        self,
        module: str,
        *words: str | Path,
        scratch: Path,
        python: str | Path = sys.executable,
        gpu: bool = False,
        variables: dict[str, str] | None = None,
    ) -> None:
        self._module = module
        self._log = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  close() closes it
        self._process = subprocess.Popen(
            [str(python), "-m", module, *map(str, words)],
            cwd=ROOT,
            env=environment(scratch, gpu=gpu) | (variables or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ask(self, command: str, **options: Any) -> Any:
        """Have the child run a command, and wait for its answer."""
        self.send(command, **options)
        return self.receive()

    def send(self, command: str, **options: Any) -> None:
        """Have the child run a command."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"command": command, "options": options}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failed() from error

    def receive(self) -> Any:
        """The answer to the last command.

        Raises:
            ChildFailed: The child ended instead.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failed()
        return json.loads(line)

    def close(self) -> None:
        """End the child; it ends when its input does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=30)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _failed(self) -> ChildFailed:
        status = self._process.wait()
        self._log.seek(0)
        words = _end(self._log.read().decode(errors="replace"))
        return ChildFailed(f"{self._module} ended with {status}: {words}")


def _end(text: str) -> str:
    return text.strip()[-LAST_WORDS:] or "(it said nothing)"
