"""A training goes on with other processes and batches, as long as a step takes as many rows."""

import itertools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import UsageError
from angle_bench.results.training_texts import FILE_NAME, read_training_texts
from angle_bench.training.checkpoint.run_folder import RunFolder
from angle_bench.training.data.batches import FILE_NAME as BATCHES
from angle_bench.training.data.batches import Batches, made_with
from angle_bench.training.model.fsdp import environment
from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import write_rows
from tests.training.in_processes import rows_of_batches
from tests.training.test_processes import assert_close_weights, train_in_two
from tests.training.trainings import Seen, assert_same_weights, recipe_of, rows_of, trained

ROWS, TOGETHER = 56, 8  # of an epoch, and of a batch over all processes
STEPS = {1: 14, 3: 6}  # of two epochs, by the accumulation
AT = {1: (7, 4), 3: (3, 2)}  # an epoch's end, and within one


def recipe(folder: Path, start: Path, processes: int, accumulation: int, kind: str) -> Recipe:
    """Plain gradient descent without dropout, a checkpoint each step."""
    place = folder / "rows.jsonl"
    if not place.is_file():
        write_rows(place, rows_of("B", ROWS, seed=4))
    streamed: dict[str, Any] = {"max_steps": STEPS[accumulation]} if kind == "iterable" else {}
    return recipe_of(
        folder,
        start,
        data={"train": [{"path": str(place)}], "streaming": kind == "iterable"},
        model={"dropout": 0.0},
        train={
            "batch_size": TOGETHER // processes,
            "accumulation": accumulation,
            "gather": True,
            "optimizer": "sgd",
            "learning_rate": 1e-2,
            "save_steps": 1,
            "keep": 99,
            **streamed,
        },
    )


def copied(source: Path, step: int, place: Path) -> None:
    """A training that was stopped at a step."""
    shutil.copytree(source / f"checkpoint-{step}", place / f"checkpoint-{step}")
    shutil.copy(source / "recipe.toml", place)


def alone(recipe: Recipe, place: Path) -> list[list[int]]:
    rows = rows_of_batches()
    trained(recipe, place, resume=True)
    return rows


def in_two(
    folder: Path, found: dict[str, Recipe], more: Mapping[str, str]
) -> dict[str, list[list[int]]]:
    """The rows of each batch, those of the first process first."""
    train_in_two(folder, found, more)
    said = {
        name: [json.loads((folder / f"{name}-{rank}.json").read_text())["rows"] for rank in (0, 1)]
        for name in found
    }
    return {
        name: [[*first, *second] for first, second in zip(*both, strict=True)]
        for name, both in said.items()
    }


EVERY = list(itertools.product(STEPS, ("map", "iterable")))


@pytest.mark.process
@pytest.mark.long
@pytest.mark.parametrize(
    ("shards", "kinds"),
    [(False, EVERY), (True, EVERY[::3]), (True, EVERY[1:3])],
    ids=["ddp", "fsdp", "fsdp-others"],
)
def test_resumed_is_undisturbed(
    tmp_path: Path, tiny_bert: Path, shards: bool, kinds: list[tuple[int, str]]
) -> None:
    """From one process or two on with one or two, at an epoch's end and within one.

    One process alone has nothing to shard: it is where shards come from or go to, and from one to
    one is no case of theirs (`test_shards_that_nobody_made_are_an_error`).
    """
    more = environment() if shards else {}
    of = {
        (processes, *kind): recipe(tmp_path, tiny_bert, processes, *kind)
        for processes in (1, 2)
        for kind in kinds
    }
    whole = {f"2-{a}-{kind}": of[2, a, kind] for a, kind in kinds}
    rows = in_two(tmp_path, whole, more)
    for a, kind in kinds:
        rows[f"1-{a}-{kind}"] = alone(of[1, a, kind], tmp_path / f"1-{a}-{kind}")
        assert rows[f"1-{a}-{kind}"] == rows[f"2-{a}-{kind}"]
    cases = [
        (before, now, a, kind, step)
        for before, now in ((1, 2), (2, 1), (2, 2), *([] if shards else [(1, 1)]))
        for a, kind in kinds
        for step in AT[a]
    ]
    launched, after = {}, {}
    for case in cases:
        before, now, a, kind, step = case
        name = "-".join(map(str, ("resumed", *case)))
        copied(tmp_path / f"{before}-{a}-{kind}", step, tmp_path / name)
        if now == 2:
            launched[name] = of[2, a, kind]
        else:
            after[name] = alone(of[1, a, kind], tmp_path / name)
    after |= in_two(tmp_path, launched, more)
    for case in cases:
        before, now, a, kind, step = case
        name, source = "-".join(map(str, ("resumed", *case))), f"{before}-{a}-{kind}"
        undisturbed = rows[source]
        assert after[name] == undisturbed[len(undisturbed) - len(after[name]) :], name
        assert after[name], name
        done, end = (tmp_path / each / f"checkpoint-{STEPS[a]}" for each in (name, source))
        assert read_training_texts(done) == read_training_texts(end), name
        assert_close_weights(done, end)
        if before == now:
            assert_same_weights(done, end)
    for a, kind in kinds:
        if (a, kind) == (1, "map"):
            used = [row for batch in rows["1-1-map"] for row in batch]
            assert sorted(used[:ROWS]) == sorted(used[ROWS:]) == list(range(ROWS))


def test_another_number_of_rows_is_refused(tmp_path: Path, tiny_bert: Path) -> None:
    """Forty rows, a process of five: two processes of five would leave half of them out."""
    place = tmp_path / "rows.jsonl"
    write_rows(place, rows_of("B", 40, seed=4))
    train = {"batch_size": 5, "save_steps": 1, "epochs": 1}
    asked = recipe_of(tmp_path, tiny_bert, data={"train": [{"path": str(place)}]}, train=train)
    out = tmp_path / "out"
    trained(asked, out, Seen(stop_after=4))
    with pytest.raises(UsageError) as refused:
        trained(asked, out, resume=True, processes=2)
    assert "5 rows a step (1 process x 5 rows)" in refused.value.what
    assert "10 rows a step (2 processes x 5 rows)" in refused.value.what
    assert "--processes 1" in refused.value.fix
    larger = asked.train.model_copy(update={"batch_size": 10})
    with pytest.raises(UsageError, match="5 rows a step") as refused:
        trained(asked.model_copy(update={"train": larger}), out, resume=True)
    assert "--set train.batch_size=5" in refused.value.fix
    done, _ = trained(asked, out, resume=True)
    assert done.steps == 8
    # what has ended needs no processes
    assert trained(asked, out, resume=True, processes=2)[0].steps == 8


def test_accumulation_stands_for_a_larger_batch(tmp_path: Path, tiny_bert: Path) -> None:
    asked = recipe_of(tmp_path, tiny_bert, "C", train={"save_steps": 1, "batch_size": 8})
    out = tmp_path / "out"
    trained(asked, out, Seen(stop_after=2))
    smaller = asked.train.model_copy(update={"batch_size": 4, "accumulation": 2})
    watch = Warned()
    done, _ = trained(asked.model_copy(update={"train": smaller}), out, watch, resume=True)
    assert done.steps == 6
    assert watch.warnings == ["checkpoint-2 compared 8 rows with each other, from here on it is 4"]
    noted = json.loads((out / "checkpoint-6" / BATCHES).read_text())
    assert (noted["processes"], noted["batch_size"], noted["accumulation"]) == (1, 4, 2)
    # the checkpoint that went on keeps what it was made with
    whole = tmp_path / "whole"
    trained(asked, whole)
    ends = [read_training_texts(place / "checkpoint-6") for place in (out, whole)]
    assert ends[0] == ends[1]
    assert ends[0] is not None


class Warned(Seen):
    """Keeps warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def test_batches_of_one_row_have_other_epochs(tmp_path: Path, tiny_bert: Path) -> None:
    """Nine rows: four and four and none, or four and four and one."""
    place = tmp_path / "rows.jsonl"
    write_rows(place, rows_of("C", 9))
    data = {"train": [{"path": str(place)}]}
    asked = recipe_of(tmp_path, tiny_bert, "C", data=data, train={"batch_size": 4, "save_steps": 1})
    out = tmp_path / "out"
    trained(asked, out, Seen(stop_after=1))
    single = asked.train.model_copy(update={"batch_size": 1, "accumulation": 4})
    with pytest.raises(UsageError, match="8 rows, in batches of 4"):
        trained(asked.model_copy(update={"train": single}), out, resume=True)


def test_an_older_checkpoint_goes_on_as_it_was(tmp_path: Path, tiny_bert: Path) -> None:
    """One that does not say what it was made with: its random states and its recipe do."""
    asked = recipe_of(tmp_path, tiny_bert, train={"save_steps": 1})
    out = tmp_path / "out"
    trained(asked, out, Seen(stop_after=2))
    last = out / "checkpoint-2"
    (last / BATCHES).unlink()
    assert made_with(last, asked) == Batches(1, 8, 1)
    smaller = asked.train.model_copy(update={"batch_size": 4})
    half = asked.model_copy(update={"train": smaller})
    with pytest.raises(UsageError, match="8 rows a step"):
        RunFolder(out).begin(half, resume=True)
    RunFolder(out).begin(half, resume=True, processes=2)
    # killed before its first checkpoint: the recipe says 4 now, and the checkpoint 8
    assert made_with(last, half) == Batches(1, 8, 1)
    with pytest.raises(UsageError, match="8 rows a step"):
        RunFolder(out).begin(half, resume=True)
    done, _ = trained(asked, out, resume=True)
    trained(asked, tmp_path / "whole")
    assert_same_weights(done.folder, tmp_path / "whole")
    end = out / "checkpoint-6"
    (end / "rng_state.pth").rename(end / "rng_state_0.pth")
    (end / "rng_state_1.pth").touch()
    (end / BATCHES).unlink()
    assert made_with(end, asked) == Batches(2, 8, 1)


def test_other_rows_are_refused(tmp_path: Path, tiny_bert: Path) -> None:
    """As many of them, in a file of the same name."""
    asked = recipe_of(tmp_path, tiny_bert, train={"save_steps": 1})
    out, place = tmp_path / "out", Path(asked.data.train[0].path or "")
    trained(asked, out, Seen(stop_after=2))
    rows = rows_of("A")
    rows[3]["text2"], rows[4]["text1"] = rows[4]["text1"], rows[3]["text2"]
    write_rows(place, rows)
    with pytest.raises(UsageError, match="not those that checkpoint-2 was trained on"):
        trained(asked, out, resume=True)
    write_rows(place, rows_of("A"))
    assert trained(asked, out, resume=True)[0].steps == 6


def test_what_is_noted_is_no_part_of_the_candidate(tmp_path: Path, tiny_bert: Path) -> None:
    done, _ = trained(recipe_of(tmp_path, tiny_bert), tmp_path / "out")
    assert (done.folder / "checkpoint-6" / BATCHES).is_file()
    assert (done.folder / FILE_NAME).is_file()
    assert not (done.folder / BATCHES).exists()
