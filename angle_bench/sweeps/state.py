"""How far the trainings of a sweep are, by their folders alone, whichever command trains them."""

import json
from pathlib import Path
from typing import Literal

from angle_bench.errors import AngleBenchError, ResultsError
from angle_bench.evaluation.run.record import utc_now
from angle_bench.files.atomic import json_file, write_together
from angle_bench.files.regular import read_regular
from angle_bench.training.checkpoint.run_folder import RECIPE, RunFolder, absolute, first_difference
from angle_bench.training.recipe.read_recipe import read_recipe
from angle_bench.training.recipe.recipe import Recipe

FAILURE = "failure.json"

State = Literal["finished", "failed", "open"]


def state_of(folder: Path, recipe: Recipe) -> State:
    """Whether a training ended, and how; `open` also where another one is in its folder.

    Raises:
        ResultsError: A file in the folder cannot be read.
    """
    place = folder / RECIPE
    if not place.is_file() or first_difference(read_recipe(str(place)), absolute(recipe)):
        return "open"
    if RunFolder(folder).summary() is not None:
        return "finished"
    return "failed" if (folder / FAILURE).is_file() else "open"


def note_failure(folder: Path, error: AngleBenchError) -> None:
    """Write why a training ended before its time, for the commands that train the others.

    Raises:
        ResultsError: The folder cannot be written.
    """
    said = {"what": error.what, "fix": error.fix, "utc": utc_now()}
    write_together([json_file(folder / FAILURE, said)], fix="-o FOLDER on a disk with space")


def forget_failure(folder: Path) -> None:
    """Take back what `note_failure` wrote: the training is tried again."""
    (folder / FAILURE).unlink(missing_ok=True)


def failure_of(folder: Path) -> str:
    """Why a training failed.

    Raises:
        ResultsError: The file cannot be read.
    """
    place = folder / FAILURE
    try:
        return str(json.loads(read_regular(place))["what"])
    except (OSError, ValueError, KeyError) as error:
        raise ResultsError(
            f"{place} cannot be read: {error}", f"rm {place}, then --resume"
        ) from error
