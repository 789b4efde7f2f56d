"""Which weights a recipe trains, by their names, and how that is said. No torch."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from angle_bench.errors import UsageError, did_you_mean
from angle_bench.training.recipe.model_sections import ModelSection

HEADS = ("lm_head", "cls")  # of words: no vector needs them, and they are not loaded
BUFFERS = ("position_ids", "inv_freq")  # in files of older releases, and no weights


@dataclass(frozen=True)
class WeightGroup:
    """Weights that train, such as the layers from 0 to 5.

    Attributes:
        name: `embeddings`, `encoder.layer.0 to 5`.
        modules: How many are alike.
        parameters: Of each.
    """

    name: str
    modules: int
    parameters: int


def named(part: str, name: str) -> bool:
    """Whether whole dotted parts of a weight's name are these; each may be a glob.

    >>> named("layer.1", "encoder.layer.1.output.dense.weight")
    True
    >>> named("layer.1", "encoder.layer.11.output.dense.weight")
    False
    >>> named("layer.1*", "encoder.layer.11.output.dense.weight")
    True
    """
    wanted, there = part.split("."), name.split(".")
    return any(
        all(map(fnmatchcase, there[start : start + len(wanted)], wanted))
        for start in range(len(there) - len(wanted) + 1)
    )


def chosen(model: ModelSection, names: Iterable[str]) -> list[str]:
    """The weights of a transformer that train: no head that nothing reads, and what is asked.

    Raises:
        UsageError: `trainable` or `frozen` name nothing, or leave nothing.
    """
    every = list(names)
    for part in (*model.trainable, *model.frozen):
        if not any(named(part, name) for name in every):
            raise _no_such_part(part, every)
    found = [
        name
        for name in every
        if "pooler" not in name.split(".")
        and (not model.trainable or any(named(part, name) for part in model.trainable))
        and not any(named(part, name) for part in model.frozen)
    ]
    if not found:
        raise UsageError(
            "nothing would train: model.trainable and model.frozen leave no weight.",
            "--set 'model.frozen=[]'",
        )
    return found


def _no_such_part(part: str, names: Sequence[str]) -> UsageError:
    within = sorted({_around(part, name) for name in names} - {""})
    if within:
        return UsageError(
            f"no weight is called {part}: names are compared by their whole parts.",
            f"{within[0]}, or *{part}* for all that contain it, in model.trainable or model.frozen",
        )
    parts = list(dict.fromkeys(word for name in names for word in name.split(".")))
    near = did_you_mean(part, parts)
    hint = f" Did you mean {near[0]}?" if near else ""
    return UsageError(
        f"no weight has {part} in its name.{hint}",
        f"one of {', '.join(near or parts[:8])}, in model.trainable or model.frozen",
    )


def _around(part: str, name: str) -> str:
    """The whole parts of a name that a piece of it lies in."""
    at = name.find(part)
    if at < 0:
        return ""
    start = name.rfind(".", 0, at) + 1
    end = name.find(".", at + len(part))
    return name[start:] if end < 0 else name[start:end]


def parts_of(shapes: Mapping[str, Sequence[int]], training: Iterable[str]) -> list[WeightGroup]:
    """Weights that train by the module that they are of; numbered ones that are alike are one.

    Args:
        shapes: Of every weight, by its name.
        training: The names of those that train.
    """
    those = set(training)
    names = _without_common(list(shapes))
    numbered = {short.split(".")[0] for short in names if _number_at(short) is not None}
    sums: dict[str, int] = {}
    for short, (name, shape) in zip(names, shapes.items(), strict=True):
        if name in those:
            module = _module(short, numbered)
            sums[module] = sums.get(module, 0) + math.prod(shape)
    found: list[tuple[str, int, int, int]] = []  # name, first, last, parameters
    for module, size in sums.items():
        before, _, last = module.rpartition(".")
        number = int(last) if last.isdecimal() else -1
        stem = before if number >= 0 else module
        if found and number > 0 and found[-1][0::3] == (stem, size) and found[-1][2] == number - 1:
            found[-1] = (stem, found[-1][1], number, size)
        else:
            found.append((stem, number, number, size))
    return [
        WeightGroup(_said(stem, first, last), last - first + 1, size)
        for stem, first, last, size in found
    ]


def _said(stem: str, first: int, last: int) -> str:
    if first < 0:
        return stem
    return f"{stem}.{first}" if first == last else f"{stem}.{first} to {last}"


def _without_common(names: list[str]) -> list[str]:
    """Names without what all begin with, such as `bert.` or `model.`."""
    split = [name.split(".") for name in names]
    while len({words[0] for words in split}) == 1 and all(
        len(words) > 2 and not words[1].isdecimal() for words in split
    ):
        split = [words[1:] for words in split]
    return [".".join(words) for words in split]


def _number_at(name: str) -> int | None:
    words = name.split(".")
    return next((place for place, word in enumerate(words) if word.isdecimal()), None)


def _module(name: str, numbered: set[str]) -> str:
    words = name.split(".")
    number = _number_at(name)
    if number is not None:
        return ".".join(words[: number + 1])
    return ".".join(words[:-1]) if words[0] in numbered and len(words) > 1 else words[0]
