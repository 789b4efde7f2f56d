"""Starting worker processes: each loads the model itself, or one loads it and forks the others.

A process is a new interpreter that loads the model from its folder and settings, never from a
pickle. Its standard streams go into a file that has no name.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import IO, Any

from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.forked import ForkedProcess, ForkingProcess
from angle_bench.encoding.workers.silence import Silence
from angle_bench.encoding.workers.worker_process import WorkerProcess
from angle_bench.files.places import package_folder
from angle_bench.timeline import environment

# -P: a file of the user's, such as ./datasets.py, must not stand in for a library
_CHILD = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from angle_bench.encoding.workers.child import main; main()"
)


def can_fork(checkpoint: Checkpoint, devices: Sequence[str]) -> bool:
    """Whether workers can be forked from one process that has loaded the model.

    Not where an accelerator or a compiler is at work in that process, since a fork has one thread.
    """
    settings = checkpoint.settings
    plain = not settings.compile and settings.quantization is None
    return sys.platform == "linux" and plain and len(devices) > 1 and set(devices) == {"cpu"}


def start_process(order: dict[str, Any], silence: Silence) -> WorkerProcess:
    """Start a process, which loads the model at once.

    Args:
        order: What it loads, on which device, with how many threads.
        silence: How long it may say nothing.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        line, their_line = _pair(ours, theirs)
        log = ours.enter_context(tempfile.TemporaryFile())
        process = _interpreter([[their_line], order], [their_line], log, order["threads"])
        ours.pop_all()  # they stay open as long as the process runs
    return WorkerProcess(order["device"], line, process, log, silence)


def start_forking(order: dict[str, Any], silences: Sequence[Silence]) -> list[WorkerProcess]:
    """Start a process that loads the model once and forks workers, which share its weights.

    Args:
        order: What it loads, with how many threads each worker computes.
        silences: How long each of the workers may say nothing.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        pairs = [_pair(ours, theirs) for _ in silences]
        logs = [ours.enter_context(tempfile.TemporaryFile()) for _ in silences]
        control, their_control = _pair(ours, theirs)
        their_lines = [their_line for _, their_line in pairs]
        written = [log.fileno() for log in logs]
        words = [their_lines, order, written, their_control]
        passed = [*their_lines, *written, their_control]
        process = _interpreter(words, passed, logs[0], 1)  # with more threads it could not fork
        ours.pop_all()
    forking = ForkingProcess(process, Connection(control.detach()), len(pairs))
    return [
        WorkerProcess(order["device"], line, ForkedProcess(forking, at), logs[at], silence)
        for at, ((line, _), silence) in enumerate(zip(pairs, silences, strict=True))
    ]


def _pair(ours: ExitStack, theirs: ExitStack) -> tuple[socket.socket, int]:
    """Our end of a line, and the descriptor of the other, closed here with `theirs`."""
    line, their_line = socket.socketpair()
    ours.enter_context(line)
    theirs.enter_context(their_line)
    return line, their_line.fileno()


def _interpreter(
    words: Sequence[Any], passed: Sequence[int], log: IO[bytes], threads: int
) -> "subprocess.Popen[bytes]":
    limits = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    root = str(package_folder().parent)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _CHILD, root, *map(json.dumps, words)],
        pass_fds=passed,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=os.environ | limits | environment(),
        start_new_session=True,  # Ctrl-C is the parent's to handle
    )
