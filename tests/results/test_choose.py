"""What `-m` means among what is on disk."""

from pathlib import Path

import pytest

from angle_bench.errors import UsageError
from angle_bench.results.choose import choose, models_of
from angle_bench.results.collect import ResultFolder


def folder(
    name: str,
    revision: str = "r",
    settings: str | None = None,
    own: bool = False,
    labels: tuple[str, ...] = (),
) -> ResultFolder:
    path = Path(name) / revision / (settings or "")
    return ResultFolder(name, revision, settings, path, frozenset({"STS12"}), own, labels)


FOLDERS = [
    folder("WhereIsAI/UAE-Large-V1", "369c"),
    folder("WhereIsAI/UAE-Large-V1", "external"),
    folder("WhereIsAI/UAE-Large-V1", "369c", own=True),
    folder("local/checkpoint-500", "sha256-aa", own=True, labels=("old", "ft-a")),
    folder("local/checkpoint-500", "sha256-bb", own=True, labels=("old", "ft-b")),
    folder("local/checkpoint-500", "sha256-bb", "settings_0a", own=True),
    folder("local/lr=1e-5", own=True),
    folder("org/mini", own=True, labels=("base", "mini")),
    folder("org/mini", "r", "settings_cl", own=True, labels=("cls",)),
]
MODELS = models_of(FOLDERS)


def chosen(*typed: str) -> list[tuple[str | None, list[list[str]]]]:
    return [
        (each.label, [[str(f.path) for f in model.folders] for model in each.models])
        for each in choose(MODELS, typed)
    ]


UAE = [["WhereIsAI/UAE-Large-V1/369c", "WhereIsAI/UAE-Large-V1/external"]]
OWN_UAE = [["WhereIsAI/UAE-Large-V1/369c"]]
A, B = [["local/checkpoint-500/sha256-aa"]], [["local/checkpoint-500/sha256-bb"]]
VARIANT = [["local/checkpoint-500/sha256-bb/settings_0a"]]
LR = [["local/lr=1e-5/r"]]
MINI, CLS = [["org/mini/r"]], [["org/mini/r/settings_cl"]]


def test_revisions_of_a_published_model_are_one_and_ours_are_not() -> None:
    assert chosen() == [(None, each) for each in (UAE, OWN_UAE, A, B, VARIANT, LR, MINI, CLS)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["uae-large-v1"], [(None, UAE), (None, OWN_UAE)]),
        (["WhereIsAI/*"], [(None, UAE), (None, OWN_UAE)]),
        (["ft-a"], [(None, A)]),
        (["ft-b, ft-a"], [(None, B), (None, A)]),
        (["ft-*", "ft-a"], [(None, A), (None, B)]),  # each once
        (["checkpoint-500@sha256-b"], [(None, B), (None, VARIANT)]),
        (["checkpoint-500@aa"], [(None, A)]),
        (["UAE-Large-V1@external"], [(None, [["WhereIsAI/UAE-Large-V1/external"]])]),
        (["base=ft-a"], [("base", A)]),
        (["recipe=ft-?"], [("recipe", A + B)]),
        (["recipe=*mini*"], [("recipe", MINI)]),  # other settings are no runs of a recipe
        (["x=cls"], [("x", CLS)]),
        (["recipe=ft-a,mini,recipe=ft-b"], [(None, MINI), ("recipe", A + B)]),
        (["lr=1e-5"], [(None, LR)]),
        (["x=lr=1e-5"], [("x", LR)]),
        (["mini"], [(None, MINI)]),  # another setting goes by its label
        (["mini", "cls"], [(None, MINI), (None, CLS)]),
        (["org/mini*"], [(None, MINI), (None, CLS)]),
        (["base"], [("base", MINI)]),  # a label of before
        (["old"], [(None, A), (None, B)]),
    ],
)
def test_names_labels_globs_and_revisions(
    typed: list[str], expected: list[tuple[str | None, list[list[str]]]]
) -> None:
    assert chosen(*typed) == expected


@pytest.mark.parametrize("word", ["UAE-Large-V2", "UAE-Large", "x=UAE-Large-V2"])
def test_an_unknown_name_is_answered_with_the_nearest(word: str) -> None:
    with pytest.raises(UsageError, match=r"Did you mean .*UAE-Large-V1"):
        chosen(word)


@pytest.mark.parametrize("word", ["nothing-*", "zzz", "UAE-Large-V1@ffff"])
def test_what_fits_nothing_is_an_error(word: str) -> None:
    with pytest.raises(UsageError, match="no model here fits"):
        chosen(word)
