"""The examples in docstrings of public functions, run on results as they describe them."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest

import angle_bench as ab
from angle_bench.suites.shipped import suites
from tests.checkpoints import add_sentence_transformers_files, build_tiny_bert
from tests.stored import Pairs, Results

pytestmark = pytest.mark.process

# those of training and of a reproduction need data and minutes; the tests of each run them
RUN = [
    *("run", "compare", "leaderboard", "scores", "predictions", "runs"),
    *("models", "tasks", "recipes", "load", "evaluate", "check_models", "encode", "merge"),
    *("export", "mine_negatives", "download", "doctor", "progress"),
    *("forecast", "plan_training", "cite", "submit", "cache_info", "cache_prune", "cache_clear"),
]
PAIRS = [("a cat", "a cat", 5.0), ("a cat sleeps", "a cat naps", 4.0), ("a cat", "the tax", 0.0)]

RECIPE = """
[model]
name = "out/seed-1"
[[data.train]]
path = "pairs.csv"
[train]
batch_size = 2
epochs = 2
"""

# of a command that has scored STS12 of one model
RECORD: dict[str, Any] = {
    "asked": {
        "models": ["base"],
        "suite": "STS/1",
        "work": {
            "models": {"base": "org__base/abc"},
            "tasks": {"base": ["STS12"]},
            "part": [1, 1],
            "overwrite": False,
        },
    },
    "outcome": {"base": {"kept": [], "scored": ["STS12"], "failed": {}}},
    "exit_code": 0,
    "started": "2026-11-02T10:00:00",
    "ended": "2026-11-02T10:01:00",
    "command": ["angle-bench", "run", "-m", "base", "-t", "STS12"],
}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minilm: Path) -> None:
    monkeypatch.chdir(tmp_path)
    made = Results(tmp_path / "results")
    names = ("org/base", "org/tuned")
    for noise, name in zip((0.5, 0.1), names, strict=True):
        for task in suites()["STS"].task:
            pairs = Pairs(task.name)
            made.put(name, task.name, pairs.part(pairs.scores(noise, 3)), revision="abc")
    (tmp_path / "results" / ".runs").mkdir()
    (tmp_path / "results/.runs/2026-11-02.json").write_text(json.dumps(RECORD))
    (tmp_path / "texts.txt").write_text("one\ntwo\n")
    (tmp_path / "pairs.csv").write_text("query,positive\na cat,cats\na dog,dogs\n")
    (tmp_path / "small.toml").write_text(RECIPE)
    for seed in (1, 2):
        build_tiny(tmp_path / f"out/seed-{seed}", seed)


def build_tiny(folder: Path, seed: int) -> None:
    """A checkpoint that says its pooling."""
    folder.mkdir(parents=True)
    build_tiny_bert(folder, seed=seed)
    add_sentence_transformers_files(folder)


def test_every_example_is_run() -> None:
    functions = {name for name in ab.__all__ if name.islower() and not name.startswith("_")}
    assert functions - set(RUN) == {"train", "reproduce"}


@pytest.mark.parametrize("name", RUN)
def test_the_example_of_a_function_runs(name: str, results: None) -> None:
    function: Any = getattr(ab, name)
    known = {each: getattr(ab, each) for each in RUN} | {"pairs": PAIRS}
    import numpy as np

    found = doctest.DocTestFinder(recurse=False).find(function, name, globs=known | {"np": np})
    assert found[0].examples
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    for example in found:
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
