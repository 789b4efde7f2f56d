"""Worker processes of the tests, forked from an interpreter that has imported torch already.

A worker imports torch and transformers for three seconds, and hundreds of tests start one. Here
one process a session imports them, and forks for every start; from there on a worker is what it
is elsewhere: the same words, files, environment, session and code. Tests of the start itself, and
starts in another environment of these libraries, get a new interpreter.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

import pytest

from angle_bench.encoding.workers import process_start

ROOT = Path(__file__).resolve().parents[1]
# what libraries read when they are imported
READ_ONCE = ("HF_", "TRANSFORMERS_", "TORCH", "PYTHON", "MKL_", "KMP_", "LD_", "ANGLE_BENCH_TIME")
SHOWS = "HF_HUB_DISABLE_PROGRESS_BARS"  # a worker shows none
_SERVE = "import sys; sys.path.append(sys.argv[1]); from tests.warm_start import serve; serve()"
_LARGEST = 1 << 20


class WarmProcess:
    """A forked worker, with what `subprocess.Popen` has of it.

    Args:
        pid: Its process id.
        told: A descriptor on which its status comes when it ends.
    """

    def __init__(self, pid: int, told: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._told = told

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """How it ended; `subprocess.TimeoutExpired` where it has not."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"worker {self.pid}", timeout or 0.0)
            self.returncode = int(os.read(self._told, 64))
            os.close(self._told)
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class WarmStart:
    """The interpreter that forks; it is started with the first worker."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._environment: dict[str, str] = {}
        self._turn = threading.Lock()

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether libraries would be imported in this environment as they were."""
        self._started()
        wanted, there = read_once(environment), read_once(self._environment)
        return wanted == there

    def start(
        self, words: Sequence[str], passed: Sequence[int], log: int, environment: dict[str, str]
    ) -> WarmProcess:
        """Fork a worker.

        Args:
            words: What follows `-c` and the code on the command line of a worker.
            passed: The descriptors that it inherits.
            log: That of its standard streams.
            environment: All of its environment.
        """
        line = self._started()
        told, tell = os.pipe()
        order = {
            "words": words,
            "environment": environment,
            "folder": os.getcwd(),
            "passed": list(passed),
        }
        with self._turn:
            try:
                socket.send_fds(line, [json.dumps(order).encode()], [*passed, log, tell])
            finally:
                os.close(tell)
            pid = int(line.recv(64))
        return WarmProcess(pid, told)

    def close(self) -> None:
        """End it; workers that still run go on."""
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait(30)

    def _started(self) -> socket.socket:
        if self._line is None:
            self._environment = dict(os.environ)
            self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _SERVE, str(ROOT), str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=self._environment | {"OMP_NUM_THREADS": "1"},
                )
        return self._line


def read_once(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment counts when libraries are imported."""
    kept = (key for key in environment if key.startswith(READ_ONCE) and key != SHOWS)
    return {key: environment[key] for key in kept}


def use(warm: WarmStart, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it start the workers of a test.

    Args:
        warm: It.
        started: Where is noted that a process was started.
        monkeypatch: Of the test.
    """
    cold = process_start._interpreter

    def start(words: Sequence[Any], passed: Sequence[int], log: IO[bytes], threads: int) -> Any:
        environment = dict(os.environ) | process_start.environment()
        if not warm.fits(environment):
            return cold(words, passed, log, threads)
        started.append("a worker")
        typed = [str(ROOT), *map(json.dumps, words)]
        environment["OMP_NUM_THREADS"] = str(threads or 1)
        return warm.start(typed, passed, log.fileno(), environment)

    monkeypatch.setattr(process_start, "_interpreter", start)


def serve() -> NoReturn:
    """What the interpreter that forks does: it forks, and tells how what it forked has ended."""
    line = socket.socket(fileno=int(sys.argv[2]))
    import transformers.modeling_utils  # noqa: F401

    import angle_bench.checkpoints.loading.backbone
    import angle_bench.encoding.workers.forward  # noqa: F401

    running: dict[int, tuple[int, int]] = {}  # by descriptor of the process: its id, whom to tell
    while True:
        for ready in select.select([line, *running], [], [])[0]:
            if ready in running:
                pid, tell = running.pop(ready)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                os.close(ready)
                os.write(tell, str(status).encode())
                os.close(tell)
                continue
            message, given, _, _ = socket.recv_fds(line, _LARGEST, 64)
            if not message:
                os._exit(0)
            pid = os.fork()
            if not pid:
                others = [*running, *(tell for _, tell in running.values()), given.pop()]
                _work(json.loads(message), given, [*others, line.detach()])
            tell = given.pop()
            for descriptor in given:
                os.close(descriptor)
            running[os.pidfd_open(pid)] = pid, tell
            line.send(str(pid).encode())


def _work(order: dict[str, Any], given: list[int], others: list[int]) -> NoReturn:
    """In a forked process: be the worker that was asked for."""
    status = 1
    try:
        for descriptor in others:
            os.close(descriptor)
        wanted = [*order["passed"], 1]
        _put(given, wanted)
        os.dup2(1, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.setsid()
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = ["-c", *order["words"]]
        sys.orig_argv = [sys.executable, "-P", "-c", process_start._CHILD, *order["words"]]
        exec(process_start._CHILD, {"__name__": "__main__"})
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _put(given: Sequence[int], wanted: Sequence[int]) -> None:
    """Let descriptors have these numbers."""
    import fcntl

    beyond = max(*given, *wanted) + 1
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, beyond) for descriptor in given]
    for descriptor in given:
        os.close(descriptor)
    for descriptor, number in zip(moved, wanted, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
