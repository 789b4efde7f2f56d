"""Recipes: TOML with lines in its errors, names, --set, the ready ones, angle-trainer's flags."""

import re
import tomllib
from pathlib import Path

import pytest

from angle_bench.errors import UsageError
from angle_bench.training.recipe.read_recipe import read_recipe, recipe_names
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.to_toml import line_of, recipe_toml

ROOT = Path(__file__).resolve().parents[2]
LEAST = '[model]\nname = "m"\n[[data.train]]\npath = "a.csv"\n'


def put(folder: Path, text: str) -> str:
    place = folder / "r.toml"
    place.write_text(text)
    return str(place)


@pytest.mark.parametrize("name", recipe_names())
def test_every_ready_recipe_is_valid_and_says_what_it_is(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.description
    assert Recipe.model_validate(tomllib.loads(recipe_toml(recipe))) == recipe


def test_the_ready_recipes_are_there() -> None:
    assert {"nli-bert", "sts-b", "nli-billm", "ese-uae", "zh-pawsx"} <= set(recipe_names())


def test_published_figures() -> None:
    bert = read_recipe("nli-bert")
    assert (bert.loss.ibn_w, bert.train.learning_rate, bert.train.accumulation) == (30, 5e-5, 16)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    assert read_recipe(put(tmp_path, LEAST)).data.train[0].path == str(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            LEAST + "[train]\nbatchsize = 3\n",
            r"r.toml:6: .* train.batchsize .did you mean batch_size",
        ),
        (LEAST + "pth = 1\n", r"r.toml:5: there is no key data.train.0.pth .did you mean path"),
        ("[[data.train]]\npath = 'a'\n", "the recipe has no model"),
        (LEAST + "[loss]\nw = 1\n", r"r.toml:6: there is no key loss.w"),
        (LEAST + "hub = 'x'\n", r"r.toml:3: data.train.0: a source has either"),
        (LEAST + "columns = { a = 'text3' }\n", "text3"),
        (LEAST + "weight = 1\n[[data.train]]\npath = 'b'\n", "either every"),
        (LEAST + "[data]\nstreaming = true\n", "max_steps is needed"),
        (
            LEAST + "[data]\nstreaming = true\ndrop_duplicates = true\n[train]\nmax_steps = 3\n",
            "all rows",
        ),
        ("[model\n", "is no TOML"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_recipe(put(tmp_path, text))


def test_a_misspelt_name_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean sts-b"):
        read_recipe("stsb")


def test_set_makes_sections_and_types_values(tmp_path: Path) -> None:
    place = put(tmp_path, LEAST)
    changes = ["lora.r=16", 'lora.targets=["q_proj"]', "model.pooling=last", "data.train.0.limit=5"]
    recipe = read_recipe(place, changes)
    assert recipe.lora is not None
    assert (recipe.lora.r, recipe.lora.targets) == (16, ("q_proj",))
    assert (recipe.model.pooling, recipe.data.train[0].limit) == ("last", 5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("lora.rr=1", "Did you mean lora.r"),
        ("lora.r=0", "--set: lora.r: input should be greater"),
        ("lora.r", "no KEY=VALUE"),
        ("lora.targets=[1", "no value of TOML"),
        ("data.train.7.limit=1", "there is no 7"),
        ("train.seed=abc", "valid integer"),
    ],
)
def test_set_refuses(tmp_path: Path, change: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        read_recipe(put(tmp_path, LEAST), [change])


def test_the_line_of_a_nested_table() -> None:
    text = "[[data.train]]\npath = 1\n[data.train.columns]\na = 'b'\n"
    assert line_of(text, ("data", "train", 0, "columns", "a")) == 4


def _flags() -> list[tuple[str, str, str]]:
    """Flag, setting and value of each row of the guide that has a setting."""
    page = (ROOT / "docs/guide/from-angle-emb.md").read_text(encoding="utf-8")
    return re.findall(r"^\| (\w+) \| `([\w.]+)=(.+?)` \|", page, re.MULTILINE)


def test_most_flags_have_a_setting() -> None:
    assert len(_flags()) > 50


@pytest.mark.parametrize("row", _flags(), ids=lambda row: row[0])
def test_a_mapped_flag_sets_its_setting(tmp_path: Path, row: tuple[str, str, str]) -> None:
    _, setting, example = row
    changes = [f"{setting}={example}"]
    text = (
        LEAST.replace('path = "a.csv"\n', "") if setting.startswith("data.train.0.hub") else LEAST
    )
    if ".config" in setting:
        text = LEAST.replace("path", "hub")
    changes += ["teacher.model=self"] if setting == "teacher.pooling" else []
    changes += ["train.max_steps=9"] if setting == "data.streaming" else []
    dumped = read_recipe(put(tmp_path, text), changes).model_dump(mode="json")
    at = dumped
    for key in setting.split("."):
        at = at[int(key)] if key.isdecimal() else at[key]
    assert at == tomllib.loads(f"v = {example}")["v"]


@pytest.mark.parametrize(
    "change",
    [
        "train.learning_rate=inf",
        "train.learning_rate=nan",
        "train.epochs=inf",
        "train.epochs=1e300",
        "train.warmup=inf",
        "train.weight_decay=inf",
        "train.max_grad_norm=nan",
        "train.max_steps=99999999999999999999",
        "train.batch_size=9223372036854775808",
        "train.chunk_tokens=9223372036854775808",
        "train.seed=9223372036854775808",
        "lora.alpha=inf",
        "loss.ibn_w=inf",
        "data.train=[{path='x.csv', label_range=[0, inf]}]",
        "data.train=[{path='x.csv', weight=inf}]",
    ],
)
def test_every_number_is_finite_and_within_its_meaning(tmp_path: Path, change: str) -> None:
    place = tmp_path / "own.toml"
    place.write_text('[model]\nname = "x"\n[[data.train]]\npath = "x.csv"\n')
    key = change.partition("=")[0].rpartition(".")[2].replace("train", "label_range")
    with pytest.raises(UsageError) as refused:
        read_recipe(str(place), [change])
    assert key in refused.value.what or "weight" in refused.value.what


def test_one_teacher_is_written_as_ever_and_several_as_a_list(tmp_path: Path) -> None:
    one = read_recipe(put(tmp_path, LEAST + "[teacher]\nmodel = 'self'\n"))
    written = '[teacher]\nmodel = "self"\ntokens = "pooled"\nweight = 1.0\ntemperature = 1.0\n'
    assert written in recipe_toml(one)
    assert list(one.teachers) == ["teacher"]
    several = LEAST + "[[teacher]]\nmodel = 'self'\n[[teacher]]\nmodel = 'x'\n"
    two = read_recipe(put(tmp_path, several), ["teacher.1.compare=similarities"])
    assert [each.compare for each in two.teachers.values()] == ["vectors", "similarities"]
    for recipe in (one, two):
        assert read_recipe(put(tmp_path, recipe_toml(recipe))) == recipe
        assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
    set_alone = ["teacher.0.model=self", "teacher.1.model=x", "teacher.1.compare=similarities"]
    assert read_recipe(put(tmp_path, LEAST), set_alone) == two


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[teacher]\nmodel = 'x'\nwight = 1\n", r"r.toml:7: .* teacher.wight .did you mean weight"),
        (
            "[[teacher]]\nmodel = 'x'\n[[teacher]]\nmodel = 'y'\nwight = 1\n",
            r"r.toml:9: .* teacher.1.wight .did you mean weight",
        ),
        ("[[teacher]]\nmodel = 'x'\n[[teacher]]\nweight = 1\n", r"r.toml:7: .* no teacher.1.model"),
        ("[teacher]\nweight = 1\n", "the recipe has no teacher.model"),
        ("[loss]\nibn_guide = 'teacher'\nibn_margin = 0\n", "needs a .teacher."),
    ],
)
def test_what_is_wrong_with_a_teacher_is_said_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read_recipe(put(tmp_path, LEAST + text))
