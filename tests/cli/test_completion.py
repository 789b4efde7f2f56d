"""What a shell is offered, asked in the way that its completion script asks."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.stored import Pairs, Results

pytestmark = pytest.mark.process

COMMAND = Path(sysconfig.get_path("scripts")) / "angle-bench"


def offered(
    typed: str, folder: Path, shell: str = "bash", **env: str
) -> "subprocess.CompletedProcess[str]":
    """The answer to what was typed up to the cursor; a space at the end begins a new word."""
    words = typed.split(" ")
    asked = {
        "_ANGLE_BENCH_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    alone = {"XDG_CONFIG_HOME": str(folder / "config")}
    return subprocess.run(
        [COMMAND],
        cwd=folder,
        env={**os.environ, **alone, **asked, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def words(typed: str, folder: Path, **env: str) -> list[str]:
    ended = offered(typed, folder, **env)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.split()


@pytest.fixture(autouse=True)
def _installed() -> None:
    if not COMMAND.exists():
        pytest.skip("the command is not installed beside this python")


@pytest.mark.parametrize(
    ("typed", "some"),
    [
        ("angle-bench mod", ["models"]),
        ("angle-bench models ", ["list", "show", "check"]),
        ("angle-bench run --poo", ["--pooling"]),
        ("angle-bench run -m UAE-L", ["UAE-Large-V1"]),
        ("angle-bench encode x.txt -m WhereIsAI/UAE-L", ["WhereIsAI/UAE-Large-V1"]),
        ("angle-bench run -t ", ["STS", "demo", "Transfer"]),
        ("angle-bench run -t SICK", ["SICK-R"]),
        ("angle-bench run -t STS12,STS1", ["STS12,STS13", "STS12,STS16"]),
        ("angle-bench train sts", ["sts-b"]),
        ("angle-bench train study/sts-c", ["study/sts-cosine"]),
        ("angle-bench run --pooling cls", ["cls", "cls_avg", "cls_max"]),
        ("angle-bench run --dtype b", ["bfloat16"]),
        ("angle-bench run --attention s", ["sdpa"]),
        ("angle-bench run -d c", ["cpu", "cuda"]),
        ("angle-bench leaderboard --format l", ["latex"]),
        ("angle-bench export x --to m", ["merged"]),
        ("angle-bench models show all-Mini", ["all-MiniLM-L6-v2"]),
        ("angle-bench models check x bge-s", ["bge-small-en-v1.5"]),
        ("angle-bench reproduce angle-bert", ["angle-bert-base-uncased-nli-en-v1"]),
        ("angle-bench tasks show Vie", ["Vie-Sentiment"]),
        ("angle-bench compare a b --by s", ["subset"]),
    ],
)
def test_what_is_offered(typed: str, some: list[str], tmp_path: Path) -> None:
    found = words(typed, tmp_path)
    assert set(some) <= set(found)
    start = typed.rpartition(" ")[2]
    assert all(word.startswith(start) for word in found)


def test_a_task_stands_once(tmp_path: Path) -> None:
    assert "STS12,STS12" not in words("angle-bench run -t STS12,STS1", tmp_path)


def test_nothing_is_offered_that_would_need_quotes(tmp_path: Path) -> None:
    found = offered("angle-bench run -t MTEB", tmp_path).stdout.splitlines()
    assert "MTEB-eng-v1" in found
    assert not any("(" in name or " " in name for name in found)


def test_labels_of_what_was_scored(tmp_path: Path) -> None:
    part = Pairs("STS12").part(Pairs("STS12").scores(0.1, 0))
    for root, name in (("results", "tuned"), ("elsewhere", "other")):
        Results(tmp_path / root).put(f"local/{name}", "STS12", part)
    assert words("angle-bench compare tu", tmp_path) == ["tuned"]
    assert words("angle-bench compare base tu", tmp_path) == ["tuned"]
    assert words("angle-bench leaderboard -m tuned,tu", tmp_path) == ["tuned,tuned"]
    assert words("angle-bench leaderboard --base tu", tmp_path) == ["tuned"]
    assert words("angle-bench compare -r elsewhere o", tmp_path) == ["other"]
    moved = words("angle-bench compare o", tmp_path, ANGLE_BENCH_RESULTS="elsewhere")
    assert moved == ["other"]


def test_own_rows_and_folders(tmp_path: Path) -> None:
    (tmp_path / "angle-bench.toml").write_text('[[model]]\nname = "mine"\npath = "ckpt"\n')
    for name in ("ckpts/mine-too", "ckpts/notes"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "ckpts/mine-too/config.json").write_text("{}")
    assert words("angle-bench run -m min", tmp_path) == ["mine"]
    assert words("angle-bench run -m ckpts/", tmp_path) == ["ckpts/mine-too"]
    # what is no checkpoint is left to the shell, which completes paths where nothing is offered
    assert words("angle-bench run -m ckp", tmp_path) == []


def test_a_label_is_kept(tmp_path: Path) -> None:
    ended = offered("angle-bench run -m base=all-Mini", tmp_path, "fish")
    assert ended.stdout.split() == ["base=all-MiniLM-L6-v2"]


def test_a_broken_file_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "angle-bench.toml").write_text("[[model]\n")
    assert words("angle-bench run -m UAE-L", tmp_path) == ["UAE-Large-V1"]
    assert "STS12" in words("angle-bench run -t STS1", tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells(shell: str, tmp_path: Path) -> None:
    ended = offered("angle-bench train sts", tmp_path, shell)
    assert ended.returncode == 0
    assert "sts-b" in ended.stdout
    env = {**os.environ, "_ANGLE_BENCH_COMPLETE": f"source_{shell}"}
    script = subprocess.run([COMMAND], env=env, capture_output=True, text=True, timeout=60)
    assert script.returncode == 0
    assert "_ANGLE_BENCH_COMPLETE=complete_" in script.stdout


@pytest.mark.parametrize("typed", ["run -m ", "run -t STS", "compare ", "train "])
def test_it_loads_nothing_heavy(typed: str, tmp_path: Path) -> None:
    env = {"PYTHONPROFILEIMPORTTIME": "1"}
    ended = offered(f"angle-bench {typed}", tmp_path, **env)
    lines = ended.stderr.splitlines()
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "typer" in modules
    assert not {"torch", "mteb", "transformers", "datasets", "numpy", "pyarrow"} & modules
