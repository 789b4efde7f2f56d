"""`run --track`: a tracker is told what the command prints; none of them costs a score."""

import json
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import angle_bench as ab
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli

pytestmark = pytest.mark.process

TASKS = ("STS12", "STS13")


@pytest.fixture
def words(tiny_bert: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    """A run of two small tasks, of which nothing is stored yet."""
    for seed, name in enumerate(TASKS):
        place = tmp_path / f"mirror/mteb/{name.lower()}-sts/test.parquet"
        write_rows(place, sts_rows(30 + seed, seed=seed))
    return ("run", "-m", f"tiny={tiny_bert}", "-t", ",".join(TASKS), "--mirror", "mirror")


def lines(read: EventAccumulator, tag: str) -> list[list[str]]:
    """The rows of a table."""
    (event,) = read.Tensors(tag)
    table = event.tensor_proto.string_val[0].decode().splitlines()[2:]
    return [[cell.strip() for cell in line[2:-2].split(" | ")] for line in table]


@pytest.mark.filterwarnings("ignore:.* records no pooling")
def test_a_tracker_is_told_what_the_command_prints(
    cli: Cli, words: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = cli(*words, "--track", "tensorboard", "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)["models"]
    (folder,) = Path("results/.tensorboard").iterdir()
    assert f"tensorboard  {folder}" in ended.err
    read = EventAccumulator(str(folder)).Reload()
    scores = {tag: read.Scalars(tag)[0].value for tag in read.Tags()["scalars"]}
    expected = {f"score/{task}": row["scores"][task] for task in TASKS}
    expected["score/mean"] = row["mean"]
    assert scores == pytest.approx(expected, abs=1e-4)
    (line,) = lines(read, "table")
    assert line[0] == "tiny"
    assert [float(cell) for cell in line[1:]] == pytest.approx(list(expected.values()), abs=1e-4)
    assert len(lines(read, "all_metrics")) == len(ab.scores("results"))
    config = {line[0]: " | ".join(line[1:]) for line in lines(read, "config")}
    assert config["signature"] == row["signature"]
    assert config["revision"] == row["revision"]
    assert config["folder"] == row["folder"]
    assert config["command"].startswith("angle-bench run -m tiny=")
    assert config["version/mteb"]

    # what is stored is told again, and a tracker that cannot take it costs nothing
    Path("file").touch()
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", "file")
    again = cli(*words, "--track", "tensorboard")
    assert again.code == 0, again.err
    assert "tiny" in again.out
    assert "! tensorboard has 0 of 1 models, then it failed: NotADirectoryError" in again.err
    with pytest.warns(UserWarning, match="tensorboard has 0 of 1 models"):
        result = ab.run(
            words[2], ",".join(TASKS), mirror="mirror", track=["tensorboard"], progress=False
        )
    assert result.to_dict()["models"][0]["scores"] == row["scores"]


def test_a_tracker_that_is_not_there_is_an_error_before_anything_runs(
    cli: Cli, words: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as Python sees what is not there
    ended = cli(*words, "--track", "tensorboard,wandb")
    assert ended.code == 2
    assert ended.errors == [
        "error: wandb is not installed.",
        "  type: pip install 'angle-bench[track]'",
    ]
    assert not Path("results").exists()
