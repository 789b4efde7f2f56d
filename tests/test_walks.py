"""The walks of docs/architecture.md: what they name is entered, in that order."""

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import angle_bench
from angle_bench.encoding.workers.child import load_forward
from angle_bench.encoding.workers.inline import InlineWorker
from angle_bench.evaluation.encoders import worker_reuse
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli
from tests.result_files import put
from tests.training.trainings import rows_of

PACKAGE = Path(angle_bench.__file__).parent
PAGE = PACKAGE.parent / "docs" / "architecture.md"
MOST = 12


def walk(title: str) -> list[str]:
    """The steps of a walk: `room/file.py: function`."""
    section = PAGE.read_text(encoding="utf-8").partition(f"### {title}\n")[2].partition("\n#")[0]
    return [
        ": ".join(step) for step in re.findall(r"^\d+\. `(.+?)`: `(.+?)`", section, re.MULTILINE)
    ]


@contextmanager
def entered() -> Iterator[list[str]]:
    """Functions of the package in the order in which they are first called, in all threads."""
    found: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(PACKAGE)):
            place = Path(frame.f_code.co_filename).relative_to(PACKAGE).as_posix()
            found.setdefault(f"{place}: {frame.f_code.co_qualname}")

    order: list[str] = []
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield order
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        order += found


def check(title: str, order: list[str]) -> None:
    steps = walk(title)
    assert 6 <= len({step.partition(":")[0] for step in steps}) <= MOST
    assert [step for step in steps if step not in order] == []
    assert sorted(steps, key=order.index) == steps


@pytest.mark.process
def test_a_text_from_run_to_the_table(
    cli: Cli, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(checkpoint: Any, *_: object) -> InlineWorker:
        return InlineWorker(load_forward(**checkpoint.order("cpu", 1)))

    monkeypatch.setattr(worker_reuse, "start", here)  # so that all of it is seen in one process
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.jsonl", sts_rows())
    with entered() as order:
        ended = cli("run", "-m", tiny_bert, "-t", "STS12", "--mirror", "mirror")
    assert ended.code == 0, ended.err
    check("A text from `run` to the table", order)


def test_a_recipe_from_train_to_the_checkpoint(
    cli: Cli, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.jsonl", rows_of("B"))
    recipe = f"""
        [model]
        name = "{tiny_bert}"
        pooling = "mean"
        [[data.train]]
        path = "rows.jsonl"
        [select]
        suite = ""
        [train]
        epochs = 1
        batch_size = 8
    """
    (tmp_path / "recipe.toml").write_text(recipe)
    with entered() as order:
        ended = cli("train", "recipe.toml", "-d", "cpu", "-o", "out")
    assert ended.code == 0, ended.err
    check("A recipe from `train` to the checkpoint", order)


def test_a_result_file_to_a_cell_of_a_leaderboard(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "results" / "org__model" / "r", "STS12", 0.5)
    with entered() as order:
        ended = cli("leaderboard", "results", "-t", "STS12", "--format", "markdown")
    assert ended.code == 0, ended.err
    check("A result file to a cell of a leaderboard", order)
