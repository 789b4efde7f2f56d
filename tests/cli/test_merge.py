"""`angle-bench merge`: what is typed, and that `run` takes the result."""

import json
from pathlib import Path

import pytest

from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli
from tests.training.test_merge import seeds


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return seeds(tmp_path, 2)


@pytest.mark.process
@pytest.mark.long
def test_run_takes_the_average(cli: Cli, tmp_path: Path, two: list[Path]) -> None:
    ended = cli("merge", "seed-0", "seed-1", "--weights", "1,3", "-o", "soup", "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert [part["weight"] for part in said["parts"]] == [0.25, 0.75]
    assert "saved soup  0.25 x seed-0 + 0.75 x seed-1" in ended.err
    record = json.loads((tmp_path / "soup/merge.json").read_text())
    assert record["command"][:2] == ["angle-bench", "merge"]
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(12, seed=1))
    ran = cli("run", "-m", "./soup", "-m", "./seed-0", "-t", "STS12", "--mirror", "mirror")
    assert ran.code == 0, ran.err
    assert "soup" in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("seed-0",), "an average is of two or more checkpoints"),
        (("seed-0", "seed-1", "--weights", "1"), "type: --weights 1,1"),
        (("seed-0", "seed-1", "--weights", "1;2"), "--weights 1;2 is no list of numbers"),
        (("seed-0", "seed-1", "--weights", "1,-1"), "-1.0 is no positive number"),
        (("seed-0", "sed-1"), "angle-bench merge ./seed-1"),
        (("seed-0", "seed-0"), "are one checkpoint"),
        (("seed-0", "plain-1"), "--pooling"),
    ],
)
def test_what_cannot_be_meant(cli: Cli, two: list[Path], words: tuple[str, ...], said: str) -> None:
    ended = cli("merge", *words, "-o", "soup")
    assert ended.code == 2, ended.err
    assert said in ended.err


def test_no_folder_no_average(cli: Cli, two: list[Path]) -> None:
    ended = cli("merge", "seed-0", "seed-1")
    assert ended.code == 2
    assert "--output" in ended.err
