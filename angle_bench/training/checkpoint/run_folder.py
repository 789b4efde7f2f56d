"""The folder of a training: its recipe, its checkpoints, and at last the candidate itself.

`FOLDER/checkpoint-N` are candidates with the state that training goes on from; the chosen one is
put into FOLDER, so that `-m FOLDER` means it.
"""

import json
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.folder.angle_bench_json import FILE_NAME as OWN_FILE
from angle_bench.checkpoints.folder.saved_steps import step_of
from angle_bench.errors import ResultsError, UsageError
from angle_bench.files.atomic import (
    clear_own_leftovers,
    json_file,
    only_leftovers,
    text_file,
    write_together,
)
from angle_bench.files.whole_folder import write_into_own_folder, write_own_folder
from angle_bench.training.data.batches import (
    FILE_NAME as BATCHES,
)
from angle_bench.training.data.batches import (
    batches_file,
    batches_of,
    made_with,
    refuse_other_rows_of_a_step,
)
from angle_bench.training.recipe.read_recipe import read_recipe
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.to_toml import recipe_toml

RECIPE, SUMMARY = "recipe.toml", "training.json"
STATE = "trainer_state.json"  # transformers writes it last
# what of a checkpoint only training reads
OF_TRAINING = re.compile(
    r"(optimizer.*|scheduler\.pt|scaler\.pt|rng_state.*\.pth|trainer_state\.json|batches\.json)$"
)
# settings that change no weight, so that they may differ when training goes on
FREE = frozenset({"description", "train.keep", "train.log_steps"})
# settings that may differ as long as a step takes as many rows
DIVIDED = {"train.batch_size", "train.accumulation"}
_FIX = "-o FOLDER on a disk with space, or --resume after making it"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one training.

    Attributes:
        place: Where it is.
    """

    place: Path

    def begin(self, recipe: Recipe, resume: bool, processes: int = 1) -> None:
        """Make the folder, or see that the training in it is this one.

        Args:
            recipe: What is to be trained.
            resume: Continue from the last checkpoint.
            processes: How many are to train it.

        Raises:
            UsageError: The folder is somebody else's, or holds another training, or one that
                `resume` is needed for, or one whose steps took another number of rows.
            ResultsError: It cannot be written.
        """
        if not (self.place / RECIPE).is_file():
            empty = self.place.is_dir() and only_leftovers(self.place, RECIPE)
            if self.place.exists() and not empty:
                raise UsageError(
                    f"{self.place} is there already and holds something else.",
                    "-o FOLDER of a new name",
                )
            self._write(recipe)
            return
        if self.last() is None and self.summary() is None:  # nothing is lost
            self._write(recipe)
            return
        there = read_recipe(str(self.place / RECIPE))
        free = FREE if self.last() is None else FREE | DIVIDED
        if (changed := first_difference(there, recipe, free)) is not None:
            raise UsageError(
                f"{self.place} holds another training: {changed}.", "-o FOLDER of a new name"
            )
        if not resume:
            done = "a finished training" if self.summary() else "a training that was not finished"
            raise UsageError(
                f"{self.place} holds {done} of this recipe.",
                "--resume, or -o FOLDER of a new name",
            )
        clear_own_leftovers(self.place)
        self._divide_as(recipe, there, processes)

    def _divide_as(self, recipe: Recipe, there: Recipe, processes: int) -> None:
        """Go on with a step that is divided as a recipe and so many processes say.

        Raises:
            UsageError: A step would take another number of rows.
        """
        last, same = self.last(), first_difference(there, recipe) is None
        if last is None or (self.summary() is not None and same):
            return  # nothing is trained any more
        before = made_with(last, there)
        refuse_other_rows_of_a_step(last, before, batches_of(recipe, processes))
        if same:
            return
        if not (last / BATCHES).is_file():  # what it was made with is read off the old recipe
            write_together([batches_file(last, before, None)], fix=_FIX)
        self._write(recipe)

    def checkpoint(self, step: int) -> Path:
        """The folder of a step's checkpoint."""
        return self.place / f"checkpoint-{step}"

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, ascending."""
        found = (step_of(each.name) for each in self._entries())
        steps = sorted(step for step in found if step is not None)
        return [step for step in steps if (self.checkpoint(step) / STATE).is_file()]

    def last(self) -> Path | None:
        """The checkpoint that training goes on from."""
        steps = self.steps()
        return self.checkpoint(steps[-1]) if steps else None

    def summary(self) -> dict[str, Any] | None:
        """What was written when training ended; None before.

        Raises:
            ResultsError: It cannot be read.
        """
        place = self.place / SUMMARY
        if not place.is_file():
            return None
        try:
            said: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ResultsError(
                f"{place} cannot be read: {error}", f"rm {place}, then --resume"
            ) from error
        return said

    def save(self, step: int, fill: Callable[[Path], None]) -> Path:
        """Write a step's checkpoint whole or not at all.

        Raises:
            ResultsError: The disk is full or cannot be written; earlier checkpoints are untouched.
        """
        place = self.checkpoint(step)
        try:
            write_own_folder(place, fill)
        except (OSError, RuntimeError) as error:  # torch's writer raises the latter
            kept = self.steps()
            safe = f"; checkpoint-{kept[-1]} is untouched" if kept else ""
            reason = str(getattr(error, "strerror", None) or error).rstrip(".")
            raise ResultsError(f"{place} cannot be written: {reason}{safe}.", _FIX) from error
        return place

    def keep(self, newest: int, others: Collection[int | None]) -> None:
        """Remove all but the newest checkpoints and some others."""
        steps = self.steps()
        for step in steps[: max(0, len(steps) - newest)]:
            if step not in others:
                shutil.rmtree(self.checkpoint(step), ignore_errors=True)

    def finish(self, checkpoint: Path, card: str, summary: Mapping[str, Any]) -> None:
        """Put a checkpoint into the folder itself, with its card, and say that training ended.

        A candidate that stood there is one as long as its own file is there: it goes first and
        comes last.

        Raises:
            ResultsError: The disk is full or cannot be written.
        """

        def fill(folder: Path) -> None:
            shutil.copytree(
                checkpoint,
                folder,
                ignore=lambda _, names: [name for name in names if OF_TRAINING.match(name)],
                dirs_exist_ok=True,
            )
            (folder / "README.md").write_text(card, encoding="utf-8")

        try:
            write_into_own_folder(self.place, fill, last=OWN_FILE)
        except OSError as error:
            raise ResultsError(
                f"{self.place} cannot be written: {error.strerror or error}.", _FIX
            ) from error
        write_together([json_file(self.place / SUMMARY, dict(summary))], fix=_FIX)

    def _write(self, recipe: Recipe) -> None:
        file = text_file(self.place / RECIPE, recipe_toml(recipe))
        write_together([file], fix="-o FOLDER that can be written and has space")

    def _entries(self) -> list[Path]:
        return list(self.place.iterdir()) if self.place.is_dir() else []


def first_difference(there: Recipe, now: Recipe, free: Set[str] = FREE) -> str | None:
    """The first setting in which two recipes differ, in words; None where they are one."""
    mine, its = (dict(_flat(each.model_dump(mode="json"))) for each in (now, there))
    for key in dict.fromkeys([*its, *mine]):
        if key not in free and mine.get(key) != its.get(key):
            return f"{key} is {its.get(key)!r} there and {mine.get(key)!r} now"
    return None


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{key}.{number}")
    else:
        yield key, value


def absolute(recipe: Recipe) -> Recipe:
    """The recipe with its files by their whole paths, so that it means the same from anywhere."""
    sources = tuple(
        source
        if source.path is None
        else source.model_copy(update={"path": str(Path(source.path).expanduser().absolute())})
        for source in recipe.data.train
    )
    data = recipe.data.model_copy(update={"train": sources})
    return recipe.model_copy(update={"data": data})
