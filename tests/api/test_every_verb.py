"""What verbs print as JSON is what functions give as plain values."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import angle_bench as ab
from angle_bench.training.recipe.to_toml import recipe_toml
from tests.checkpoints import build_tiny_bert
from tests.conftest import Cli
from tests.stored import Pairs, Results
from tests.training.trainings import recipe_of
from tools.cli_reference import verbs

ROOT = Path(__file__).resolve().parents[2]

# every function, as somebody who checks types would call it
SCRIPT = """
from pathlib import Path

import angle_bench as ab

r: ab.RunResult = ab.run(["a", "b=./ckpt"], tasks="STS", mirror="data/", layers=[2], progress=False)
score: float = float(r.table()["mean"].iloc[0])
failed: list[str] = [failure.what for _, _, failure in r.all_failures()]
rows = r.to_dataframe().query("main")
hours: list[float | None] = [job.seconds for job in ab.forecast("a", "STS").jobs]
c: ab.Comparison = ab.compare("a", "b", tasks=["STS"], seen=True, margin=0.5)
low, high = c["b"].interval
words: dict[str, str] = c.verdicts
text: str = c.to_latex() + c.to_text(by="task") + c.method
c.plot().save(Path("forest.svg"))
b: ab.Leaderboard = ab.leaderboard("results/", Path("more"), tasks="STS", ranks="tasks")
place: Path = b.save("site/")
refused: list[str] = [f.refusal for f in ab.submit("out", models="a", dry_run=True).refused]
cited: str = ab.cite("a", tasks="STS").paragraph("markdown") + ab.cite("a").bibtex
html: str = b.to_html() + b.to_markdown() + b.to_csv(raw=True)
count: int = len(ab.scores("results", tasks="STS")) + len(ab.runs())
left: int = int((ab.progress("results")["state"] == "left").sum())
pairs = ab.predictions("a", "STS12", results="results")
names: list[str] = ab.models().names + ab.tasks("STS").names + ab.recipes().names
fits: bool = ab.reproduce("UAE-Large-V1", tolerance=0.1).matches
with ab.load("a", device="cuda:0,cuda:1") as encoder:
    vectors = encoder.encode(["text"], prompt_name="query")
plan: ab.TrainingPlan = ab.plan_training("sts-b", seeds=[1, 2], lora={"r": [8, 16]}, shard="1/2")
needed: list[str] = [*plan.to_dataframe()["folder"], str(plan.preview.memory), plan.to_toml()]
trained = ab.train("a", [{"query": "q", "positive": "p"}], output="out", loss={"ibn_w": 1.0})
soup: ab.Merged = ab.merge(["out/1", "out/2"], "soup", weights=[1, 2])
folders = [Path(soup), Path(ab.export("soup", "merged", push_to_hub="org/soup"))]
written: Path = ab.encode("texts.txt", "a", "v.npy", role="query", size=64).output
rows_found = ab.mine_negatives("pairs.csv", "a", range=(0, 5), column={"q": "query"}).found
lacking: list[str] = ab.doctor(["a", "b"], "STS").missing
brought: tuple[str, ...] = ab.download("a", ["STS"], to=Path("bundle")).done
agrees: bool = ab.check_models("a").agrees or ab.check_models(["./ckpt"]).agrees
held: int = ab.cache_info().bytes + (ab.cache_prune("5G").freed_bytes or 0)
gone: str = ab.cache_clear("vectors").to_text()
rho: float = ab.evaluate("a", [{"text1": "a", "text2": "b", "label": 1.0}])["cosine"]["spearman"]
try:
    ab.run("nothing")
except ab.AngleBenchError as error:
    print(error.what, error.fix, error.fix_python)
"""


# what each verb is typed with, and the function that answers the same
VERBS: dict[str, tuple[str, Callable[[], Any]]] = {
    "run": (
        "run -m tiny -t demo -d cpu:1 --overwrite",
        lambda: quietly(ab.run, "tiny", "demo", device="cpu:1", overwrite=True).to_dict(),
    ),
    "compare": ("compare a b -t STS12", lambda: ab.compare("a", "b", tasks="STS12").to_dict()),
    "leaderboard": (
        "leaderboard -t STS12",
        lambda: (
            ab.leaderboard(tasks="STS12").to_dict()
            | {"command": "angle-bench leaderboard -t STS12 --json"}
        ),
    ),
    "cite": ("cite -m a -m b -t STS12", lambda: ab.cite("a", "b", tasks="STS12").to_dict()),
    "submit": ("submit --to out -n", lambda: ab.submit("out", dry_run=True).to_dict()),
    "train": ("train small.toml -o one", lambda: [trained_alike().to_dict()]),
    "mine-negatives": (
        "mine-negatives pairs.csv -m tiny --range 0:2 -d cpu:1 --overwrite",
        lambda: quietly(
            ab.mine_negatives, "pairs.csv", "tiny", range=(0, 2), device="cpu:1", overwrite=True
        ).to_dict(),
    ),
    "encode": (
        "encode texts.txt -m tiny -d cpu:1 --overwrite",
        lambda: quietly(ab.encode, "texts.txt", "tiny", device="cpu:1", overwrite=True).to_dict(),
    ),
    "export": (
        "export tiny --to sentence-transformers -o other",
        lambda: quietly(ab.export, "tiny", "sentence-transformers", "other").to_dict(),
    ),
    "merge": (
        "merge tiny other-tiny -o soup --weights 1,3",
        lambda: ab.merge(["tiny", "other-tiny"], "soup", [1, 3]).to_dict(),
    ),
    "reproduce": (
        "reproduce tiny --tolerance 100 -d cpu:1",
        lambda: quietly(ab.reproduce, "tiny", tolerance=100, device="cpu:1").to_dict(),
    ),
    "download": (
        "download -m tiny -t demo",
        lambda: ab.download("tiny", "demo").to_dict(),
    ),
    "runs": ("runs", lambda: runs_alike()),
    "doctor": ("doctor -m tiny -t demo", lambda: ab.doctor("tiny", "demo").to_dict()),
    "models list": ("models list", lambda: ab.models().to_dict()),
    "models show": ("models show tiny", lambda: ab.models("tiny").to_dict()),
    "models check": ("models check tiny", lambda: ab.check_models("tiny").to_dict()),
    "tasks list": ("tasks list --all", lambda: ab.tasks(everything=True).to_dict()),
    "tasks show": ("tasks show STS", lambda: ab.tasks("STS").to_dict()),
    "recipes list": ("recipes list", lambda: ab.recipes().to_dict()),
    "recipes show": ("recipes show sts-b", lambda: ab.recipes("sts-b").to_dict()),
    "cache info": ("cache info --cache-dir v", lambda: ab.cache_info("v").to_dict()),
    "cache prune": (
        "cache prune --to 1M --cache-dir v",
        lambda: ab.cache_prune("1M", "v").to_dict(),
    ),
    "cache clear": ("cache clear -y --cache-dir v", lambda: ab.cache_clear("v").to_dict()),
}
# the same verbs, where other options print something else
FORMS: dict[str, tuple[str, Callable[[], Any]]] = {
    "run -n": (
        "run -m tiny -t STS12,demo -n --layers 1,2 -d cpu:1",
        lambda: ab.forecast("tiny", "STS12,demo", layers=[1, 2], device="cpu:1").to_dict(),
    ),
    "train -n": (
        "train small.toml -n -d cpu:1",
        lambda: ab.plan_training("small.toml", device="cpu:1").to_dict(),
    ),
    "train -n, a grid": (
        "train small.toml -n -d cpu:1 -o out --seeds 1,2 --shard 2/3"
        " --set train.learning_rate=[1e-3,0.01] --set loss.ibn_w=[1,2]",
        lambda: ab.plan_training(
            "small.toml",
            device="cpu:1",
            output="out",
            seeds=[1, 2],
            shard="2/3",
            train={"learning_rate": [1e-3, 0.01]},
            loss={"ibn_w": [1, 2]},
        ).to_dict(),
    ),
    "mine-negatives -n": (
        "mine-negatives pairs.csv -m tiny -n",
        lambda: quietly(ab.mine_negatives, "pairs.csv", "tiny", dry_run=True).to_dict(),
    ),
    "models check FOLDER": (
        "models check other-tiny/",
        lambda: ab.check_models("other-tiny/").to_dict(),
    ),
    "tasks list, suites alone": ("tasks list", lambda: ab.tasks().to_dict()),
    "tasks show TASK": ("tasks show STS12", lambda: ab.tasks("STS12").to_dict()),
    "compare --by task": (
        "compare a b -t STS12 --by task --changes 2",
        lambda: ab.compare("a", "b", tasks="STS12").to_dict("task", 2),
    ),
}
# of the last row
PUBLISHED = """[[model.published]]
suite = "demo"
source = "nobody"
[model.published.scores]
AngleBenchDemo = 50.0
"""
RECORD = {
    "command": ["angle-bench", "run"],
    "asked": {"models": ["a"], "suite": "STS/1"},
    "outcome": {},
    "exit_code": 0,
    "started": "2026-11-02T10:00:00+00:00",
    "ended": "2026-11-02T10:05:00+00:00",
}
# of these no two calls say the same, or another package says it
DIFFERS = {"seconds", "memory_available", "free", "faster"}  # the last is measured anew


def quietly(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return function(*given, progress=False, **named)


def trained_alike() -> Any:
    """The recipe's training on the same rows, into the same folder."""
    shutil.rmtree("one")
    recipe = tomllib.loads(Path("small.toml").read_text(encoding="utf-8"))
    name = recipe.pop("model").pop("name")
    (source,) = recipe.pop("data")["train"]
    sections = {each: recipe[each] for each in ("loss", "train", "select") if each in recipe}
    return ab.train(name, source["path"], output="one", model={"pooling": "mean"}, **sections)


def runs_alike() -> list[dict[str, Any]]:
    """The frame of runs, with its times as text."""
    return [
        {
            name: value.isoformat() if isinstance(value, pd.Timestamp) else value
            for name, value in row.items()
        }
        for row in ab.runs().to_dict("records")
    ]


@pytest.fixture
def things(tmp_path: Path, tiny_bert: Path) -> None:
    """What the verbs are typed with, in the current folder."""
    other = tmp_path / "other-tiny"
    other.mkdir()
    build_tiny_bert(other, seed=1)
    rows = [("other-tiny", other), ("tiny", tiny_bert)]
    said = 'pooling = "mean"\nmax_length = 32\n'
    text = "".join(f'[[model]]\nname = "{name}"\npath = "{path}"\n{said}' for name, path in rows)
    (tmp_path / "angle-bench.toml").write_text(text + PUBLISHED)
    (tmp_path / "texts.txt").write_text("one\ntwo\n")
    (tmp_path / "pairs.csv").write_text("query,positive\na cat,cat\na dog,dog\nc,tree\n")
    (tmp_path / "small.toml").write_text(recipe_toml(recipe_of(tmp_path, tiny_bert)))
    for seed, name in enumerate(("a", "b")):
        pairs = Pairs("STS12")
        part = pairs.part(pairs.scores(0.1 + seed, seed))
        Results(tmp_path / "results").put(f"org/{name}", "STS12", part)
    (tmp_path / "results/.runs").mkdir()
    (tmp_path / "results/.runs/1.json").write_text(json.dumps(RECORD), encoding="utf-8")


def verbs_with_json() -> list[str]:
    """Every verb that can print JSON, without the name of the program."""
    return [
        typed.partition(" ")[2]
        for typed, command in verbs()
        if any("--json" in param.opts for param in command.params)
    ]


def test_every_verb_with_json_has_a_function() -> None:
    assert sorted(VERBS) == sorted(verbs_with_json())


@pytest.mark.process
@pytest.mark.parametrize("verb", [*VERBS, *FORMS])
def test_what_a_verb_prints_is_what_the_function_gives(verb: str, cli: Cli, things: None) -> None:
    words, value = (VERBS | FORMS)[verb]
    printed = cli(*shlex.split(words), "--json")
    assert printed.errors == []
    given = json.loads(json.dumps(value()))
    assert steady(json.loads(printed.out)) == steady(given)


def steady(plain: Any) -> Any:
    """Without what differs from call to call."""
    if isinstance(plain, dict):
        return {name: steady(each) for name, each in plain.items() if name not in DIFFERS}
    return [steady(each) for each in plain] if isinstance(plain, list) else plain


def test_what_was_run(cli: Cli, things: None) -> None:
    (printed,) = json.loads(cli("runs", "--json").out)
    (row,) = ab.runs("results").to_dict("records")
    assert printed["command"] == row["command"] == "angle-bench run"
    assert [printed[name] for name in ("scored", "kept", "failed")] == [0, 0, 0]
    shown = cli("runs").out
    assert "2026-11-02T10:00:00" in shown
    assert "well" in shown
    assert cli("runs", "--last", "0").code == 2
    assert cli("runs", "-r", "nowhere").code == 2


@pytest.mark.process
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


@pytest.mark.process
@pytest.mark.long
def test_types_hold_for_pyright_too(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout
    assert "0 errors, 0 warnings" in ended.stdout


def test_the_script_names_every_function() -> None:
    functions = [name for name in ab.__all__ if name.islower() and not name.startswith("_")]
    assert [name for name in functions if f"ab.{name}(" not in SCRIPT] == []
