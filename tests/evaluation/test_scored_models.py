"""What a word means among what is on disk, in `compare` and in `leaderboard`."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.errors import ResultsError, UsageError
from angle_bench.evaluation.scored.scored_models import find_rows, find_scored
from angle_bench.evaluation.scored.stored_refs import with_stored
from angle_bench.results.find.collect import ResultFolder
from angle_bench.results.find.selected_models import every_model, models_of
from angle_bench.results.find.stored_models import StoredModel


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
STORED = [StoredModel.of(model) for model in MODELS]
ACCESS = LoadOptions.of(None, None, False, False)

Said = list[tuple[str | None, list[list[str]]]]


def paths(folders: Sequence[ResultFolder]) -> list[str]:
    return [str(folder.path) for folder in folders]


def chosen(*typed: str) -> Said:
    return [
        (each.label, [paths(model.folders) for model in each.models])
        for each in find_rows(typed, STORED, ACCESS, "STS", [])
    ]


def compared(*words: str) -> Said:
    found = find_scored(words, STORED, ACCESS, "STS", [])
    assert found.errors == []
    return [(each.label, [paths(one.folders) for one in each.models]) for each in found.groups]


UAE = [["WhereIsAI/UAE-Large-V1/369c", "WhereIsAI/UAE-Large-V1/external"]]
OWN_UAE = [["WhereIsAI/UAE-Large-V1/369c"]]
A, B = [["local/checkpoint-500/sha256-aa"]], [["local/checkpoint-500/sha256-bb"]]
VARIANT = [["local/checkpoint-500/sha256-bb/settings_0a"]]
LR = [["local/lr=1e-5/r"]]
MINI, CLS = [["org/mini/r"]], [["org/mini/r/settings_cl"]]


def test_revisions_of_a_published_model_are_one_and_ours_are_not() -> None:
    found = [[paths(model.folders) for model in each.models] for each in every_model(MODELS)]
    assert found == [UAE, OWN_UAE, A, B, VARIANT, LR, MINI, CLS]


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
        (["mini,recipe=ft-a,ft-b"], [(None, MINI), ("recipe", A + B)]),
        (["recipe=ft-a,ft-b", "mini"], [("recipe", A + B), (None, MINI)]),
        (["recipe=ft-a,recipe=ft-b,x=mini"], [("recipe", A + B), ("x", MINI)]),
        (["recipe=ft-a", "mini", "recipe=ft-b"], [("recipe", A + B), (None, MINI)]),
        (["recipe=lr=1e-5,ft-a"], [("recipe", LR + A)]),
        (["lr=1e-5,ft-a"], [(None, LR), (None, A)]),
        (["lr=1e-5"], [(None, LR)]),
        (["x=lr=1e-5"], [("x", LR)]),
        (["../x=ft-a,<b>=ft-b"], [("../x", A), ("<b>", B)]),
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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mini", "ft-a"], [("mini", MINI), ("ft-a", A)]),
        (["mini", "recipe=ft-a,ft-b"], [("mini", MINI), ("recipe", A + B)]),
        (["mini", "recipe=ft-a", "recipe=ft-b"], [("mini", MINI), ("recipe", A + B)]),
        (["mini", "recipe=ft-?"], [("mini", MINI), ("recipe", A + B)]),
        (["mini", "ft-*"], [("mini", MINI), ("ft-a", A), ("ft-b", B)]),
        (["ft-a", "ft-*"], [("ft-a", A), ("ft-b", B)]),  # each once
        (["m?ni", "x=lr=1e-5,ft-a"], [("mini", MINI), ("x", LR + A)]),
        (["mini", "x=cls", "lr=1e-5"], [("mini", MINI), ("x", CLS), ("lr=1e-5", LR)]),
    ],
)
def test_words_of_compare(words: list[str], expected: Said) -> None:
    assert compared(*words) == expected


@pytest.mark.parametrize(
    "recipe", ["x=ft-a,ft-b", "x=ft-?", "x=ft-a,x=ft-b", "x=*", "x=lr=1e-5,mini", "x=cls"]
)
def test_a_recipe_is_the_same_in_both(recipe: str) -> None:
    assert compared(recipe) == chosen(recipe)


@pytest.mark.parametrize("word", ["old", "x=old", "x=ft-a,old"])
def test_a_word_that_has_to_be_one_model_is_not_several(word: str) -> None:
    with pytest.raises(UsageError, match="old means 2 models"):
        compared("mini", word)


def test_a_base_is_one_model() -> None:
    with pytest.raises(UsageError, match=r"ft-\* means 2 models"):
        compared("ft-*", "mini")


@pytest.mark.parametrize("word", [",", "", " , "])
def test_a_word_without_a_name_is_refused(word: str) -> None:
    for read in (chosen, compared):
        with pytest.raises(UsageError, match="names no model"):
            read(word)


def test_a_copied_seed_counts_once_and_is_named(tmp_path: Path) -> None:
    folders = [
        folder(name, revision, own=True, labels=(name.rpartition("/")[2],))
        for name, revision in (
            ("local/s1", "sha256-aa"),
            ("local/s2", "sha256-bb"),
            ("local/copy", "sha256-aa"),
            ("acme/s3", "0123abcd"),
            ("acme/s4", "0123abcd"),  # a commit says nothing of another repository's
        )
    ]
    stored = [StoredModel.of(model) for model in models_of(folders)]
    for word in ("ft=s1,s2,copy,s3,s4", "ft=*"):
        warnings: list[str] = []
        (group,) = find_scored([word], stored, ACCESS, "STS", warnings).groups
        (row,) = find_rows([word], stored, ACCESS, "STS", warnings)
        assert [model.folders for model in group.models] == [m.folders for m in row.models]
        assert [model.label for model in group.models] == ["s1", "s2", "s3", "s4"]
        line = "copy and s1 of ft are the same checkpoint (aa); it counts once"
        assert warnings == [line, line]


@pytest.mark.parametrize("word", ["UAE-Large-V2", "UAE-Large", "x=UAE-Large-V2"])
def test_an_unknown_name_is_answered_with_the_nearest(word: str) -> None:
    with pytest.raises(UsageError, match=r"Did you mean .*UAE-Large-V1"):
        chosen(word)


@pytest.mark.parametrize("word", ["nothing-*", "zzz", "UAE-Large-V1@ffff"])
def test_what_fits_nothing_is_an_error(word: str) -> None:
    with pytest.raises((UsageError, ResultsError), match="no model with scores is called"):
        chosen(word)


# `run`: checkpoints whose scores are stored


def runs(*words: str) -> list[tuple[str, str | None, str | None]]:
    found = with_stored(words, lambda: STORED, ACCESS)
    return [(ref.name, ref.label, ref.revision) for ref in found]


def test_what_names_a_checkpoint_needs_nothing_stored() -> None:
    def never() -> list[StoredModel]:
        raise AssertionError("the results were read")

    words = ["all-MiniLM-L6-v2", "x=UAE-Large-V1@abc", "acme/tiny", "./ckpt", "a/b/c", "spec.toml"]
    assert with_stored(words, never, ACCESS) == [ModelRef.parse(word) for word in words]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mini"], [("org/mini", None, None)]),
        (["MINI"], [("org/mini", None, None)]),
        (["mi*"], [("org/mini", None, None)]),
        (["tuned=base"], [("org/mini", "tuned", None)]),
        (
            ["ft=all-MiniLM-L6-v2,mini"],
            [("all-MiniLM-L6-v2", None, None), ("org/mini", None, None)],
        ),
        (["mini", "base,acme/x"], [("org/mini", None, None), ("acme/x", None, None)]),
        (["uae-large-v1,mini"], [("uae-large-v1", None, None), ("org/mini", None, None)]),
    ],
)
def test_stored_names_mean_their_checkpoints(
    words: list[str], expected: list[tuple[str, str | None, str | None]]
) -> None:
    assert runs(*words) == expected


def test_names_that_mean_nothing_that_can_be_run() -> None:
    with pytest.raises(UsageError, match=r"no model is called minny\. Did you mean mini"):
        runs("minny")
    with pytest.raises(UsageError, match="no model is called ft-x"):
        runs("ft-x*")
    with pytest.raises(UsageError, match="scored under settings that its name does not say") as e:
        runs("cls")
    assert e.value.fix.startswith("angle-bench run -m ")
    assert with_stored(["cls"], lambda: STORED, ACCESS, changed=True) == [
        ModelRef("org/mini", None, None)
    ]


def test_a_label_that_two_checkpoints_had_means_neither() -> None:
    def scored(place: str, revision: str) -> StoredModel:
        there = folder("local/best", revision, own=True, labels=("ft",))
        return StoredModel((there,), {"name": "local/best", "folder": place})

    two = [scored("/out/1/best", "sha256-aa"), scored("/out/2/best", "sha256-bb")]
    with pytest.raises(UsageError, match="ft means 2 models with scores"):
        with_stored(["ft"], lambda: two, ACCESS)
    # one checkpoint before and after it was trained on is its folder
    again = [two[0], scored("/out/1/best", "sha256-cc")]
    assert [ref.name for ref in with_stored(["ft"], lambda: again, ACCESS)] == ["/out/1/best"]
