"""`train.average_last`: the average of the last checkpoints of a training becomes the candidate."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.resolve import resolve
from angle_bench.files.whole_folder import write_folder
from angle_bench.training.merging.merge import average_writer, refuse_unlike

FOLDER = ".average.tmp"


def write_average(place: Path, checkpoints: Sequence[Path], access: LoadOptions) -> None:
    """Write the average of a training's checkpoints into a folder of its own.

    Raises:
        ModelError: They have no average.
        ResultsError: The folder cannot be written.
    """
    shutil.rmtree(place, ignore_errors=True)  # of a killed process
    specs = [resolve(str(checkpoint), None, access) for checkpoint in checkpoints]
    refuse_unlike(specs)
    shares = [1 / len(specs)] * len(specs)
    fix = "-o FOLDER on a disk with space, or --resume after making it"
    write_folder(place, average_writer(specs, shares, "train", ()), fix)
