"""How commands end where their output, their memory or their input does: two lines or nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli


def ended(words: str, stdout: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command in a shell, with what its stdout is joined to."""
    line = f"set -o pipefail; {sys.executable} -m angle_bench {words} {stdout}"
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, capture_output=True, text=True, timeout=300
    )


@pytest.mark.process
@pytest.mark.parametrize("words", ["--help", "models list", "tasks list --all", "run --help"])
def test_a_reader_that_leaves_ends_it_well(words: str, tmp_path: Path) -> None:
    done = ended(words, "| head -1", tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.process
@pytest.mark.parametrize("words", ["models list", "tasks list --json"])
def test_a_full_device_is_two_lines(words: str, tmp_path: Path) -> None:
    done = ended(words, "> /dev/full", tmp_path)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()[-2:]
    assert first == "error: the output: No space left on device."
    assert second.startswith("  ")


@pytest.mark.parametrize("error", [MemoryError(), RecursionError()])
def test_what_runs_out_is_two_lines(
    cli: Cli, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("angle_bench.suites.names.known_names", fail)
    monkeypatch.setattr("angle_bench.suites.select.select", lambda _: fail())
    done = cli("tasks", "show", "STS")
    if done.code == 0:  # it asks neither
        done = cli("leaderboard", "-t", "STS")
    assert done.code == 1
    assert len(done.errors) == 2


@pytest.mark.parametrize("option", ["-m", "-t"])
def test_deep_toml_is_named(cli: Cli, tmp_path: Path, option: str) -> None:
    (tmp_path / "deep.toml").write_text(f"a = {'[' * 5000}{']' * 5000}\n")
    other = ("-t", "demo") if option == "-m" else ("-m", "all-MiniLM-L6-v2")
    done = cli("run", option, "deep.toml", *other)
    assert done.code == 2
    assert done.errors[0] == "error: deep.toml is nested too deeply."
    assert "nested too deeply" in cli("run", "deep.toml").errors[0]
    assert "nested too deeply" in cli("train", "deep.toml", "-n").errors[0]


def test_a_pipe_is_no_plan_no_model_and_no_recipe(cli: Cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    assert "no regular file" in cli("run", "pipe.toml").errors[0]
    for words in (("run", "-m", "pipe.toml"), ("run", "-m", "all-MiniLM-L6-v2", "-t", "pipe.toml")):
        assert "there is no file pipe.toml" in cli(*words).errors[0]
    assert cli("train", "pipe.toml", "-n").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("run", "-m", "m" * 300, "-t", "demo"),
        ("run", "-m", "./" + "m" * 300, "-t", "demo"),
        ("run", "-m", "m" * 300 + ".toml", "-t", "demo"),
        ("run", "-m", "all-MiniLM-L6-v2", "-t", "t" * 300 + ".toml"),
        ("leaderboard", "r" * 300, "-t", "STS"),
        ("leaderboard", "-t", "STS", "-o", "o" * 300 + ".md"),
        ("compare", "a", "b", "-r", "r" * 300, "-t", "STS"),
        ("encode", "f" * 300, "-m", "all-MiniLM-L6-v2"),
        ("train", "t" * 300, "-n"),
        ("models", "check", "m" * 300),
    ],
)
def test_a_name_that_is_too_long_is_two_lines(cli: Cli, words: tuple[str, ...]) -> None:
    done = cli(*words)
    assert done.code in (1, 2)
    assert done.errors[0].startswith("error: ")
