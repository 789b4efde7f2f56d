"""`python -m angle_bench.training.launcher`: torch's launcher, whose end by a signal is silent.

Whoever started it says that it was interrupted, once. Processes that do not end within half a
minute are killed by torch. Its stdin is a pipe that nobody writes to: where that ends, whoever
started it is gone, and it ends, too.
"""

import logging
import os
import signal
import sys
import threading

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.run import main

INTERRUPTED = 130


def launch() -> None:
    """Launch as the words after the module say."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    logging.disable(logging.WARNING)  # what it says of signals; errors stay
    try:
        main()
    except SignalException:
        sys.exit(INTERRUPTED)


def _end_with_stdin() -> None:
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    launch()
