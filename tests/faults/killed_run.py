"""A command that kills itself at a call: on the disk, on the vector store, or to a worker.

`python -m tests.faults.killed_run COUNTED AT WORDS`: the folder it is started in is the one whose
calls count, AT is the number of the call, or -1. The calls that there were go into the file
COUNTED, one a line; the last one is that at which it ended.
Its workers are processes as they always are, and know nothing of it.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from tests.faults.shim import Shim, count_commits


class Killing(Shim):
    """Ends the process as a user or the kernel does, without a last word to others.

    Args:
        counted: The file for the calls.
        at: Which of them ends it; -1 is none.
    """

    def __init__(self, counted: Path, at: int) -> None:
        super().__init__(os.getcwd(), at, kill=True)
        self.counted = counted

    def tell(self) -> None:
        """Write the calls."""
        self.counted.write_text("\n".join(self.calls))

    def end(self) -> NoReturn:
        self.tell()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


def count_talk(shim: Shim) -> None:
    """What is asked of a worker, and what it answers."""
    from angle_bench.encoding.workers.worker_process import WorkerProcess

    ask, answer = WorkerProcess.ask, WorkerProcess.answer

    def asked(self: WorkerProcess, question: Any) -> None:
        shim._call("ask", shim.below)
        ask(self, question)

    def answered(self: WorkerProcess) -> Any:
        told = answer(self)
        shim._call("answer", shim.below)
        return told

    WorkerProcess.ask = asked  # type: ignore[method-assign]
    WorkerProcess.answer = answered  # type: ignore[method-assign]


def main() -> None:
    counted, at, *words = sys.argv[1:]
    sys.argv = ["angle-bench", *words]
    shim = Killing(Path(counted), int(at))
    from angle_bench.cli.app import main as run

    count_commits(shim)
    count_talk(shim)
    shim.install()
    try:
        run()
    finally:
        shim.tell()


if __name__ == "__main__":
    main()
