"""Keep other libraries' progress bars and notices off the user's terminal."""

import logging
import os
import warnings

from angle_bench.quick_imports import quick_imports

_LOGGING = ("mteb", "datasets", "transformers", "sentence_transformers", "huggingface_hub")
_WARNING = (*_LOGGING, "torch", "peft", "accelerate", "numpy", "scipy", "sklearn", "threadpoolctl")


def quieten() -> None:
    """Silence bars, notices and warnings of the libraries underneath, and of nobody else.

    Their errors still come as exceptions. `ANGLE_BENCH_VERBOSE=1` (`-v`) leaves them on. mteb's
    own bars are off only if TQDM_DISABLE was set before tqdm was imported.
    """
    if os.environ.get("ANGLE_BENCH_VERBOSE"):
        return
    warnings.filterwarnings("ignore", module=rf"({'|'.join(_WARNING)})(\.|$)")
    for name in _LOGGING:
        logging.getLogger(name).setLevel(logging.ERROR)
    with quick_imports():
        import datasets

    datasets.disable_progress_bars()
