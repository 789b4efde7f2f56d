"""Imports point one way, and the command line brings nothing heavy before it needs it."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

import angle_bench
from tests.result_files import put

PACKAGE = Path(angle_bench.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "mteb", "transformers", "datasets", "sentence_transformers"}

# `errors`, `files` <- `suites` <- `checkpoints`, `results` <- `encoding` <- `evaluation` <-
# `training`; `reporting` needs only `results`; `sweeps`, then `api`, then `cli` are above all.
BASE = {"errors", "extras", "files", "python_words", "quick_imports", "timeline", "version"}
SUITES = BASE | {"suites"}
CHECKPOINTS = SUITES | {"checkpoints"}
RESULTS = SUITES | {"results"}
ENCODING = CHECKPOINTS | RESULTS | {"encoding"}
EVALUATION = ENCODING | {"evaluation"}
TRAINING = EVALUATION | {"training"}
MAY_IMPORT = {
    "errors": {"python_words"},
    "extras": {"errors"},
    "python_words": set(),
    "quick_imports": set(),
    "timeline": set(),
    "version": set(),
    "files": {"errors", "files"},
    "suites": SUITES,
    "checkpoints": CHECKPOINTS,
    "results": RESULTS,
    "encoding": ENCODING,
    "evaluation": EVALUATION,
    "training": TRAINING,
    "reporting": RESULTS | {"reporting"},
    "sweeps": TRAINING | {"reporting", "sweeps"},
    "api": TRAINING | {"reporting", "sweeps", "api"},
    "cli": TRAINING | {"reporting", "api", "sweeps", "cli"},
    "__init__": TRAINING | {"api"},
    "__main__": {"cli"},
}
ONLY_IN = {"mteb": {"evaluation"}, "torch": {"checkpoints", "encoding", "training"}}


def part_of(module: Path) -> str:
    """The part of the house: `checkpoints` for checkpoints/spec.py, `errors` for errors.py."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(module: Path, *, at_once: bool = False) -> set[str]:
    """The dotted names that a module imports, inside functions too unless `at_once`.

    `at_once` leaves out what waits for a call, and what only type checkers read.
    """
    tree = ast.parse(module.read_text(encoding="utf-8"))
    nodes = list(_at_once(tree)) if at_once else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by dots"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _at_once(node: ast.AST) -> list[ast.AST]:
    found = [node]
    for child in ast.iter_child_nodes(node):
        waits = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not waits and not for_types:
            found += _at_once(child)
    return found


def top(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def parts(names: set[str]) -> set[str]:
    """The parts of this package among dotted names."""
    own = [name.split(".") for name in names if name.partition(".")[0] == "angle_bench"]
    known = {part_of(module) for module in MODULES}
    return {name[1] if len(name) > 1 and name[1] in known else "__init__" for name in own}


@pytest.mark.parametrize("module", MODULES, ids=lambda place: str(place.relative_to(PACKAGE)))
def test_imports_point_one_way(module: Path) -> None:
    part = part_of(module)
    assert part in MAY_IMPORT, f"{part} has no place in docs/architecture.md"
    allowed = MAY_IMPORT[part] | ({"__init__"} if part in ("cli", "__main__") else set())
    if module.name == "__main__.py":  # `python -m` is the command line
        allowed = allowed | {"cli"}
    assert parts(imported(module)) <= allowed
    for library, homes in ONLY_IN.items():
        assert library not in top(imported(module)) or part in homes


@pytest.mark.parametrize(
    "module",
    [place for place in MODULES if part_of(place) in ("cli", "__init__", "__main__")],
    ids=lambda place: str(place.relative_to(PACKAGE)),
)
def test_the_command_line_imports_nothing_heavy_at_once(module: Path) -> None:
    assert not HEAVY & top(imported(module, at_once=True))


def test_the_statistics_know_no_files() -> None:
    """numpy and one another: nothing that could read a result."""
    folder = PACKAGE / "reporting" / "statistics"
    names = set().union(*(imported(module) for module in folder.glob("*.py")))
    own = {name for name in names if name.startswith("angle_bench.")}
    assert own
    assert all(name.startswith("angle_bench.reporting.statistics.") for name in own)
    # imports within functions are found, too
    assert "pandas" in top(imported(PACKAGE / "reporting" / "formats" / "board_frame.py"))
    assert top(names) - set(sys.stdlib_module_names) == {"angle_bench", "numpy"}


def test_the_package_is_looked_at() -> None:
    # a rule over no files, or a reader that sees no imports, would hold
    assert {"checkpoints", "results", "evaluation", "cli"} <= {
        part_of(module) for module in MODULES
    }
    every = set().union(*(top(imported(module)) for module in MODULES))
    assert {"torch", "mteb", "angle_bench"} <= every
    run = PACKAGE / "cli" / "verbs" / "run.py"
    assert "api" in parts(imported(run))
    assert "api" not in parts(imported(run, at_once=True))


MAIN = """
import sys
sys.argv = ["angle-bench", *{words!r}]
from angle_bench.cli.app import main
main()
"""


def child(code: str, folder: Path) -> tuple[int | None, set[str], str]:
    """Run code in a process: its exit code, the top-level modules it has loaded, its stderr."""
    script = f"""
import json, sys
ended = None
try:
{indent(code, "    ")}
except SystemExit as exit:
    ended = exit.code
print(json.dumps([ended, sorted(name.partition(".")[0] for name in sys.modules)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    ended, modules = json.loads(done.stdout.splitlines()[-1])
    return ended, set(modules), done.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--help"], 0, ""),
        (["--version"], 0, ""),
        (["run", "--help"], 0, ""),
        (["run", "-m", "UAE-Large-V9"], 2, "UAE-Large-V1"),
        (["run", "-m", "./no-such-folder"], 2, "no-such-folder"),
        (["run", "-m", "all-MiniLM-L6-v2", "-t", "STS-12"], 2, "STS12"),
        (["run"], 2, "-m"),
        (["runn"], 2, "angle-bench run"),
    ],
)
def test_a_command_that_computes_nothing_loads_nothing_heavy(
    tmp_path: Path, words: list[str], status: int, said: str
) -> None:
    code, modules, err = child(MAIN.format(words=words), tmp_path)
    assert code == status
    assert said in err
    assert "angle_bench" in modules
    assert not HEAVY & modules


@pytest.mark.process
def test_a_leaderboard_loads_nothing_heavy(tmp_path: Path) -> None:
    put(tmp_path / "results" / "org__model" / "r", "STS12", 0.5)
    for words in (["leaderboard", "-t", "STS12", "--published"], ["leaderboard", "--json"]):
        code, modules, err = child(MAIN.format(words=words), tmp_path)
        assert (code, err) == (0, "")
        assert "angle_bench" in modules
        assert not (HEAVY | {"pandas", "numpy", "pyarrow"}) & modules


@pytest.mark.process
def test_what_models_were_trained_on_needs_neither_mteb_nor_torch(tmp_path: Path) -> None:
    put(tmp_path / "results" / "intfloat__e5-mistral-7b-instruct" / "r", "FEVER", 0.5)
    words = ["leaderboard", "-t", "FEVER", "--zero-shot", "--json"]
    code, modules, err = child(MAIN.format(words=words), tmp_path)
    assert (code, err) == (0, "")
    assert not (HEAVY | {"pandas", "scipy"}) & modules


@pytest.mark.process
def test_results_and_reporting_load_nothing_heavy(tmp_path: Path) -> None:
    names = [
        ".".join(module.relative_to(PACKAGE.parent).with_suffix("").parts)
        for module in MODULES
        if part_of(module) in ("errors", "results", "reporting")
    ]
    assert len(names) > 8
    _, modules, _ = child(f"import {', '.join(names)}", tmp_path)
    assert {"angle_bench", "pydantic", "tabulate"} <= modules
    assert not HEAVY & modules


@pytest.mark.process
def test_the_package_itself_loads_nothing_heavy(tmp_path: Path) -> None:
    _, modules, _ = child("import angle_bench", tmp_path)
    assert "angle_bench" in modules
    assert not HEAVY & modules
    _, modules, _ = child("import angle_bench.checkpoints.loading.backbone", tmp_path)
    assert "torch" in modules  # this is how it would look


@pytest.mark.process
def test_python_m_angle_bench_is_the_command_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "angle_bench", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "Usage: " in done.stdout
    lines = done.stderr.splitlines()
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "typer" in modules
    assert not HEAVY & modules
