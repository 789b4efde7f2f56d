"""What is public: its names, its signatures, what it imports."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import angle_bench as ab
from tests.stored import Pairs, Results

FUNCTIONS = [name for name in ab.__all__ if name.islower() and not name.startswith("_")]
CLASSES = [name for name in ab.__all__ if name[0].isupper()]
POSITIONAL = 12
LIGHT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import angle_bench as ab
ab.compare("a", "b", tasks="STS12"); ab.leaderboard("results", tasks="STS12", ranks=True)
print(json.dumps(sorted({"torch", "mteb", "transformers", "pandas"} & set(sys.modules))))
ab.scores("results"); ab.leaderboard("results", tasks="STS12"); ab.runs("results")
ab.predictions("a", "STS12"); ab.tasks("STS"); ab.models()
print(json.dumps(sorted({"torch", "mteb", "transformers"} & set(sys.modules))))
"""


def test_every_name_is_there() -> None:
    assert dir(ab) == ab.__all__ == sorted(ab.__all__, key=lambda name: (name.islower(), name))
    for name in ab.__all__:
        assert getattr(ab, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'compair'"):
        ab.compair  # noqa: B018
    assert (Path(ab.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_say_all(name: str) -> None:
    function: Any = getattr(ab, name)
    parameters = inspect.signature(function).parameters.values()
    kinds = [each.kind for each in parameters]
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    if inspect.Parameter.KEYWORD_ONLY not in kinds:
        assert len(kinds) <= POSITIONAL
    assert all(each.annotation is not inspect.Parameter.empty for each in parameters)


@pytest.mark.parametrize("name", FUNCTIONS + CLASSES)
def test_docstrings_say_what_is_given(name: str) -> None:
    thing: Any = getattr(ab, name)
    said = inspect.getdoc(thing) or ""
    assert said.splitlines()[0].endswith(".")
    if name in FUNCTIONS:
        assert ">>> " in said
        arguments = [word for word in inspect.signature(thing).parameters]
        assert [word for word in arguments if f"{word}:" not in said] == []


@pytest.mark.process
def test_light_functions_import_nothing_heavy(tmp_path: Path) -> None:
    results, pairs = Results(tmp_path / "results"), Pairs("STS12")
    for seed, name in enumerate("ab"):
        results.put(f"org/{name}", "STS12", pairs.part(pairs.scores(0.1, seed)))
    ended = subprocess.run(
        [sys.executable, "-c", LIGHT], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    before, after = ended.stdout.splitlines()
    assert json.loads(before) == []
    assert json.loads(after) == []
