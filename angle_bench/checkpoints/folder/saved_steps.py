"""The saved steps of a training: the `checkpoint-N` folders that lie in its folder.

Trainers of transformers and sentence-transformers write them so, and so does this package.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from angle_bench.checkpoints.folder.config import read_json
from angle_bench.checkpoints.folder.read_folder import looks_like_checkpoint
from angle_bench.checkpoints.reference import ModelRef, expand
from angle_bench.errors import UsageError, did_you_mean, or_list, shell_word

_STEP = re.compile(r"checkpoint-(\d+)")
_STATE = "trainer_state.json"


@dataclass(frozen=True)
class SavedStep:
    """One saved step.

    Attributes:
        step: Its number.
        place: Its folder, links followed.
        loss: The last one that was logged since the saved step before; None where none was.
    """

    step: int
    place: Path
    loss: float | None


@dataclass(frozen=True)
class SavedTraining:
    """A training with saved steps.

    Attributes:
        label: What tables call it.
        folder: Where it is, links followed.
        saved: Ascending.
        left_out: The folders named like steps that hold no model.
    """

    label: str
    folder: Path
    saved: tuple[SavedStep, ...]
    left_out: tuple[str, ...] = ()

    def refs(self) -> list[ModelRef]:
        """Each step as what would be typed after -m, labelled `LABEL step N`."""
        return [
            ModelRef(str(each.place), f"{self.label} step {each.step}", training=str(self.folder))
            for each in self.saved
        ]


def step_of(name: str) -> int | None:
    """The step that a folder's name says: 500 of `checkpoint-500`."""
    found = _STEP.fullmatch(name)
    return None if found is None else int(found[1])


def trainings(texts: Sequence[str]) -> list[SavedTraining]:
    """What stands after --checkpoints, each once; folders of one name with their parent's.

    Args:
        texts: `[LABEL=]FOLDER` each.

    Raises:
        UsageError: A folder is not there, or holds no saved step.
        ModelError: The record of its losses cannot be read.
    """
    found: dict[Path, tuple[ModelRef, SavedTraining]] = {}
    for ref in map(ModelRef.parse, texts):
        made = _training(ref)
        found.setdefault(made.folder, (ref, made))
    times = Counter(made.label for _, made in found.values())
    return [
        replace(made, label=f"{made.folder.parent.name}/{made.label}")
        if times[made.label] > 1 and ref.label is None
        else made
        for ref, made in found.values()
    ]


def _training(ref: ModelRef) -> SavedTraining:
    folder = expand(ref.name)
    if not folder.is_dir():
        near = did_you_mean(folder.name, _folders(folder.parent))
        hint = f" Did you mean {or_list([str(folder.parent / n) for n in near])}?" if near else ""
        raise UsageError(
            f"there is no folder {ref.name}.{hint}", "--checkpoints FOLDER of a training"
        )
    named = {step: name for name in _folders(folder) if (step := step_of(name)) is not None}
    places = {
        step: (folder / named[step]).resolve()
        for step in sorted(named)
        if looks_like_checkpoint(folder / named[step])
    }
    if not places:
        raise UsageError(f"{ref.name} holds no checkpoint-N with a model in it.", _instead(folder))
    return SavedTraining(
        label=ref.label or folder.resolve().name,
        folder=folder.resolve(),
        saved=_with_losses(places),
        left_out=tuple(str(folder / named[step]) for step in sorted(named.keys() - places)),
    )


def _with_losses(places: Mapping[int, Path]) -> tuple[SavedStep, ...]:
    """The steps with what the trainer logged; the last state holds the log of all before it."""
    states = [place / _STATE for place in places.values() if (place / _STATE).is_file()]
    log = read_json(states[-1]).get("log_history", []) if states else []
    logged = {entry["step"]: entry["loss"] for entry in log if {"step", "loss"} <= entry.keys()}
    saved, before = [], 0
    for step, place in places.items():
        within = [at for at in logged if before < at <= step]
        saved.append(SavedStep(step, place, logged[max(within)] if within else None))
        before = step
    return tuple(saved)


def _folders(place: Path) -> list[str]:
    return sorted(each.name for each in place.iterdir() if each.is_dir()) if place.is_dir() else []


def _instead(folder: Path) -> str:
    """What may have been meant by a folder without saved steps."""
    if step_of(folder.resolve().name) is not None:
        return f"--checkpoints {shell_word(folder.parent)}"
    inner = [
        folder / name
        for name in _folders(folder)
        if any(step_of(each) is not None for each in _folders(folder / name))
    ]
    if inner:  # the seeds of a recipe
        return " ".join(f"--checkpoints {shell_word(place)}" for place in inner)
    if looks_like_checkpoint(folder):
        return f"-m {shell_word(folder)}, which is one model"
    return "--checkpoints FOLDER of a training that saved some"
