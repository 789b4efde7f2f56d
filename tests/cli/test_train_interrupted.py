"""An interrupt of a training in several processes: one message, and no process is left."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_train import put

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks into /proc"),
]


def processes_of(folder: Path) -> list[str]:
    """The command lines of the processes of a training, launcher and all."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if str(folder) in words:
            found.append(" ".join(words))
    return found


def interrupted(
    tmp_path: Path, model: Path, due: Callable[[str], bool], send: Callable[[int], None]
) -> tuple[int, str]:
    """The exit code, and what was said, of a training that is interrupted once something is due."""
    recipe = put(tmp_path, model, train={"epochs": 2000, "save_steps": 2, "keep": 2})
    words = ["train", str(recipe), "-d", "cpu", "-o", str(tmp_path / "out"), "--processes", "2"]
    said = tmp_path / "stderr"
    with said.open("wb") as stderr:
        running = subprocess.Popen(
            [sys.executable, "-m", "angle_bench", *words],
            cwd=tmp_path,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        while not due(said.read_text()):
            assert running.poll() is None, said.read_text()
            subprocess.run([sys.executable, "-c", ""], check=True)  # leaves them the processor
        send(running.pid)
        code = running.wait(timeout=120)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    again = shlex.join(["angle-bench", *words, "--resume"])
    lines = said.read_text().splitlines()
    assert lines[-2:] == [
        "error: interrupted; what was finished is kept.",
        f"  type: {again}",
    ]
    assert processes_of(tmp_path / "out") == []
    return code, "\n".join(lines[:-2])


def from_a_terminal(pid: int) -> None:
    os.killpg(pid, signal.SIGINT)  # as a terminal does: to all in the foreground


def from_a_queue(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


@pytest.mark.process
@pytest.mark.parametrize(
    "send", [from_a_terminal, pytest.param(from_a_queue, marks=pytest.mark.long)]
)
def test_while_processes_start(
    tmp_path: Path, tiny_bert: Path, send: Callable[[int], None]
) -> None:
    def started(_: str) -> bool:
        return any(
            "-m angle_bench.training small" in line.replace(str(tmp_path) + "/", "")
            for line in processes_of(tmp_path / "out")
        )

    code, said = interrupted(tmp_path, tiny_bert, started, send)
    assert (code, said) == (130, "")
    assert not list((tmp_path / "out").glob("checkpoint-*"))


@pytest.mark.process
@pytest.mark.long
def test_processes_end_with_the_command_that_started_them(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert, train={"epochs": 2000, "save_steps": 2, "keep": 2})
    words = ["train", str(recipe), "-d", "cpu", "-o", str(tmp_path / "out"), "--processes", "2"]
    with subprocess.Popen(
        [sys.executable, "-m", "angle_bench", *words], cwd=tmp_path, start_new_session=True
    ) as running:
        while not list((tmp_path / "out").glob("checkpoint-*")):
            assert running.poll() is None
            subprocess.run([sys.executable, "-c", ""], check=True)
        running.kill()
    end = time.monotonic() + 120
    while processes_of(tmp_path / "out"):
        assert time.monotonic() < end
        subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.process
@pytest.mark.long
@pytest.mark.parametrize("send", [from_a_terminal, from_a_queue])
def test_while_they_train(tmp_path: Path, tiny_bert: Path, send: Callable[[int], None]) -> None:
    code, said = interrupted(tmp_path, tiny_bert, lambda said: "checkpoint-2" in said, send)
    assert code == 130
    assert "Traceback" not in said
    assert "SignalException" not in said
    assert said.count("stopping after this step, with a checkpoint") == 1
    step = int(said.partition("stopped after step ")[2].partition(";")[0].replace(",", ""))
    assert (tmp_path / "out" / f"checkpoint-{step}" / "trainer_state.json").is_file()
