"""The pages' examples: commands parse, TOML loads, and what the first guides show is what comes."""

import ast
import doctest
import inspect
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import TypeAdapter
from typer.main import get_command

import angle_bench as ab
from angle_bench.cli.app import app
from tests.conftest import Cli
from tools.cli_reference import reference

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
# in the order of reading: a page goes on with what the one before it has stored
RUN = ("start", "compare", "paper-table", "espresso")
# what they show beside that, for which there is no model here
NOT_HERE = re.compile(
    r"UAE-Large-V1|checkpoints/|small\.toml|-t STS\b|MTEB\(eng|make demo|activate"
)
# a fine-tune differs between processors, by rounding that training makes larger
TOLERANCE = {"compare": 0.3, "paper-table": 0.3}
TIMES = re.compile(r"\d\d:\d\d|[\d,.]+ (?:s|min|h)\b|[\d,]+ texts/s")
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")


@dataclass
class Example:
    """A command of a page, and the lines that stand under it."""

    command: str
    shown: list[str]


def ident(page: Path) -> str:
    return str(page.relative_to(ROOT))


def code(page: Path) -> Iterator[list[str]]:
    """The blocks of code, without indentation or fences."""
    fenced = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    text = page.read_text(encoding="utf-8")
    for block in fenced.findall(text):
        yield block.splitlines()
    for block in re.findall(r"(?:^(?: {4}.*)?\n)+", fenced.sub("\n", text), re.MULTILINE):
        if block.strip():
            yield dedent(block).strip("\n").splitlines()


def examples(page: Path) -> list[Example]:
    """The commands after `$`, lines that end in a backslash put together."""
    found: list[Example] = []
    for lines in code(page):
        open_line = ""
        here: list[Example] = []
        for line in lines:
            command = re.match(r"(?:node)?\$ (.*)", line.strip())
            if command or open_line:
                text = open_line + (command.group(1) if command else line.strip())
                open_line = text.removesuffix("\\") if text.endswith("\\") else ""
                if not open_line:
                    here.append(Example(text, []))
            elif here:
                here[-1].shown.append(line)
        found += here
    return found


def commands(page: Path) -> list[str]:
    """Those of angle-bench, and in scripts those without a `$`; and those in tables."""
    scripts = [line for lines in code(page) if lines[0].startswith("#!") for line in lines]
    typed = [example.command for example in examples(page)] + scripts
    return [
        line[line.index("angle-bench ") :]
        for line in typed
        if re.match(r"(?:srun )?angle-bench ", line)
    ] + table_commands(page)


def table_rows(text: str) -> list[list[str]]:
    """The cells of the rows of tables, without their headers and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rules = {at for at, line in enumerate(lines) if re.fullmatch(r"[|\s:-]+", line)}
    kept = [line for at, line in enumerate(lines) if not {at, at + 1} & rules]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in kept]


def table_commands(page: Path) -> list[str]:
    """Those of angle-bench that cells of tables begin with, whole ones alone."""
    return commands_of(table_rows(page.read_text(encoding="utf-8")))


def commands_of(rows: list[list[str]]) -> list[str]:
    """Those that the cells of some rows begin with."""
    found = [re.match(r"`(angle-bench [^`…]+)`", cell) for row in rows for cell in row]
    return [each.group(1) for each in found if each]


def named_toml(page: Path) -> dict[str, list[str]]:
    """Blocks of TOML by the name in their first line; those without one by `[[table]]`."""
    found: dict[str, list[str]] = {}
    for lines in code(page):
        head = re.fullmatch(r"# (\S+\.toml)", lines[0])
        table = re.match(r"\[+(\w+)\]+", lines[0])
        whole = "\n".join(lines)
        if head:
            found.setdefault(head.group(1), []).append(whole)
        elif table:
            recipe = "[[data.train]]" in whole or table.group(1) == "teacher"
            found.setdefault("recipe.toml" if recipe else "angle-bench.toml", []).append(whole)
        elif lines[0].startswith("name = "):
            found.setdefault("suite.toml", []).append(whole)
    return found


def parse(command: str) -> None:
    """Parse as the command line does, without running it: unknown words and values are errors."""
    at: Any = get_command(app)
    words = shlex.split(command, comments=True)[1:]
    while hasattr(at, "commands"):
        assert words, f"no verb: {command}"
        assert words[0] in at.commands, f"no verb: {command}"
        at = at.commands[words.pop(0)]
    if words == ["--help"]:
        return
    at.make_context(command, words)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=ident)
def test_every_command_parses(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in [DOCS / "guide/my-checkpoint.md", page]:
        for name, blocks in named_toml(place).items():
            Path(name).write_text(blocks[-1], encoding="utf-8")
    for command in commands(page):
        parse(command)


def test_commands_that_cannot_be_are_found() -> None:
    for wrong in ("runn -m a", "run --poling cls", "compare a b --by tasks", "compare a"):
        with pytest.raises(Exception, match=r"(?i)no verb|no such option|not one of|missing"):
            parse(f"angle-bench {wrong}")


@pytest.mark.parametrize("page", [page for page in PAGES if named_toml(page)], ids=ident)
def test_toml_is_what_its_reader_takes(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from angle_bench.checkpoints.registry.registry import users_entries
    from angle_bench.suites.suite_file import read_suite
    from angle_bench.suites.user_task_file import users_tasks
    from angle_bench.training.recipe.read_recipe import read_recipe
    from angle_bench.training.recipe.recipe import Recipe

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    for name, blocks in named_toml(page).items():
        for block in blocks:
            place = Path(name)
            place.write_text(block, encoding="utf-8")
            tables = tomllib.loads(block)
            if name == "angle-bench.toml":
                rows = [*users_entries(), *users_tasks()]
                assert len(rows) == sum(map(len, tables.values()))
            elif "data" in tables:
                assert read_recipe(name).data.train
            elif "teacher" in tables:
                taught: Any = TypeAdapter(Recipe.model_fields["teacher"].annotation)
                assert taught.validate_python(tables["teacher"])
            elif "task" in tables:
                assert read_suite(place).task
            else:
                parse(f"angle-bench run {name}")


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == reference(), "make generate"


@pytest.mark.process
def test_the_python_examples_of_the_guides_run(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = [
        doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
        for page in sorted([*(DOCS / "guide").glob("*.md"), DOCS / "python.md"])
    ]
    assert sum(each.failed for each in ran) == 0
    assert sum(each.attempted for each in ran) >= 14


def python_blocks(page: Path) -> list[str]:
    """The blocks of Python that are shown but not run, since they need models or data."""
    fenced = re.compile(r"^ *```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    return [dedent(block) for block in fenced.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=ident)
def test_every_call_fits_its_function(page: Path) -> None:
    for block in python_blocks(page):
        for call in ast.walk(ast.parse(block)):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if isinstance(call.func.value, ast.Name) and call.func.value.id == "ab":
                named = {each.arg: None for each in call.keywords if each.arg}
                signature = inspect.signature(getattr(ab, call.func.attr))
                signature.bind_partial(*call.args, **named)


def told(line: str) -> str:
    """A line without what differs from run to run: times, speeds, hashes of trained weights."""
    plain = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,16}\b", "#", TIMES.sub("#", line))
    return re.sub(r"\s+", " ", plain).strip()


def is_there(line: str, lines: list[str], tolerance: float) -> bool:
    """Whether a line is among those that came: the same words, figures within the tolerance.

    `…` stands for whatever follows. Without a tolerance figures are equal to the printed digit.
    """
    shown, cut = told(line.partition("…")[0]), "…" in line
    pattern = re.escape(NUMBER.sub("0", shown)) + (".*" if cut else "")
    for came in map(told, lines):
        if re.fullmatch(pattern, NUMBER.sub("0", came)) is None:
            continue
        pairs = zip(NUMBER.findall(shown), NUMBER.findall(came), strict=False)
        values = [tuple(float(text.replace(",", "")) for text in pair) for pair in pairs]
        if all(abs(one - other) <= tolerance + 1e-9 for one, other in values):
            return True
    return False


def test_figures_are_compared() -> None:
    lines = ["10:02 STS12  2.40 points", "all-MiniLM-L6-v2  65.31"]
    assert is_there("all-MiniLM-L6-v2 65.31", lines, 0)
    assert is_there("11:15 STS12 2.4…", lines, 0)
    assert not is_there("all-MiniLM-L6-v2  65.32", lines, 0)
    assert is_there("all-MiniLM-L6-v2  65.32", lines, 0.02)
    assert not is_there("all-MiniLM-L12-v2  65.31", lines, 0.02)


@pytest.mark.process
@pytest.mark.parametrize(
    ("pages", "least"), [(RUN[:1], 5), pytest.param(RUN, 17, marks=pytest.mark.long)]
)
def test_the_first_guides_show_what_comes(
    pages: tuple[str, ...],
    least: int,
    cli: Cli,
    minilm: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their commands run in the order of reading, in a folder like a checkout."""
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))  # nothing is encoded yet
    (tmp_path / "tasks").symlink_to(ROOT / "tasks")
    ran = 0
    for name in pages:
        page = DOCS / "guide" / f"{name}.md"
        for toml, blocks in named_toml(page).items():
            Path(toml).write_text(blocks[0], encoding="utf-8")
        for example in examples(page):
            if NOT_HERE.search(example.command):
                continue
            code, out = run(example.command, cli)
            wrong = any(line.startswith("error:") for line in example.shown)
            assert (code != 0) == wrong, f"{name}: {example.command}\n{out}"
            missing = [
                line
                for line in filter(str.strip, example.shown)
                if line.strip() != "…" and not is_there(line, out, TOLERANCE.get(name, 0))
            ]
            assert not missing, f"{name}: {example.command}\n" + "\n".join([*missing, "---", *out])
            ran += 1
    assert ran >= least


def run(command: str, cli: Cli) -> tuple[int, list[str]]:
    """The exit code and every line, of files that a command wrote too."""
    if not command.startswith("angle-bench "):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
        return done.returncode, (done.stdout + done.stderr).splitlines()
    words = shlex.split(command, comments=True)[1:]
    ended = cli(*words)
    written = Path(words[words.index("-o") + 1]) if "-o" in words else None
    files = written.read_text(encoding="utf-8") if written and written.is_file() else ""
    return ended.code, (ended.out + ended.err + files).splitlines()
