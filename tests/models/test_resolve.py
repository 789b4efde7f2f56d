"""From what is typed after -m to a ModelSpec: references, overrides, labels, misspelt names."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.checkpoints.resolve import resolve, resolve_all
from angle_bench.errors import AngleBenchError, ModelError, UsageError

UAE = "369c368f70f16a613f19f5598d4f12d9f44235d4"
MINILM = "8b3219a92973c328a8e22fadcfa821b5dc75636a"

Copy = Callable[[str], Path]


@pytest.fixture
def copy(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """Makes copies of the tiny checkpoint under a path of the working folder."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return lambda path: Path(shutil.copytree(tiny_bert, work / path))


@pytest.mark.parametrize(
    ("folder", "text", "expected"),
    [
        (None, "UAE-Large-V1", ModelRef("UAE-Large-V1")),
        (None, "base=UAE-Large-V1", ModelRef("UAE-Large-V1", label="base")),
        (None, "org/name@abc", ModelRef("org/name", revision="abc")),
        (None, "base=org/name@abc", ModelRef("org/name", label="base", revision="abc")),
        (None, "org/name@refs/pr/1", ModelRef("org/name", revision="refs/pr/1")),
        (None, "my model=name", ModelRef("name", label="my model")),
        (None, "base=./lr=1", ModelRef("./lr=1", label="base")),
        (None, "./lr=1", ModelRef("./lr=1")),
        ("lr=1e-5", "lr=1e-5", ModelRef("lr=1e-5")),
        ("lr=1e-5", "fast=lr=1e-5", ModelRef("lr=1e-5", label="fast")),
        ("lr=1e-5", "lr=1e-5/", ModelRef("lr=1e-5/")),
        ("step@100", "step@100", ModelRef("step@100")),
        ("step@100", "late=step@100", ModelRef("step@100", label="late")),
        ("runs/lr=1@2", "./runs/lr=1@2", ModelRef("./runs/lr=1@2")),
        ("runs/lr=1@2", "a=runs/lr=1@2", ModelRef("runs/lr=1@2", label="a")),
        ("a", "a@2", ModelRef("a", revision="2")),
    ],
)
def test_a_reference_is_taken_apart(
    folder: str | None,
    text: str,
    expected: ModelRef,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if folder is not None:
        (tmp_path / folder).mkdir(parents=True)
    assert ModelRef.parse(text) == expected


@pytest.mark.parametrize(
    "name", ["UAE-Large-V1", "uae-large-v1", "WhereIsAI/UAE-Large-V1", "WHEREISAI/UAE-LARGE-V1"]
)
def test_registry_names_short_or_full_in_any_case(name: str) -> None:
    spec = resolve(name)
    assert (spec.name, spec.label) == ("WhereIsAI/UAE-Large-V1", "UAE-Large-V1")
    assert (spec.revision, spec.settings_id, spec.note) == (UAE, None, None)


def test_a_typed_revision_and_label_win() -> None:
    spec = resolve(f"old=UAE-Large-V1@{'a' * 40}")
    assert (spec.label, spec.revision, spec.folder) == ("old", "a" * 40, None)


def test_minilm_of_the_package_has_its_commit(minilm: Path) -> None:
    spec = resolve("all-MiniLM-L6-v2")
    assert (spec.revision, spec.folder) == (MINILM, minilm)


def test_a_folder_has_its_name_and_its_content_as_revision(copy: Copy) -> None:
    folder = copy("mine")
    spec = resolve("./mine")
    assert (spec.name, spec.label, spec.folder) == ("local/mine", "mine", folder)
    assert spec.revision == f"sha256-{content_hash(folder)[:16]}"
    assert resolve("mine") == resolve(str(folder)) == resolve("mine/") == spec

    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert resolve("mine").revision != spec.revision


def test_the_registry_wins_over_a_folder_of_that_name_and_says_so(copy: Copy) -> None:
    copy("UAE-Large-V1")
    spec = resolve("UAE-Large-V1")
    assert (spec.name, spec.revision) == ("WhereIsAI/UAE-Large-V1", UAE)
    assert spec.note is not None
    assert "-m ./UAE-Large-V1" in spec.note
    assert resolve("./UAE-Large-V1").name == "local/UAE-Large-V1"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("UAE-Large-V2", "WhereIsAI/UAE-Large-V1"),
        ("uae-large", "WhereIsAI/UAE-Large-V1"),
        ("all-MiniLM-L6-v3", "sentence-transformers/all-MiniLM-L6-v2"),
        ("intfloat/e5-base-v3", "intfloat/e5-base-v2"),
        ("infloat/e5-base-v2", "intfloat/e5-base-v2"),
    ],
)
def test_a_misspelt_name_gets_did_you_mean(typed: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(typed)
    assert typed in caught.value.what
    assert f"Did you mean {meant}" in caught.value.what
    assert caught.value.fix.partition(",")[0] == f"-m {meant}"


def test_a_name_like_no_other_gets_no_guess() -> None:
    with pytest.raises(UsageError, match="nothing is close") as caught:
        resolve("zzzzqqq")
    assert caught.value.fix


def test_a_misspelt_path_gets_its_neighbour(copy: Copy) -> None:
    copy("runs/checkpoint")
    with pytest.raises(UsageError, match=r"Did you mean runs/checkpoint\?"):
        resolve("./runs/chekpoint")


@pytest.mark.parametrize("typed", ["runs/mien", "run/mine", "rusn/mien", "mine"])
def test_a_misspelt_path_without_a_dot_may_be_a_folder_too(
    typed: str, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    copy("runs/mine")
    with pytest.raises(UsageError, match=r"Did you mean runs/mine[ ?,]") as caught:
        resolve(typed)
    assert caught.value.fix == "-m runs/mine"


def test_two_slashes_are_a_path(copy: Copy) -> None:
    copy("runs/a/mine")
    with pytest.raises(UsageError, match=r"there is no folder runs/a/mien. Did you mean runs/a/"):
        resolve("runs/a/mien")


def test_a_folder_of_checkpoints_names_them(copy: Copy) -> None:
    for name in ("a", "b"):
        copy(f"runs/{name}")
    with pytest.raises(ModelError, match=r"no config.json.*, but holds a, b") as caught:
        resolve("runs")
    assert caught.value.fix.endswith("runs/a")


def test_a_home_that_does_not_exist_is_a_missing_folder() -> None:
    with pytest.raises(AngleBenchError):
        resolve("~no-such-user/checkpoint")


def test_a_folder_takes_no_revision(copy: Copy) -> None:
    copy("mine")
    with pytest.raises(UsageError, match="its content is its revision"):
        resolve("./mine@main")


def test_a_name_of_mtebs_is_left_to_mteb() -> None:
    spec = resolve("e5=INTFLOAT/e5-base-v2")
    assert (spec.name, spec.label, spec.loader) == ("intfloat/e5-base-v2", "e5", "mteb")
    assert (spec.settings, spec.settings_id) == (None, None)
    assert len(spec.revision) == 40
    assert resolve("intfloat/e5-base-v2@abc").revision == "abc"


@pytest.mark.parametrize(
    "overrides",
    [Overrides(pooling="mean"), Overrides(max_length=32), Overrides(dtype="bfloat16")],
)
def test_overrides_make_another_identity(overrides: Overrides, copy: Copy) -> None:
    copy("mine")
    for name in ("UAE-Large-V1", "./mine"):
        spec = resolve(name, overrides)
        assert spec.settings_id == spec.required_settings().digest()
        assert spec.revision == resolve(name).revision
        assert spec.defaults == resolve(name).settings


@pytest.mark.parametrize(
    "overrides",
    [
        Overrides(),
        Overrides(pooling="avg"),
        Overrides(pooling="mean", max_length=256, dtype="float32"),
    ],
)
def test_overrides_equal_to_the_defaults_do_not(overrides: Overrides) -> None:
    spec = resolve("all-MiniLM-L6-v2", overrides)
    assert spec.settings == spec.defaults
    assert spec.settings_id is None


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (Overrides(pooling="foo"), "--pooling foo"),
        (Overrides(max_length=0), "--max-length 0"),
        (Overrides(max_length=-5), "--max-length -5"),
        (Overrides(dtype="int4"), "--dtype int4"),
    ],
)
def test_impossible_overrides_are_refused(overrides: Overrides, named: str, copy: Copy) -> None:
    copy("mine")
    for name in ("UAE-Large-V1", "./mine"):
        with pytest.raises(UsageError) as caught:
            resolve(name, overrides)
        assert named in caught.value.what
        assert caught.value.fix


def test_overrides_of_a_model_that_mteb_prompts_by_code_are_refused() -> None:
    """Others are computed here with them (tests/cli/test_run_hub.py)."""
    with pytest.raises(UsageError, match="--pooling or --max-length cannot change them"):
        resolve("nomic-ai/nomic-embed-text-v1.5", Overrides(pooling="mean", max_length=64))


def labels(*texts: str) -> list[str]:
    return [spec.label for spec in resolve_all(list(texts))]


def test_the_same_checkpoint_twice_is_one(copy: Copy) -> None:
    copy("mine")
    assert labels("UAE-Large-V1", "whereisai/uae-large-v1") == ["UAE-Large-V1"]
    assert labels("./mine", "mine/", "UAE-Large-V1", "again=mine") == ["mine", "UAE-Large-V1"]


def test_the_same_name_at_two_revisions_is_two(copy: Copy) -> None:
    assert labels("UAE-Large-V1", f"old=UAE-Large-V1@{'a' * 40}") == ["UAE-Large-V1", "old"]
    with pytest.raises(UsageError, match="2 models would be shown as UAE-Large-V1"):
        labels("UAE-Large-V1", f"UAE-Large-V1@{'a' * 40}")


def test_folders_of_one_name_are_told_apart_by_their_parents(copy: Copy) -> None:
    for path in ("a/last", "b/last", "c/best"):
        copy(path)
    assert labels("a/last", "b/last", "c/best") == ["a/last", "b/last", "best"]


def test_folders_that_their_parents_do_not_tell_apart_need_labels(copy: Copy) -> None:
    copy("x/a/last")
    copy("y/a/last")
    with pytest.raises(UsageError, match="2 models would be shown as a/last"):
        labels("x/a/last", "y/a/last")
    assert labels("x/a/last", "y=y/a/last") == ["last", "y"]


@pytest.mark.parametrize("other", ["b/last", "UAE-Large-V1"])
def test_one_given_label_for_two_models_is_refused(other: str, copy: Copy) -> None:
    copy("a/last")
    copy("b/last")
    with pytest.raises(UsageError, match="2 models would be shown as mine"):
        labels("mine=a/last", f"mine={other}")


def test_a_given_label_is_never_replaced(copy: Copy) -> None:
    copy("a/last")
    copy("b/last")
    assert labels("last=a/last", "b/last") == ["last", "b/last"]


def test_a_folder_that_is_no_checkpoint_is_not_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a user's data may lie in it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.bin").write_bytes(b"much")
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match=r"no config\.json"):
        resolve(str(tmp_path))
    assert not (tmp_path / "cache").exists(), "hashes of its files were kept"
