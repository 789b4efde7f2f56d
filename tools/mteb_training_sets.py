"""What mteb's models declare to be trained on, by the names of mteb's tasks.

mteb counts a task as trained on where its name is declared, or one that is linked with it by
`adapted_from` or `superseded_by` of their metadata, in either direction and over any number of
steps (`ModelMeta.get_training_datasets`). Names are written as they are declared, the links as
groups of names beside them.
"""

import json
from collections.abc import Iterable
from typing import Any

import mteb
from mteb.models.model_meta import ModelMeta

from tools.mteb_registry import MODEL_RENAMES, MODELS, SIMILAR_TASKS


def training_sets(tasks: set[str]) -> dict[str, Any]:
    """`declared`: models with one list of tasks; `undeclared`: models; `similar`: groups.

    Args:
        tasks: The names that are written, beside those that stand in a group with one of them.
    """
    groups = [group for group in similar_tasks() if tasks & set(group)]
    told = tasks.union(*groups)
    metas = {name: MODELS[new] for name, new in _names()}
    by_set: dict[tuple[str, ...], list[str]] = {}
    for name, meta in metas.items():
        if (names := _declared(meta)) is not None:
            by_set.setdefault(tuple(sorted(names & told)), []).append(name)
    used = {name for names in by_set for name in names}
    return {
        "mteb_version": mteb.__version__,
        "declared": [{"models": models, "tasks": list(names)} for names, models in by_set.items()],
        "undeclared": [name for name, meta in metas.items() if meta.training_datasets is None],
        "similar": [group for group in groups if used & set(group)],
    }


def _names() -> list[tuple[str, str]]:
    """Every name of a model, with the one that mteb has it under today."""
    renamed = [(old, new) for old, new in MODEL_RENAMES.items() if new in MODELS]
    return sorted({**{name: name for name in MODELS}, **dict(renamed)}.items())


def _declared(meta: ModelMeta) -> set[str] | None:
    """What a model declares, with what the model declares that it was made from."""
    if meta.training_datasets is None:
        return None
    made_from = MODELS.get(meta.adapted_from or "")
    earlier = None if made_from is None else _declared(made_from)
    return meta.training_datasets | (earlier or set())


def similar_tasks() -> list[list[str]]:
    """The groups of names that are linked with one another."""
    group_of: dict[str, set[str]] = {}
    for parent, children in SIMILAR_TASKS.items():
        linked = {parent, *children}
        whole = linked.union(*(group_of.get(name, set()) for name in linked))
        group_of |= dict.fromkeys(whole, whole)
    return [list(group) for group in sorted({tuple(sorted(each)) for each in group_of.values()})]


def as_lines(made: dict[str, Any]) -> str:
    """JSON with a line for every entry of a list, so that a new mteb gives a readable diff."""
    parts = []
    for key, value in made.items():
        rows: Iterable[str] = map(json.dumps, value) if isinstance(value, list) else ()
        shown = "[\n" + ",\n".join(rows) + "\n]" if isinstance(value, list) else json.dumps(value)
        parts.append(f"{json.dumps(key)}: {shown}")
    return "{" + ",\n".join(parts) + "}\n"
