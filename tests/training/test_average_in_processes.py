"""`train.average_last` in two processes: made once, and as one process has it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from angle_bench.training.model.fsdp import environment
from tests.training.test_processes import (
    STEPS,
    assert_close_weights,
    case,
    one_process,
    train_in_two,
)
from tests.training.trainings import assert_same_weights, dev_mirror, trained


@pytest.mark.process
@pytest.mark.long
@pytest.mark.parametrize("shards", [False, True], ids=["ddp", "fsdp"])
def test_the_average_in_two_processes(tmp_path: Path, tiny_bert: Path, shards: bool) -> None:
    mirror = dev_mirror(tmp_path / "mirror", 100)
    select = {"suite": "STSB-dev", "steps": STEPS}
    recipe = case(tmp_path, tiny_bert, "A", True, select=select, model={"max_length": 8})
    train = recipe.train.model_copy(update={"average_last": 2})
    recipe = recipe.model_copy(update={"train": train})
    more = environment() if shards else {}
    train_in_two(tmp_path, {"whole": recipe}, more)

    said = [json.loads((tmp_path / f"whole-{rank}.json").read_text()) for rank in (0, 1)]
    assert [each["averaged"] for each in said] == [[STEPS - 1, STEPS]] * 2
    assert said[0]["score"] == said[1]["score"]
    assert_numpys_average(tmp_path / "whole", [STEPS - 1, STEPS])
    assert not list((tmp_path / "whole").glob(".*"))
    alone, seen = trained(one_process(recipe), tmp_path / "alone", mirror=mirror)
    assert said[0]["warnings"] == seen.warnings
    assert any("texts were cut to 8 tokens" in line for line in seen.warnings)
    assert said[0]["score"] == pytest.approx(alone.score, abs=1e-4)
    assert_close_weights(tmp_path / "whole", alone.folder)

    stopped(tmp_path / "whole", tmp_path / "resumed", STEPS - 2)
    train_in_two(tmp_path, {"resumed": recipe}, more)
    again = json.loads((tmp_path / "resumed-1.json").read_text())
    assert (again["averaged"], again["score"]) == (said[0]["averaged"], said[0]["score"])
    assert_same_weights(tmp_path / "resumed", tmp_path / "whole")


def stopped(whole: Path, place: Path, step: int) -> None:
    """What a training that was killed after a step has left."""
    for number in range(1, step + 1):
        shutil.copytree(whole / f"checkpoint-{number}", place / f"checkpoint-{number}")
    shutil.copy(whole / "recipe.toml", place)


def assert_numpys_average(folder: Path, steps: list[int]) -> None:
    found, *each = (
        load_file(place / "model.safetensors")
        for place in (folder, *(folder / f"checkpoint-{step}" for step in steps))
    )
    for name, tensor in found.items():
        expected: Any = np.mean([one[name] for one in each], axis=0)
        np.testing.assert_allclose(tensor, expected, atol=1e-7, err_msg=name)
    assert any(not np.array_equal(found[name], each[-1][name]) for name in found)
