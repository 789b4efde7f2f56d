"""Typed words taken apart: labels, names and globs; which stored models are called so."""

import os
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from angle_bench.checkpoints.endpoint.endpoint_ref import endpoint_ref, is_endpoint
from angle_bench.checkpoints.reference import ModelRef, expand
from angle_bench.errors import UsageError
from angle_bench.results.find.stored_models import StoredModel

_WILD = set("*?[")


def sides(text: str, stored: Sequence[StoredModel]) -> list[tuple[str | None, list[str]]]:
    """Labels with their names: `a,b,ft=c,d` is `a`, `b`, and `c` and `d` under the label `ft`.

    What is called so, or is a path, stays whole, whatever commas or `=` it has.
    """
    found: list[tuple[str | None, list[str]]] = []
    whole = bool(text.strip()) and _is_whole(text, stored)
    for word in [text] if whole else [w.strip() for w in text.split(",") if w.strip()]:
        label = None if _is_whole(word, stored) else _label(word, stored)
        if label is not None and found and found[-1][0] == label:
            found[-1][1].append(word.partition("=")[2])
        elif label is not None:
            found.append((label, [word.partition("=")[2]]))
        elif found and found[-1][0] is not None:
            found[-1][1].append(word)
        else:
            found.append((None, [word]))
    if not found:
        raise UsageError(f"{text!r} names no model.", "a name, a label or a folder")
    return found


def one_side(word: str, stored: Sequence[StoredModel]) -> tuple[str | None, list[str]]:
    """The label and the names of a word that is one side."""
    found = sides(word, stored)
    if len(found) != 1:
        raise UsageError(
            f"{word} has commas, but no label for these seeds of one recipe.", f"LABEL={word}"
        )
    return found[0]


def _label(word: str, stored: Sequence[StoredModel]) -> str | None:
    """What stands before `=`; with a slash, as in `a/b=NAME`, only where a model follows."""
    before, _, name = word.partition("=")
    known = before and name and _is_whole(name, stored)
    return ModelRef.parse(word).label or (before if known else None)


def reference(word: str, stored: Sequence[StoredModel]) -> ModelRef:
    """What is called so stays whole, though it has `=` or `@`."""
    return ModelRef(word) if _is_whole(word, stored) else ModelRef.parse(word)


def _is_whole(word: str, stored: Sequence[StoredModel]) -> bool:
    return os.path.exists(expand(word)) or any(_is_called(model, word) for model in stored)


def is_glob(word: str, stored: Sequence[StoredModel]) -> bool:
    """Whether a word is a pattern, and not what a model or folder is called."""
    return bool(_WILD & set(word)) and not _is_whole(word, stored)


def called_so(ref: ModelRef, stored: Sequence[StoredModel]) -> list[StoredModel]:
    """The models of a name or glob; those of a name under their own settings, others by label."""
    if is_endpoint(ref.name):
        return _served(ref, stored)
    fitting = [model for each in stored if (model := _at(each, ref.revision)) is not None]
    if _WILD & set(ref.name) and not any(_is_called(model, ref.name) for model in fitting):
        wild = ref.name.casefold()
        return [m for m in fitting if any(fnmatchcase(name, wild) for name in names_of(m))]
    called = [model for model in fitting if _is_called(model, ref.name)]
    named = [model for model in called if ref.name.casefold() in names_of(model)]
    wanted = ref.name.casefold()
    plain = [m for m in named if m.settings_id is None or wanted == m.label.casefold()]
    return plain or named or called


def _served(ref: ModelRef, stored: Sequence[StoredModel]) -> list[StoredModel]:
    """The models of an endpoint; without an address, of any that has a model of this name."""
    wanted = endpoint_ref(ref)
    known = [model for model in stored if model.endpoint.get("model") == wanted.model]
    there = [m for m in known if wanted.url in (None, m.endpoint["url"])]
    # the dimensions and prompts of a run are no further models
    return [model for model in there if model.settings_id is None] or there


def _at(model: StoredModel, revision: str | None) -> StoredModel | None:
    """The model with its folders of a revision alone; None where it has none."""
    if revision is None:
        return model
    typed = revision.removeprefix("sha256-")
    there = [f for f in model.folders if f.revision.removeprefix("sha256-").startswith(typed)]
    return replace(model, folders=tuple(there)) if there else None


def names_of(model: StoredModel) -> list[str]:
    """What it is called now: its last label, short and full name."""
    labels = [folder.label for folder in model.folders if folder.label is not None]
    names = (model.label, *labels, model.name.rpartition("/")[2], model.name)
    return [name.casefold() for name in names]


def _is_called(model: StoredModel, name: str) -> bool:
    """By a name, or by a label that it ever had."""
    return name.casefold() in [*names_of(model), *map(str.casefold, model.labels)]
