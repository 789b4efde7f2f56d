"""What verbs print as JSON is what functions give as plain values."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import angle_bench as ab
from tests.conftest import Cli
from tests.stored import Pairs, Results

ROOT = Path(__file__).resolve().parents[2]

# every function, as somebody who checks types would call it
SCRIPT = """
from pathlib import Path

import angle_bench as ab

r: ab.RunResult = ab.run(["a", "b=./ckpt"], tasks="STS", mirror="data/", layers=[2], progress=False)
score: float = float(r.table()["mean"].iloc[0])
failed: list[str] = [failure.what for _, _, failure in r.all_failures()]
rows = r.to_dataframe().query("main")
c: ab.Comparison = ab.compare("a", "b", tasks=["STS"], seen=True, margin=0.5)
low, high = c["b"].interval
words: dict[str, str] = c.verdicts
text: str = c.to_latex() + c.to_text(by="task") + c.method
c.plot().save(Path("forest.svg"))
b: ab.Leaderboard = ab.leaderboard("results/", Path("more"), tasks="STS", ranks="tasks")
place: Path = b.save("site/")
html: str = b.to_html() + b.to_markdown() + b.to_csv(raw=True)
count: int = len(ab.scores("results", tasks="STS")) + len(ab.runs())
pairs = ab.predictions("a", "STS12", results="results")
names: list[str] = ab.models().names + ab.tasks("STS").names + ab.recipes().names
fits: bool = ab.reproduce("UAE-Large-V1", tolerance=0.1).matches
with ab.load("a", device="cuda:0,cuda:1") as encoder:
    vectors = encoder.encode(["text"], prompt_name="query")
trained = ab.train("a", [{"query": "q", "positive": "p"}], output="out", loss={"ibn_w": 1.0})
soup: Path = ab.merge(["out/1", "out/2"], "soup", weights=[1, 2])
rho: float = ab.evaluate("a", [{"text1": "a", "text2": "b", "label": 1.0}])["cosine"]["spearman"]
try:
    ab.run("nothing")
except ab.AngleBenchError as error:
    print(error.what, error.fix, error.fix_python)
"""


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (("models", "list"), lambda: ab.models().to_dict()),
        (("tasks", "list"), lambda: ab.tasks().to_dict()),
        (("tasks", "show", "STS"), lambda: ab.tasks("STS").to_dict()),
        (("tasks", "show", "STS12"), lambda: ab.tasks("STS12").to_dict()),
        (("recipes", "list"), lambda: ab.recipes().to_dict()),
    ],
)
def test_what_is_known_by_name(cli: Cli, words: tuple[str, ...], value: Any) -> None:
    assert json.loads(cli(*words, "--json").out) == json.loads(json.dumps(value()))


def test_what_was_run(cli: Cli, tmp_path: Path) -> None:
    results = Results(tmp_path / "results")
    results.put("org/a", "STS12", Pairs("STS12").part(Pairs("STS12").scores(0.1, 1)))
    said = {
        "command": ["angle-bench", "run"],
        "asked": {"models": ["a"], "suite": "STS/1"},
        "outcome": {},
        "exit_code": 0,
        "started": "2026-11-02T10:00:00+00:00",
        "ended": "2026-11-02T10:05:00+00:00",
    }
    (results.root / ".runs").mkdir()
    (results.root / ".runs" / "1.json").write_text(json.dumps(said), encoding="utf-8")
    (printed,) = json.loads(cli("runs", "--json").out)
    (row,) = ab.runs("results").to_dict("records")
    assert printed["command"] == row["command"] == "angle-bench run"
    assert [printed[name] for name in ("scored", "kept", "failed")] == [0, 0, 0]
    shown = cli("runs").out
    assert "2026-11-02T10:00:00" in shown
    assert "well" in shown
    assert cli("runs", "--last", "0").code == 2
    assert cli("runs", "-r", "nowhere").code == 2


@pytest.mark.long
def test_types_hold_in_another_folder(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(script)],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout


def test_the_script_names_every_function() -> None:
    functions = [name for name in ab.__all__ if name.islower() and not name.startswith("_")]
    assert [name for name in functions if f"ab.{name}(" not in SCRIPT] == []
