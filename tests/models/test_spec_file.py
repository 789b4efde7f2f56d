"""Checkpoints in TOML: what is inherited, where files are found, what is refused, with its line."""

import tomllib
from pathlib import Path

import pytest

from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.registry.registry import find, registry, users_entries
from angle_bench.checkpoints.registry.toml_rows import read_entries, with_spec
from angle_bench.checkpoints.resolve import resolve
from angle_bench.errors import UsageError
from angle_bench.files.toml import FILE_NAME
from tests.checkpoints import build_lora, build_tiny


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return folder


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / FILE_NAME
    place.write_text(text)
    return place


def test_a_row_of_a_folder(project: Path) -> None:
    build_tiny(project / "ckpt", "bert")
    write(project, '[[model]]\nname = "mine"\npath = "ckpt"\npooling = "mean"\n')
    by_name, by_path = resolve("mine"), resolve("./ckpt")
    assert by_name == by_path
    assert (by_name.label, by_name.name) == ("mine", "local/ckpt")
    assert by_name.required_settings().pooling == "mean"
    assert (by_name.settings_id, by_name.note) == (None, None)
    assert by_name.required_settings().max_length == 64  # the folder's own


def test_rows_inherit(project: Path) -> None:
    build_tiny(project / "ckpt", "llama")
    build_lora(project / "lora", project / "ckpt")
    write(
        project,
        """
[[model]]
name = "tuned"
extends = "angle-llama-7b-nli-v2"
path = "lora"
base = "ckpt"
max_length = 45

[[model]]
name = "tuned-b"
extends = "tuned"
dtype = "float32"
""",
    )
    spec = resolve("tuned-b")
    used = spec.required_settings()
    assert (used.pooling, used.max_length, used.dtype) == ("last", 45, "float32")
    assert used.prepare_sentence
    assert used.prompts.default.startswith("Summarize sentence")
    assert (spec.base, spec.name) == (str(project / "ckpt"), "local/lora")
    assert resolve("tuned").required_settings().dtype == "float16"
    heir = find("tuned")
    assert heir is not None
    assert heir.published == ()  # other weights: their scores are not its own


def test_other_settings_of_a_known_checkpoint_are_an_experiment(project: Path) -> None:
    write(
        project,
        '[[model]]\nname = "uae-mean"\nextends = "UAE-Large-V1"\npooling = "mean"\n',
    )
    uae, mean = resolve("UAE-Large-V1"), resolve("uae-mean")
    assert (mean.name, mean.revision, mean.label) == (uae.name, uae.revision, "uae-mean")
    assert uae.settings_id is None
    assert mean.settings_id is not None
    assert find("uae-mean").published == find("UAE-Large-V1").published  # type: ignore[union-attr]


def test_the_nearest_file_wins(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = '[[model]]\nname = "{}"\nextends = "UAE-Large-V1"\nmax_length = {}\n'
    write(project, row.format("a", 100))
    write(tmp_path / "config/angle-bench", row.format("a", 200) + row.format("b", 300))
    below = project / "deep/er"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    lengths = {entry.name: entry.max_length for entry in users_entries()}
    assert lengths == {"a": 100, "b": 300}
    assert find("A").max_length == 100  # type: ignore[union-attr]


def test_a_file_of_one_row_after_m(project: Path) -> None:
    build_tiny(project / "specs/ckpt", "bert")
    place = project / "specs/one.toml"
    place.write_text('[[model]]\nname = "one"\npath = "ckpt"\npooling = 2\n')
    assert resolve("specs/one.toml").required_settings().pooling == 2
    assert resolve("x=specs/one.toml").label == "x"
    with pytest.raises(UsageError, match="there is no file"):
        resolve("specs/two.toml")


def test_what_is_typed_can_be_saved(project: Path) -> None:
    base = build_tiny(project / "base", "llama")
    build_lora(project / "llama-nli", base)
    typed = Overrides(pooling="last", prompt="A", max_length=45)
    spec = resolve("nli=./llama-nli", typed)
    place = project / FILE_NAME
    place.write_text(with_spec(place, spec, registry()))
    again = resolve("nli")
    assert again.required_settings() == spec.required_settings()
    assert (again.base, again.revision) == (spec.base, spec.revision)
    assert again.settings_id is None
    assert resolve("./llama-nli") == again
    other = resolve("b=./llama-nli", Overrides(prompt='say "{text}"'))
    place.write_text(with_spec(place, other, registry()))
    assert [row["name"] for row in tomllib.loads(place.read_text())["model"]] == ["nli", "b"]
    assert resolve("b").required_settings().prompts.default == 'say "{text}"'
    with pytest.raises(UsageError, match="name of another checkpoint"):
        with_spec(place, spec, registry())
    with pytest.raises(UsageError, match="name of another checkpoint"):
        with_spec(place, resolve("UAE-Large-V1"), registry())


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (
            '[[model]]\nname = "a"\npoling = "cls"\n',
            3,
            "there is no key poling (did you mean pooling",
        ),
        ('[[model]]\nname = "a"\nextend = "b"\n', 3, "did you mean extends"),
        ('[[model]]\nname = "a"\n\n[[model]]\nname = "b"\nmaxlength = 3\n', 6, "max_length"),
        ('[[model]]\nname = "a"\n[model.prompt]\ndefault = ""\n', 3, "did you mean prompts"),
        ('[[model]]\nname = "a"\n[model.prompts]\ndefalt = ""\n', 4, "did you mean default"),
        ('[[model]]\nname = "a"\npooling = "avrage"\n', 3, "pooling"),
        ('[[model]]\nname = "a"\nmax_length = "long"\n', 3, "max_length"),
        ('[[model]]\nname = "a"\n[model.prompts]\ndefault = "{txt}"\n', 3, "exactly once"),
        ('[[model]]\nname = "a"\n[model.prompts]\ndefault = "{text}{text}"\n', 3, "exactly once"),
        ('# none\n[[model]]\npooling = "cls"\n', 2, "has no name"),
        ('[[model]]\nname = "a"\nextends = "UAE-Larg-V1"\n', 3, "did you mean"),
        ('[[model]]\nname = "a"\nextends = "a"\n', 3, "extends itself"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(project: Path, text: str, line: int, what: str) -> None:
    place = write(project, text)
    with pytest.raises(UsageError) as caught:
        read_entries(place, registry())
    assert f"{place}:{line}: " in caught.value.what
    assert what in caught.value.what


def test_a_ring_of_rows_is_refused(project: Path) -> None:
    rows = '[[model]]\nname = "{}"\nextends = "{}"\n'
    place = write(project, rows.format("a", "b") + rows.format("b", "c") + rows.format("c", "a"))
    with pytest.raises(UsageError, match="extends itself"):
        read_entries(place, registry())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[[model]\n", "is no TOML"),
        ("[models]\n", "has models"),
        ('model = "a"\n', "a model that is no table"),
    ],
)
def test_what_is_no_list_of_models(project: Path, text: str, what: str) -> None:
    place = write(project, text)
    with pytest.raises(UsageError, match=what):
        read_entries(place, registry())


def test_an_unknown_name_is_compared_with_own_names(project: Path) -> None:
    write(project, '[[model]]\nname = "my-finetune"\nextends = "UAE-Large-V1"\n')
    with pytest.raises(UsageError, match="my-finetune"):
        resolve("my-finetun")
