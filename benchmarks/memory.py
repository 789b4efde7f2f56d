"""Memory of a process with its children, in bytes, sampled."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from benchmarks.core import ROOT, SkipBenchmark
from benchmarks.processes import ChildFailed, environment


def proportional_set(pid: int) -> int:
    """The proportional set size of a process and all its descendants.

    What n processes share counts for each as one n-th, so that the sum counts it once.

    Raises:
        SkipBenchmark: The system does not tell.
    """
    if not Path(f"/proc/{pid}/smaps_rollup").exists():
        raise SkipBenchmark("memory is read from /proc/PID/smaps_rollup, which is not here")
    return sum(_pss(member) for member in _tree(pid))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:  # the thread has ended
            continue
        for child in children:
            found += _tree(int(child))
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # the process has ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


class Sampler:
    """The highest proportional set size while the block runs."""

    def __init__(self, pid: int, interval: float = 0.05) -> None:
        self._pid = pid
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.peak = proportional_set(pid)

    def _sample(self) -> None:
        while not self._ended.is_set():
            self.peak = max(self.peak, proportional_set(self._pid))
            time.sleep(self._interval)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def measured(
    command: Sequence[str | Path], scratch: Path, interval: float = 0.2
) -> tuple[float, float, int, str]:
    """Run a command from its start to its end.

    Returns:
        Seconds, those of processor time with its children, the highest memory of all of them in
        bytes, and what it printed.

    Raises:
        ChildFailed: Its exit code is not 0.
    """
    with tempfile.TemporaryFile("w+", dir=scratch) as out, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env=environment(scratch),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
        )
        with Sampler(process.pid, interval) as sampler:
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            code = process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if code != 0:
            raise ChildFailed(f"{command[0]} … ended with {code}: {errors.read()[-2000:]}")
        return seconds, used.ru_utime + used.ru_stime, sampler.peak, out.read()
