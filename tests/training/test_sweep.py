"""Sweeps: lists become a grid, folders get names, parts and seeds are dealt out."""

from pathlib import Path

import pytest

from angle_bench.errors import DataError, UsageError
from angle_bench.sweeps.state import failure_of, forget_failure, note_failure, state_of
from angle_bench.sweeps.sweep_grid import Sweep, dealt, read_sweep, trainings
from angle_bench.training.checkpoint.run_folder import SUMMARY, RunFolder

LEAST = '[model]\nname = "m"\n[[data.train]]\npath = "a.csv"\n'


def put(folder: Path, text: str) -> str:
    place = folder / "r.toml"
    place.write_text(LEAST + text)
    return str(place)


def names(sweep: Sweep) -> list[str]:
    return [cell.name for cell in sweep.cells]


def test_lists_are_multiplied_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "[train]\nlearning_rate = [2e-5, 5e-5]\n[loss]\nangle_w = [0, 0.02]\nibn_w = 3\n"
    found = read_sweep(put(tmp_path, text))
    assert found.keys == ("train.learning_rate", "loss.angle_w")
    assert names(found) == [
        "learning_rate=2e-05+angle_w=0",
        "learning_rate=2e-05+angle_w=0.02",
        "learning_rate=5e-05+angle_w=0",
        "learning_rate=5e-05+angle_w=0.02",
    ]
    last = found.cells[-1]
    assert (last.recipe.train.learning_rate, last.recipe.loss.angle_w) == (5e-5, 0.02)
    assert last.recipe.loss.ibn_w == 3
    assert last.settings == {"train.learning_rate": 5e-5, "loss.angle_w": 0.02}


def test_a_recipe_without_lists_is_one_cell_in_the_folder_itself(tmp_path: Path) -> None:
    found = read_sweep(put(tmp_path, '[lora]\ntargets = ["q_proj"]\n'))
    assert (found.keys, names(found)) == ((), [""])
    assert [each.folder for each in trainings(found, Path("out"))] == [Path("out")]
    assert [each.name for each in trainings(found, Path("out"), [3])] == ["seed-3"]


def test_a_list_by_nature_is_swept_by_a_list_of_lists(tmp_path: Path) -> None:
    text = '[lora]\nr = [8, 16]\ntargets = [["q_proj", "v_proj"], []]\n'
    found = read_sweep(put(tmp_path, text))
    assert found.keys == ("lora.r", "lora.targets")
    adapters = [cell.recipe.lora for cell in found.cells]
    assert [each.targets for each in adapters if each] == [("q_proj", "v_proj"), ()] * 2
    assert len(set(names(found))) == 4
    for plain in ('["layer.1"]', "[]"):
        kept = read_sweep(put(tmp_path, f"[lora]\ntargets = {plain}\n"))
        assert kept.keys == ()


def test_set_sweeps_and_a_single_value_does_no_more(tmp_path: Path) -> None:
    place = put(tmp_path, "[train]\nlearning_rate = [1e-5, 2e-5]\n")
    changes = ["train.learning_rate=3e-5", "model.pooling=['cls', 'mean', 0]", "lora.r=[4]"]
    found = read_sweep(place, changes)
    assert found.keys == ("model.pooling", "lora.r")
    assert names(found) == [f"pooling={pooling}+r=4" for pooling in ("cls", "mean", "0")]
    assert [cell.recipe.model.pooling for cell in found.cells] == ["cls", "mean", 0]
    assert {cell.recipe.train.learning_rate for cell in found.cells} == {3e-5}


def test_data_is_swept_and_its_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = 'limit = [5, 10]\n[[data.train]]\npath = ["b.csv", "c.csv"]\nlabel_range = [0, 5]\n'
    found = read_sweep(put(tmp_path, text))
    assert found.keys == ("data.train.0.limit", "data.train.1.path")
    sources = [cell.recipe.data.train for cell in found.cells]
    assert [one.limit for one, _ in sources] == [5, 5, 10, 10]
    assert [other.path for _, other in sources] == [
        str(tmp_path / "b.csv"),
        str(tmp_path / "c.csv"),
    ] * 2
    ranges = read_sweep(put(tmp_path, "label_range = [[0, 5], [1, 5]]\n"))
    assert [cell.recipe.data.train[0].label_range for cell in ranges.cells] == [(0, 5), (1, 5)]


def test_names_are_unique_and_safe_whatever_the_values(tmp_path: Path) -> None:
    text = (
        "[espresso]\ntemperature = [1, 2]\n[teacher]\nmodel = 'self'\ntemperature = [1, 1e30]\n"
        "[prompts]\ntext = ['a {text}', 'a/{text}', '../{text}', 'é {text}', 'x\" {text}']\n"
    )
    found = names(read_sweep(put(tmp_path, text)))
    assert len(set(found)) == 20
    assert found[0].startswith("espresso.temperature=1+teacher.temperature=1+text=a-text-")
    assert any("teacher.temperature=1e30+" in name for name in found)
    for name in found:
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789_.=+-"), name
    long = read_sweep(put(tmp_path, f"[prompts]\ntext = ['{'long ' * 60}{{text}}', '']\n"))
    assert all(len(name) < 200 for name in names(long))


def test_a_cell_keeps_its_name_when_others_join(tmp_path: Path) -> None:
    few = names(read_sweep(put(tmp_path, "[loss]\nibn_tau = [20.0, 30]\n")))
    more = names(read_sweep(put(tmp_path, "[loss]\nibn_tau = [10, 30.0, 20]\n")))
    assert few == ["ibn_tau=20", "ibn_tau=30"]
    assert set(few) < set(more)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[loss]\nangle_w = []\n", r"r.toml:6: loss.angle_w is an empty list"),
        ("[loss]\nangle_w = [0, 1, 0.0]\n", r"r.toml:6: loss.angle_w has 0 twice"),
        ("[train]\nbatch_size = [8, 0]\n", r"r.toml:6: train.batch_size: .*batch_size = 0\)"),
        ("[train]\nbatch_size = [8, 'x']\n", r'r.toml:6: train.batch_size: .*batch_size = "x"\)'),
        ("[lora]\ntargets = [['q'], ['q']]\n", r"r.toml:6: lora.targets has q twice"),
        ("[lora]\ntargets = [['q'], 'v']\n", r"r.toml:6: lora.targets.0: input should be a"),
        ("[train]\nseed = [1, 2]\n", r"r.toml:6: train.seed is a list.*--seeds"),
        ("[train]\nkeep = [1, 2]\n", r"r.toml:6: train.keep is a list, but changes no weight"),
        ("[select]\nsuite = ['STSB-dev', '']\n", r"r.toml:6: select.suite is a list"),
        ("[train]\nbatchsize = [3, 4]\n", r"r.toml:6: .*batchsize .did you mean batch_size"),
        ("[data]\nstreaming = [false, true]\n", r"max_steps is needed \(data.streaming = true\)"),
    ],
)
def test_what_cannot_be_swept_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"(?s){said}"):
        read_sweep(put(tmp_path, text))


def test_a_value_that_was_typed_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--set: lora.r: .*\(lora.r = 0\)"):
        read_sweep(put(tmp_path, ""), ["lora.r=[8, 0]"])
    with pytest.raises(UsageError, match=r"--set: lora.r has 8 twice"):
        read_sweep(put(tmp_path, ""), ["lora.r=[8, 8]"])


def test_parts_hold_every_training_once(tmp_path: Path) -> None:
    sweep = read_sweep(put(tmp_path, "[loss]\nangle_w = [0, 1, 2]\n"))
    every = trainings(sweep, Path("out"), [1, 2])
    assert [str(each.folder) for each in every[:3]] == [
        "out/angle_w=0/seed-1",
        "out/angle_w=0/seed-2",
        "out/angle_w=1/seed-1",
    ]
    assert [each.recipe.train.seed for each in every] == [1, 2] * 3
    parts = [dealt(every, f"{number}/4") for number in (1, 2, 3, 4)]
    assert sorted(each.name for part in parts for each in part) == sorted(e.name for e in every)
    assert [len(part) for part in parts] == [2, 2, 1, 1]
    assert dealt(every, "7/8") == []


def test_how_far_a_training_is_stands_in_its_folder(tmp_path: Path) -> None:
    sweep = read_sweep(put(tmp_path, "[loss]\nangle_w = [0, 1]\n"))
    one, other = trainings(sweep, tmp_path / "out")
    assert state_of(one.folder, one.recipe) == "open"
    RunFolder(one.folder).begin(one.recipe, resume=False)
    assert state_of(one.folder, one.recipe) == "open"
    note_failure(one.folder, DataError("it broke.", "mend it"))
    assert state_of(one.folder, one.recipe) == "failed"
    assert failure_of(one.folder) == "it broke."
    assert state_of(one.folder, other.recipe) == "open"  # another training's folder
    (one.folder / SUMMARY).write_text("{}")
    assert state_of(one.folder, one.recipe) == "finished"
    (one.folder / SUMMARY).unlink()
    forget_failure(one.folder)
    assert state_of(one.folder, one.recipe) == "open"
