"""Each call on the disk fails once, or ends the process: the same command then gives the same.

The faults of a command are dealt out to blocks, each a test of its own, so that a part can be run,
and run again: `pytest -m long tests/faults/test_every_call.py -k "test_run and block_3"`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoints import build_tiny_bert, sts_rows, write_rows
from tests.faults.shim import KILLED
from tests.stored import Pairs, Results

SECONDS = 120.0  # without an end is a hang
LIGHT = [
    *(
        "angle_bench.cli.app",
        "angle_bench.reporting.tables.leaderboard",
        "angle_bench.reporting.comparison.leaderboard_ranks",
    ),
    *("angle_bench.reporting.site.pages", "angle_bench.reporting.site.shown"),
]
HEAVY = [
    *("torch", "transformers.models.bert.modeling_bert", "transformers.models.auto", "mteb"),
    *("datasets", "lmdb", "pyarrow.parquet", "scipy.stats", "sklearn.metrics"),
    *("angle_bench.evaluation.scoring.score", "angle_bench.evaluation.run.runner"),
    *("angle_bench.evaluation.encoders.load", "angle_bench.checkpoints.loading.backbone", *LIGHT),
]
TRAINING = [*HEAVY, *("accelerate", "peft", "transformers.trainer", "safetensors.torch")]
TRAINING += [
    "angle_bench.training.loop.begin",
    "angle_bench.training.loop.fine_tune",
    "angle_bench.cli.training.trainings",
]
BLOCKS = 12
STEP = int(os.environ.get("ANGLE_BENCH_TEST_STEP", "1"))  # every so many calls, for a first look


@dataclass
class Harness:
    """Commands in one folder, which is the same at the start of each round."""

    place: Path
    template: Path
    server: "subprocess.Popen[str]"
    computes: bool
    known: dict[str, tuple[Any, list[str]]] = field(default_factory=dict)

    def whole(self, words: list[str], outcome: Callable[[Path], Any]) -> tuple[Any, list[str]]:
        """What a command makes without a fault, and the calls on the disk that it takes."""
        key = " ".join(words)
        if key not in self.known:
            self.begin()
            ended = self.run(words)
            assert ended["code"] == 0, ended["err"]
            self.known[key] = outcome(self.place), ended["calls"]
        return self.known[key]

    def close(self) -> None:
        self.server.kill()
        self.server.communicate()

    def begin(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.template, self.place)

    def run(self, words: list[str], at: int | None = None, kill: bool = False) -> dict[str, Any]:
        said = {name: str(self.place.with_suffix(f".{name}")) for name in ("out", "err")}
        order = {"words": words, "cwd": str(self.place), "at": at, "kill": kill, **said}
        order |= {"computes": self.computes, "seconds": SECONDS}
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        ended: dict[str, Any] = json.loads(self.server.stdout.readline())
        return ended | {name: Path(place).read_text() for name, place in said.items()}


def harness(folder: Path, imports: list[str]) -> Harness:
    place, template = folder / "work", folder / "template"
    template.mkdir()
    env = os.environ | {"ANGLE_BENCH_CACHE": str(place / "cache"), "PYTHONPATH": os.getcwd()}
    server = subprocess.Popen(
        [
            sys.executable,
            "-P",
            str(Path(__file__).with_name("shim.py")),
            *imports,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        text=True,
    )
    return Harness(place, template, server, imports is not LIGHT)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A tiny checkpoint and a mirror; torch and mteb are imported once."""
    made = harness(tmp_path_factory.mktemp("faults"), HEAVY)
    build_tiny_bert(made.template / "tiny")
    write_rows(made.template / "mirror/mteb/sts12-sts/test.parquet", sts_rows(12, seed=1))
    (made.template / "texts.txt").write_text("a man eats\nthe red apple\ntwo dogs\n")
    yield made
    made.close()


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A folder of results; nothing is computed."""
    made = harness(tmp_path_factory.mktemp("faults"), LIGHT)
    results = Results(made.template / "results")
    pairs = Pairs("STS12", 20)
    for name, noise in (("good", 0.1), ("bad", 0.5)):
        results.put(name, "STS12", pairs.part(pairs.scores(noise, 1)))
    yield made
    made.close()


def left_over(place: Path) -> list[str]:
    """What a command that has ended may leave nowhere."""
    names = [found.name for found in place.rglob("*")]
    locks = [found.name for found in place.glob("results/**/*lock")]
    return [*locks, *(name for name in names if name.endswith((".tmp", ".holder", ".old")))]


def make_old(place: Path) -> None:
    """Temporary files are a day old when the command is typed again."""
    for left in place.rglob(".*.tmp"):
        os.utime(left, (0, 0), follow_symlinks=False)


def check_every_call(
    at: Harness, words: list[str], outcome: Callable[[Path], Any], block: int, fewest: int
) -> None:
    """The faults of a block: a call fails, or ends the process.

    Args:
        at: Where.
        words: The command.
        outcome: What it has made, to be compared.
        block: Which of the `BLOCKS`.
        fewest: Faults that all blocks together have at least.
    """
    right, calls = at.whole(words, outcome)
    every = [(kill, number) for number in range(0, len(calls), STEP) for kill in (False, True)]
    assert len(every) >= fewest // STEP
    faults = every[block::BLOCKS]
    wrong = []
    for kill, number in faults:
        what = f"{'killed at' if kill else 'error at'} {number} of {len(calls)}, {calls[number]}"
        at.begin()
        ended = at.run(words, number, kill)
        allowed = (KILLED,) if kill else (0, 1, 2)
        if ended["code"] not in allowed or "Traceback" in ended["err"]:
            wrong.append(f"{what}: code {ended['code']}\n{ended['err'][-1500:]}")
        if ended["code"] == 0 and outcome(at.place) != right:
            wrong.append(f"{what}: said nothing, and made another thing\n{ended['err'][-500:]}")
        if ended["code"] in (1, 2) and "error:" not in ended["err"]:
            wrong.append(f"{what}: no error was said\n{ended['err'][-500:]}")
        make_old(at.place)
        again = at.run(words)
        if again["code"] != 0 or outcome(at.place) != right:
            wrong.append(f"{what}: then code {again['code']}\n{again['err'][-1500:]}")
        elif left := left_over(at.place):
            wrong.append(f"{what}: left {left}")
    assert not wrong, f"{len(wrong)} of {len(faults)} faults\n" + "\n".join(wrong)
    print(f"block {block}: {len(faults)} of {len(every)} faults in {len(calls)} calls of {words}")


def stored(place: Path) -> Any:
    """Scores, predictions and what is recorded of them, without the times."""
    found: dict[str, Any] = {}
    for result in sorted(place.glob("results/*/*/STS12.json")):
        found["scores"] = json.loads(result.read_text())["scores"]
        side = result.parent / ".angle-bench"
        found["predictions"] = (side / "STS12.parquet").read_bytes()
        record = json.loads((side / "STS12.json").read_text())
        found |= {key: record[key] for key in ("model", "data", "prompts")}
        found["error"] = (side / "STS12.error.json").exists()
    return found


def named(*names: str) -> Callable[[Path], Any]:
    """The bytes of files."""
    return lambda place: [
        (place / name).read_bytes() if (place / name).exists() else None for name in names
    ]


RUN = ["run", "-m", "tiny", "-t", "STS12", "--mirror", "mirror", "-d", "cpu:1"]
ENCODE = ["encode", "texts.txt", "-m", "tiny", "-o", "vectors.parquet", "--overwrite"]
BOARD = ["leaderboard", "results", "-t", "STS12", "-o"]


TRAIN = ["train", "recipe.toml", "-o", "out", "--resume", "-d", "cpu"]
RECIPE = """
[model]
name = "tiny"
[[data.train]]
path = "pairs.csv"
[train]
max_steps = 2
save_steps = 1
batch_size = 2
[select]
suite = ""
"""


def trained(place: Path) -> Any:
    """The candidate's weights and settings, and what it was trained on."""
    return named(*(f"out/{name}" for name in TRAINED))(place)


TRAINED = ("model.safetensors", "config.json", "angle_bench.json", "training_texts.parquet")


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A tiny checkpoint, pairs and a recipe; the trainer is imported once."""
    made = harness(tmp_path_factory.mktemp("faults"), TRAINING)
    build_tiny_bert(made.template / "tiny")
    rows = "a man,he\na dog,it\na cat,she\ntwo dogs,they\n"
    (made.template / "pairs.csv").write_text(f"query,positive\n{rows}")
    (made.template / "recipe.toml").write_text(RECIPE)
    yield made
    made.close()


blocks = pytest.mark.parametrize("block", range(BLOCKS), ids=lambda block: f"block_{block}")


@pytest.mark.process
@blocks
@pytest.mark.parametrize("name", ["board.json", "board.csv"])
def test_leaderboard(light: Harness, name: str, block: int) -> None:
    check_every_call(light, [*BOARD, name], named(name), block, 8)


@pytest.mark.process
@pytest.mark.long
@blocks
def test_html(light: Harness, block: int) -> None:
    check_every_call(light, [*BOARD, "board.html"], pages, block, 30)


MINUTE = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d(\+00:00)?|20\d\d-\d\d-\d\d \d\d:\d\d UTC")


def pages(place: Path) -> Any:
    """Every file of a site, without the minute in which it was made."""
    files = [place / "board.html", *sorted(place.glob("board_files/**/*"))]
    return {str(file): MINUTE.sub(b"", file.read_bytes()) for file in files if file.is_file()}


@pytest.mark.process
@pytest.mark.long
@blocks
def test_run(heavy: Harness, block: int) -> None:
    check_every_call(heavy, RUN, stored, block, 60)


@pytest.mark.process
@pytest.mark.long
@blocks
def test_encode(heavy: Harness, block: int) -> None:
    check_every_call(heavy, [*ENCODE, "-d", "cpu:1"], named("vectors.parquet"), block, 30)


@pytest.mark.process
@pytest.mark.long
@blocks
def test_train(training: Harness, block: int) -> None:
    check_every_call(training, TRAIN, trained, block, 60)
