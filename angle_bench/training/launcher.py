"""`python -m angle_bench.training.launcher`: torch's launcher, whose end by a signal is silent.

Whoever started it says that it was interrupted, once. Processes that do not end within half a
minute are killed by torch.
"""

import logging
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.run import main

INTERRUPTED = 130


def launch() -> None:
    """Launch as the words after the module say."""
    logging.disable(logging.WARNING)  # what it says of signals; errors stay
    try:
        main()
    except SignalException:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    launch()
