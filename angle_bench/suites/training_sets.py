"""What mteb's models declare to be trained on, from tasks/mteb-training-sets.json."""

from functools import cache
from typing import Any

from angle_bench.files.places import shipped_json


def declared_tasks(model: str) -> frozenset[str] | None:
    """The tasks that a model was trained on, as mteb declares it by name.

    Tasks that are linked with a declared one, such as translations and later versions, count:
    it is what mteb's `ModelMeta.get_training_datasets` has, of text tasks.

    Args:
        model: Its full name, in any case.

    Returns:
        None where mteb does not know the model, or declares nothing of it.
    """
    names = _by_model().get(model.casefold())
    return None if names is None else _with_similar(names)


def in_mteb(model: str) -> bool:
    """Whether mteb knows a model of that name, whatever it declares of it."""
    return model.casefold() in _by_model()


def mteb_version() -> str:
    """Of the mteb whose declarations these are."""
    return str(_all()["mteb_version"])


@cache
def _with_similar(names: tuple[str, ...]) -> frozenset[str]:
    groups = _groups()
    return frozenset(names).union(*(groups[name] for name in names if name in groups))


@cache
def _by_model() -> dict[str, tuple[str, ...] | None]:
    """What each model declares; None where it declares nothing."""
    found: dict[str, tuple[str, ...] | None] = dict.fromkeys(
        map(str.casefold, _all()["undeclared"])
    )
    for each in _all()["declared"]:
        found |= dict.fromkeys(map(str.casefold, each["models"]), tuple(each["tasks"]))
    return found


@cache
def _groups() -> dict[str, list[str]]:
    return {name: group for group in _all()["similar"] for name in group}


def _all() -> dict[str, Any]:
    return shipped_json("mteb-training-sets.json")
