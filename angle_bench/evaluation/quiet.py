"""Keep other libraries' progress bars and notices off the user's terminal."""

import logging
import os
import warnings


def quieten() -> None:
    """Silence bars, notices and warnings of mteb, datasets, transformers and the hub.

    Their errors still come as exceptions. `ANGLE_BENCH_VERBOSE=1` (`-v`) leaves them on. mteb's
    own bars are off only if TQDM_DISABLE was set before tqdm was imported.
    """
    if os.environ.get("ANGLE_BENCH_VERBOSE"):
        return
    warnings.filterwarnings("ignore")
    for name in ("mteb", "datasets", "transformers", "sentence_transformers", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import datasets

    datasets.disable_progress_bars()
