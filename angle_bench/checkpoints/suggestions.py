"""Checkpoints that a misspelt name may have been meant as."""

from collections.abc import Sequence
from pathlib import Path

from angle_bench.checkpoints.folder.read_folder import looks_like_checkpoint
from angle_bench.checkpoints.registry.mteb_models import known_names
from angle_bench.errors import UsageError, did_you_mean, or_list, shell_word


def checkpoints_near(name: str) -> list[str]:
    """Checkpoint folders that a name with one slash may have been meant as, such as `runs/a`."""
    parent, own = Path(name).parent, Path(name).name
    parents = [parent.name, *did_you_mean(parent.name, folders_beside(parent))]
    found = [
        f"{each}/{near}"
        for each in dict.fromkeys(parents)
        for near in did_you_mean(own, folders_beside(Path(each, own)))
    ]
    return [place for place in found if looks_like_checkpoint(Path(place))]


def folders_beside(folder: Path) -> list[str]:
    """The names of the folders where this one would be."""
    try:
        return [entry.name for entry in folder.parent.iterdir() if entry.is_dir()]
    except OSError:  # no such parent either: nothing to suggest
        return []


def unknown(name: str, scored: Sequence[str] = ()) -> UsageError:
    """That nothing is called so, with what may have been meant.

    Args:
        name: What was typed.
        scored: What models with scores are called, where these may be meant.
    """
    folders = folders_beside(Path("x"))
    here = [f"./{folder}" for folder in folders]
    below = [f"{folder}/{name}" for folder in folders]
    same = [place for place in below if looks_like_checkpoint(Path(place))]
    called = dict.fromkeys([*here, *scored, *known_names()])
    near = [*same, *did_you_mean(name, called)][:3]
    if near:
        return UsageError(
            f"no model is called {name}. Did you mean {or_list(near)}?",
            f"-m {shell_word(near[0])}",
        )
    return UsageError(
        f"no model is called {name}, and nothing is close to it.",
        "-m ./FOLDER of a checkpoint, or ORG/NAME of the hub",
    )
