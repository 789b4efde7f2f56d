"""One call on the disk that fails, or ends the process; run as a program, it forks for each order.

Every opening for writing, write, rename, removal, sync and lock below a folder is counted, whatever
module makes it: Python's audit events name most of them, the rest is wrapped. An order is a line of
JSON on stdin, its answer a line on stdout. The models are computed in the process itself.
"""

import errno
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

KILLED = 77
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "fcntl.flock", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Shim:
    """Counts calls below a folder.

    Args:
        below: The folder.
        at: Which of them fails, from 0; None only counts.
        kill: Whether the process ends there instead.
    """

    def __init__(self, below: str, at: int | None, kill: bool) -> None:
        self.below, self.at, self.kill = below, at, kill
        self.calls: list[str] = []

    def end(self) -> None:
        """End this process."""
        os._exit(KILLED)

    def install(self) -> None:
        sys.addaudithook(self._heard)
        os.fsync = self._wrapped("fsync", os.fsync)
        for name in ("write_bytes", "write_text"):
            setattr(Path, name, self._half(name, getattr(Path, name)))

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if event in EVENTS or (event == "open" and isinstance(args[2], int) and args[2] & WRITING):
            self._call(event, args[0])

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(handle: int) -> Any:
            self._call(name, handle)
            return call(handle)

        return wrapped

    def _half(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """A write that fails leaves half of it."""

        def wrapped(place: Path, data: Any, *args: Any, **keys: Any) -> Any:
            if self.at == len(self.calls) and self._is_below(str(place)):
                with open(place, "wb") as file:
                    whole = data.encode() if isinstance(data, str) else bytes(data)
                    self.at, wanted = None, self.at
                    file.write(whole[: len(whole) // 2])
                self.at = wanted
            self._call(name, place)
            return call(place, data, *args, **keys)

        return wrapped

    def _is_below(self, place: str) -> bool:
        return os.path.abspath(place).startswith(self.below)

    def _call(self, name: str, place: Any) -> None:
        if isinstance(place, int):
            place = os.readlink(f"/proc/self/fd/{place}")
        place = os.fsdecode(place)
        if not self._is_below(place):
            return
        number = len(self.calls)
        self.calls.append(f"{name} {Path(place).name}")
        if number == self.at:
            if self.kill:
                self.end()
            raise OSError(errno.EIO, os.strerror(errno.EIO), place)


def compute_here() -> None:
    """Workers in this process, and calls on the vector store that count."""
    from angle_bench.encoding.workers.child import load_forward
    from angle_bench.encoding.workers.inline import InlineWorker
    from angle_bench.evaluation.encoders import worker_reuse

    def inline(checkpoint, *_):
        return InlineWorker(load_forward(**checkpoint.order("cpu", 1)))

    worker_reuse.start = inline


def count_commits(shim: Shim) -> None:
    """lmdb writes outside Python: a fault stands before and behind each commit."""
    from angle_bench.encoding.store.lmdb_file import StoreFile

    write = StoreFile.write

    def counted(self: StoreFile, act: Any) -> Any:
        shim._call("commit", self.folder)
        done = write(self, act)
        shim._call("committed", self.folder)
        return done

    StoreFile.write = counted  # type: ignore[method-assign]


def child(order: dict[str, Any], answer: int) -> None:
    """Run one command; what it says goes into files outside the folder."""
    os.chdir(order["cwd"])
    for name, number in (("out", 1), ("err", 2)):
        opened = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(opened, number)
    sys.argv = ["angle-bench", *order["words"]]
    shim = Shim(order["cwd"], order["at"], order["kill"])
    from angle_bench.cli.app import main

    if order["computes"]:
        compute_here()
        count_commits(shim)
    shim.install()
    try:
        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 99
    sys.stdout.flush()
    os.write(answer, json.dumps([code, shim.calls]).encode())
    os._exit(0)


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """How the command ended: its code, KILLED, or `hung`."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        child(order, theirs)
    os.close(theirs)
    told = b""
    while select.select([ours], [], [], order["seconds"])[0]:
        if not (part := os.read(ours, 1 << 16)):
            break
        told += part
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(ours)
    _, status = os.waitpid(pid, 0)
    if told:
        code, calls = json.loads(told)
        return {"code": code, "calls": calls}
    ended = os.waitstatus_to_exitcode(status)
    return {"code": "hung" if ended == -signal.SIGKILL else ended, "calls": []}


def serve(imports: list[str]) -> None:
    """Obey until nobody orders any more; what is imported now is imported once."""
    for name in imports:
        __import__(name)
    if "torch" in imports:
        sys.modules["torch"].set_num_threads(1)
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1:])
