"""How many rows a step takes, and which rows a checkpoint was made with: what going on needs.

A checkpoint's step says how many rows were used only together with the rows of a step. No torch.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from angle_bench.errors import ResultsError, UsageError, shell_word
from angle_bench.files.atomic import FileToWrite, text_file
from angle_bench.training.recipe.recipe import Recipe

FILE_NAME = "batches.json"


@dataclass(frozen=True)
class Batches:
    """The rows of a step, and how they are divided.

    Attributes:
        processes: That train together.
        batch_size: Rows of a process at a time.
        accumulation: Batches of a process before the optimiser's step.
        gather: Whether the processes' rows are compared with each other.
    """

    processes: int
    batch_size: int
    accumulation: int
    gather: bool = False

    @property
    def rows(self) -> int:
        """Of a step."""
        return self.processes * self.batch_size * self.accumulation

    @property
    def together(self) -> int:
        """Rows that are compared with each other."""
        return self.batch_size * (self.processes if self.gather else 1)

    @property
    def words(self) -> str:
        """`10 rows a step (2 processes x 5 rows)`."""
        processes = f"{self.processes} process{'' if self.processes == 1 else 'es'}"
        times = f" x {self.accumulation} batches" if self.accumulation > 1 else ""
        return f"{self.rows} rows a step ({processes}{times} x {self.batch_size} rows)"


def announced() -> int:
    """How many processes were launched to train together, as launchers say it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def batches_of(recipe: Recipe, processes: int) -> Batches:
    """What a recipe takes in a step."""
    used = recipe.train
    return Batches(processes, used.batch_size, used.accumulation, used.gather)


def batches_file(
    checkpoint: Path, batches: Batches, rows: str | None, models: Mapping[str, str] | None = None
) -> FileToWrite:
    """The file in a checkpoint that notes what it was made with.

    Args:
        checkpoint: Its folder.
        batches: The rows of a step.
        rows: The digest of all rows; None of streamed ones.
        models: Revision and settings of the starting point and the teachers, and the revision of
            the data that chooses the checkpoint, by their names.
    """
    said = asdict(batches) | {"rows_digest": rows} | ({"models": dict(models)} if models else {})
    return text_file(checkpoint / FILE_NAME, json.dumps(said, indent=2) + "\n")


def made_with(checkpoint: Path, recipe: Recipe) -> Batches:
    """The rows of a step that a checkpoint was made with.

    One from before this was noted has the recipe's batches, and the random states of as many
    processes as there were.

    Args:
        checkpoint: Its folder.
        recipe: The one that it was made with.

    Raises:
        ResultsError: The file cannot be read.
    """
    said = _read(checkpoint)
    if said is None:
        return batches_of(recipe, len(list(checkpoint.glob("rng_state_*.pth"))) or 1)
    try:
        processes, size, times = (
            int(said[name]) for name in ("processes", "batch_size", "accumulation")
        )
        return Batches(processes, size, times, bool(said["gather"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(checkpoint, error) from error


def rows_digest(checkpoint: Path) -> str | None:
    """The digest of the rows that a checkpoint was trained on; None where it was not noted."""
    said = _read(checkpoint)
    found = None if said is None else said.get("rows_digest")
    return None if found is None else str(found)


def refuse_other_models(checkpoint: Path, now: Mapping[str, str]) -> None:
    """Refuse to go on where a starting point, a teacher or data for choosing is not what it was.

    A commit of the hub and the content of a folder may be the same, which nobody can tell.

    Raises:
        UsageError: One has other files or settings than when the checkpoint was made.
    """
    there = (_read(checkpoint) or {}).get("models") or {}
    for key, identity in now.items():
        before = there.get(key, identity)
        of_folders = {each.startswith(("sha256-", "local-")) for each in (before, identity)}
        if before != identity and len(of_folders) == 1:
            raise UsageError(
                f"{key if key == 'model' else f'the {key}'} is not what {checkpoint.name} was "
                "made with: its files or its settings are others.",
                f"the {key} as it was, or -o FOLDER of a new name",
            )


def refuse_other_rows_of_a_step(checkpoint: Path, there: Batches, now: Batches) -> None:
    """Refuse to go on where a step takes another number of rows: some would be left out, or twice.

    Raises:
        UsageError: A step takes another number of rows than when the checkpoint was made.
    """
    if there.rows == now.rows:
        return
    each, left = divmod(there.rows, now.processes * now.accumulation)
    alone, uneven = divmod(there.rows, now.processes)
    if not left:
        fix = f"--set train.batch_size={each}"
    elif not uneven:
        fix = f"--set train.batch_size={alone} --set train.accumulation=1"
    else:
        fix = f"--processes {there.processes}"
    raise UsageError(
        f"{checkpoint.name} was made with {there.words}, and now it would be {now.words}: the "
        "rows that are left cannot be known.",
        f"{fix}, or -o FOLDER of a new name",
    )


def _read(checkpoint: Path) -> Mapping[str, Any] | None:
    place = checkpoint / FILE_NAME
    try:
        said = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(checkpoint, error) from error
    if not isinstance(said, dict):
        raise _unreadable(checkpoint, "it holds no table")
    return said


def _unreadable(checkpoint: Path, why: object) -> ResultsError:
    return ResultsError(
        f"{checkpoint / FILE_NAME} cannot be read: {why}",
        f"rm -r {shell_word(checkpoint)}, then --resume, which goes on from the one before",
    )
