"""README and docs: links lead somewhere, options and environment names exist, examples run."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
SOURCES = "\n".join(place.read_text() for place in (ROOT / "angle_bench").rglob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    broken = [
        target
        for target in targets
        if "://" not in target and not (page.parent / target).resolve().exists()
    ]
    assert broken == []


def ours(page: Path) -> str:
    """A page without other programs' options: schedulers', and what was typed before this one."""
    text = re.sub(r"^#(?:SBATCH|PBS|BSUB|\$) .*", "", page.read_text(), flags=re.MULTILINE)
    text = re.sub(r"^ +ray job submit .*", "", text, flags=re.MULTILINE)
    other_tools = r"^    \$ (uvx|pipx|docker) .*? angle-bench|--target cuda"
    text = re.sub(other_tools, "", text, flags=re.MULTILINE)
    if page.name.startswith("from-"):
        return re.sub(r"^\|.*?\|", "|", text, flags=re.MULTILINE)
    return text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_and_variables_exist(page: Path) -> None:
    text = ours(page)
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    variables = set(re.findall(r"\bANGLE_BENCH_[A-Z]+\b", text))
    assert {name for name in options | variables if name not in SOURCES} == set()


def test_the_tree_names_every_module() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    modules = {
        place.name
        for place in (ROOT / "angle_bench").rglob("*.py")
        if not place.name.startswith("__")
    }
    assert {name for name in modules if name not in text} == set()


def test_changelog_entries_are_short() -> None:
    entries = re.findall(r"^- (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert entries
    assert [entry for entry in entries if len(entry.split()) > 25] == []


def test_the_worked_example_of_the_statistics_runs() -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs/statistics.md"), module_relative=False)
    assert (failed, tried) == (0, 19)


@pytest.mark.process
def test_the_python_examples_run(minilm: Path) -> None:
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert (failed, tried) == (0, 5)
    import angle_bench
    from angle_bench import errors
    from angle_bench.checkpoints import prompts, templates
    from angle_bench.evaluation.encoders import load
    from angle_bench.reporting.comparison import verdict
    from angle_bench.reporting.statistics import inference, ranks
    from angle_bench.reporting.tables import signature
    from angle_bench.results import text_hash, training_record
    from angle_bench.suites import select

    documented = [angle_bench, load, errors, prompts, signature, select, text_hash, verdict]
    for module in (*documented, templates, inference, ranks, training_record):
        ran = doctest.testmod(module, extraglobs={"load": load.load})
        assert ran.failed == 0
        assert ran.attempted > 0


def test_files_that_pages_name_are_there() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    rooms = [ROOT, ROOT / "angle_bench"]
    named = {
        (page.name, name)
        for page in pages
        if page.name != "CHANGELOG.md"
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", ours(page))
    }
    assert len(named) > 30
    assert {each for each in named if not any((room / each[1]).exists() for room in rooms)} == set()
