"""When what happens in a command and in its worker processes, as a trace that browsers show.

The trace is in the Trace Event Format, which chrome://tracing and ui.perfetto.dev open. Every
process writes what it did into a file of its own, since a worker may end at any moment; the
command puts them together.
"""

import importlib.abc
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_PLACE = "ANGLE_BENCH_TIMELINE"
# libraries whose import takes long
_IMPORTS = (
    *("torch", "transformers", "tokenizers", "mteb", "datasets", "sklearn", "scipy", "pandas"),
    *("pyarrow", "polars", "peft", "accelerate", "sentence_transformers", "ray", "torch._dynamo"),
)


class _Timeline:
    """What this process did.

    Args:
        folder: Where each process writes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, start: float, end: float, said: Mapping[str, Any]) -> None:
        """Something that began and ended at these times, in seconds of the system's clock."""
        event = {
            "name": name,
            "ph": "X",
            "ts": round(1e6 * start),
            "dur": round(1e6 * (end - start)),
            "pid": os.getpid(),
            "tid": threading.get_native_id(),
            "args": said,
        }
        with (self.folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


_current: _Timeline | None = None


@contextmanager
def span(name: str, **said: Any) -> Iterator[None]:
    """What is done in its body, where somebody wants a trace.

    Args:
        name: What it is called.
        said: Numbers and names that belong to it.
    """
    if _current is None:
        yield
        return
    start = time.monotonic()
    try:
        yield
    finally:
        if _current is not None:
            _current.add(name, start, time.monotonic(), said)


@contextmanager
def recording(folder: Path) -> Iterator[None]:
    """Record what this process does in the body, and what processes do that it starts there.

    Args:
        folder: Where each process writes.
    """
    global _current
    _current = _Timeline(folder)
    finder = _TimedImports()
    sys.meta_path.insert(0, finder)
    _began("before the trace")
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _current = None


def environment() -> dict[str, str]:
    """What a process that is started has to find in its environment, so that it records, too."""
    return {} if _current is None else {_PLACE: str(_current.folder)}


def join() -> None:
    """In a worker process: record from its start on, where the command does."""
    global _current
    if place := os.environ.get(_PLACE):
        _current = _Timeline(Path(place))
        sys.meta_path.insert(0, _TimedImports())
        _began("start of the process")


def _began(name: str) -> None:
    """What there was before somebody recorded."""
    began = process_start()
    if began is not None and _current is not None:
        _current.add(name, began, time.monotonic(), {})


def process_start() -> float | None:
    """When this process started, by the clock of `time.monotonic`; None where Linux is not."""
    with suppress(OSError, ValueError, IndexError):
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.monotonic() - since_boot
    return None


def trace(folder: Path, main: int) -> dict[str, Any]:
    """What all processes wrote, as a trace that begins at 0.

    Args:
        folder: Where they wrote.
        main: The process id of the command; the others are its workers.
    """
    events = [
        json.loads(line)
        for place in sorted(folder.glob("*.jsonl"))
        for line in place.read_text(encoding="utf-8").splitlines()
        if line.endswith("}")  # a worker that was killed may have left half a line
    ]
    first = min((event["ts"] for event in events), default=0)
    for event in events:
        event["ts"] -= first
    names = [
        {
            "name": "process_name",
            "ph": "M",
            "pid": pid,
            "args": {"name": "angle-bench" if pid == main else "worker"},
        }
        for pid in dict.fromkeys(event["pid"] for event in events)
    ]
    return {"traceEvents": [*names, *sorted(events, key=lambda event: event["ts"])]}


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Where the processes of a command write."""
    with tempfile.TemporaryDirectory(prefix="angle-bench-timeline-") as folder:
        yield Path(folder)


class _TimedImports(importlib.abc.MetaPathFinder):
    """Times the import of large libraries, those that they import included."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """The module as the other finders find it, with a loader that is timed."""
        if name not in _IMPORTS:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module
            spec.loader.exec_module = _timed(name, load)  # type: ignore[method-assign]
        return spec


def _timed(name: str, load: Any) -> Any:
    def load_timed(module: Any) -> None:
        with span(f"import {name}"):
            load(module)

    return load_timed
