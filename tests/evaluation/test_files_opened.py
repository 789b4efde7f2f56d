"""How often a run opens files: what it has it hands on."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.checkpoints import sts_rows, write_rows

pytestmark = pytest.mark.process
TASKS = ("STS12", "STS13")
COMMAND = "run -m tiny=tiny-bert -t STS12,STS13 --mirror mirror --pooling mean -d cpu:1 --json"
# every file below the current folder that Python opens to read, however the opening ends
COUNTING = """
import os, sys

here, opened = os.getcwd() + os.sep, []

def heard(event, given):
    if event != "open" or isinstance(given[0], int):
        return
    by_number = given[1] is None and given[2] & os.O_ACCMODE == os.O_RDONLY
    if given[1] in ("r", "rb") or by_number:
        place = os.path.abspath(os.fsdecode(given[0]))
        written = place.endswith(".tmp")
        if place.startswith(here) and not written and not os.path.isdir(place):
            opened.append(place[len(here):])

sys.addaudithook(heard)
from angle_bench.cli.app import main

try:
    main()
finally:
    with open(os.environ["OPENED"], "w") as file:
        file.write("\\n".join(opened))
"""


def run(folder: Path) -> tuple[str, Counter[str]]:
    """What `angle-bench run` prints, and how often it opens files, by their name."""
    told = folder.parent / "opened"
    ended = subprocess.run(
        [sys.executable, "-c", COUNTING, *COMMAND.split()],
        cwd=folder,
        env=os.environ | {"OPENED": str(told), "ANGLE_BENCH_CACHE": str(folder.parent / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, Counter(told.read_text().splitlines())


@pytest.fixture
def here(tmp_path: Path, tiny_bert: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    tiny_bert.rename(folder / "tiny-bert")
    for seed, task in enumerate(TASKS):
        place = folder / f"mirror/mteb/{task.lower()}-sts/test.parquet"
        write_rows(place, sts_rows(12, seed=seed))
    return folder


def test_scores_are_read_once_and_those_that_were_computed_not_at_all(here: Path) -> None:
    printed, opened = run(here)
    of_results = {place: count for place, count in opened.items() if place.startswith("results")}
    (row,) = json.loads(printed)["models"]
    folder = Path(row["folder"])
    absent = [str(folder / f"{task}.json") for task in TASKS]
    # looked for, and again once nobody else may write them; then written, never read
    assert of_results == dict.fromkeys(absent, 2)

    again, opened = run(here)
    assert again == printed
    of_results = {place: count for place, count in opened.items() if place.startswith("results")}
    side = folder / ".angle-bench"
    stored = [str(side / f"{task}{suffix}") for task in TASKS for suffix in (".json", ".parquet")]
    assert of_results == dict.fromkeys([*absent, *stored], 1)
    # by now the file system says for sure that the checkpoint is the same
    of_model = {place: count for place, count in opened.items() if place.startswith("tiny-bert")}
    names = (".angle-bench.json", "config.json", "tokenizer_config.json")
    assert of_model == {f"tiny-bert/{name}": 1 for name in names}
