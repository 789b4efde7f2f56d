"""Environments of peers whose dependencies exclude ours."""

import subprocess
import sys
from pathlib import Path

from benchmarks.core import SkipBenchmark
from benchmarks.timing import say

FOLDER = Path(__file__).resolve().parent / ".envs"


def environment_of(name: str, *requirements: str) -> Path:
    """The Python of a virtual environment with these requirements, made at the first call.

    Raises:
        SkipBenchmark: It cannot be installed.
    """
    folder = FOLDER / name
    python = folder / "bin" / "python"
    installed = folder / "installed.txt"  # written last, so that it vouches for the whole
    wanted = "\n".join(requirements)
    if installed.exists() and installed.read_text() == wanted:
        return python
    say(f"installing {', '.join(requirements)} into an environment of its own")
    for command in (
        (sys.executable, "-m", "venv", "--clear", folder),
        (python, "-m", "pip", "install", "--quiet", *requirements),
    ):
        ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if ended.returncode != 0:
            last = ended.stderr.strip().splitlines()[-1:] or ["(it said nothing)"]
            raise SkipBenchmark(f"{name} cannot be installed: {last[0]}")
    installed.write_text(wanted)
    return python


def installed_version(python: Path, package: str) -> str:
    """The version of a package in another environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    ended = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return ended.stdout.strip()
