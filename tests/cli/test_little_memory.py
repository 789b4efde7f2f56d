"""An address space that is too small: the score, or two lines; never a traceback or no end."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from angle_bench.errors import MEMORY_FIX

pytestmark = pytest.mark.process

GIB = 1 << 30
# from what imports need to what the run needs
LIMITS = [0.3, 0.5, 0.9, 1.1, 1.2, 1.3, 1.5, 1.8, 2.2]


@pytest.mark.parametrize("device", ["cpu:1", pytest.param("cpu:2", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "limit", [0.7, *(pytest.param(each, marks=pytest.mark.long) for each in LIMITS)]
)
def test_a_run(tmp_path: Path, minilm: Path, limit: float, device: str) -> None:
    size = int(limit * GIB)
    words = ["run", "-m", str(minilm), "-t", "demo", "-d", device, "--no-cache"]
    ended = subprocess.run(
        [sys.executable, "-m", "angle_bench", *words],
        cwd=tmp_path,
        env=os.environ | {"RUST_BACKTRACE": "1"},  # for which a tokenizer would want memory, too
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
    )
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said
    if ended.returncode == 0:
        assert "65.31" in ended.stdout
        return
    if ended.returncode == -signal.SIGABRT:  # the tokenizer's own code ends the process
        assert "memory allocation of" in ended.stderr
        return
    assert ended.returncode == 1
    error = next(line for line in ended.stderr.splitlines() if line.startswith("error: "))
    assert "memory ran out" in error
    assert MEMORY_FIX in ended.stderr


def test_openblas_is_not_loaded_where_it_has_no_room() -> None:
    """It would wait for its buffers for ever."""
    code = """
import resource, sys
from pathlib import Path
from angle_bench.encoding.machine import prepare_for_little_memory
pages = int(Path("/proc/self/statm").read_text().split()[0])
size = pages * resource.getpagesize() + (100 << 20)
resource.setrlimit(resource.RLIMIT_AS, (size, size))
try:
    prepare_for_little_memory()
except MemoryError as error:
    print(error, "scipy.linalg" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "there are no 256 MiB for OpenBLAS False\n"
