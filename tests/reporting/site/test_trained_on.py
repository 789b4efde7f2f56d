"""What models were trained on, in an opened site."""

import csv
from pathlib import Path
from typing import Any

import pytest

from angle_bench.files.atomic import write_json
from angle_bench.results.result_file import read_object
from tests.conftest import Cli
from tests.reporting.site.opened import ARTEFACTS, Open, column, rows, sort
from tests.reporting.site.test_in_browser import saved
from tests.reporting.site.test_looks import serious
from tests.result_files import put
from tests.stored import Pairs, Results, put_training

DECLARES = "intfloat/e5-mistral-7b-instruct"
TASKS = ("FEVER", "HotpotQA", "STS12", "STS13")
WORDS = ("leaderboard", "-t", ",".join(TASKS), "-q")


@pytest.fixture
def models(tmp_path: Path) -> None:
    """One that declares, one that does not, a base and a candidate with a record of its texts."""
    root = tmp_path / "results"
    for model, score in ((DECLARES, 0.8), ("openai/text-embedding-ada-002", 0.7)):
        for task in TASKS:
            put(root / model.replace("/", "__") / "r", task, score)
    results, checkpoint = Results(root), tmp_path / "ft"
    checkpoint.mkdir()
    pairs = Pairs("STS12")
    for label, noise in (("base", 0.4), ("ft", 0.2)):
        for task in ("STS12", "STS13"):
            own = Pairs(task)
            part = own.part(own.scores(noise, 1))
            place = checkpoint if label == "ft" else None
            folder = results.put(f"local/{label}", task, part, checkpoint=place)
            record = read_object(folder.record(task))
            record["model"] |= {"weight_bytes": 90868376, "made_from": DECLARES}
            write_json(folder.record(task), record)
    had = list(zip(pairs.text1, pairs.text2, strict=True))[:40]
    put_training(checkpoint, had, [])


def training(tab: Any) -> dict[str, tuple[str, str]]:
    lines = [row.inner_text().split("\t") for row in tab.locator("#training tbody tr").all()]
    return {name: (declared, seen) for name, declared, seen in lines}


@pytest.mark.usefixtures("models")
def test_a_site_tells_both_kinds_apart(cli: Cli, page: Open) -> None:
    assert cli(*WORDS, "-o", "site").code == 0
    tab = page()
    assert column(tab, "zero_shot") == {
        "e5-mistral-7b-instruct": "50 %",
        "text-embedding-ada-002": "not declared",
        "ft": "50 % (base)",
        "base": "50 % (base)",
    }
    seen = column(tab, "seen")
    assert seen["base"] == seen["e5-mistral-7b-instruct"] == "not recorded"
    assert column(tab, "fact:disk")["ft"] == "90.9 MB"
    assert column(tab, "fact:base")["ft"] == DECLARES
    sort(tab, "seen")
    assert rows(tab)[0] == "ft"
    sort(tab, "zero_shot")
    assert rows(tab)[-1] == "text-embedding-ada-002"
    tab.locator("#scores tbody a", has_text="ft").first.click()
    told = training(tab)
    assert {name: declared for name, (declared, _) in told.items()} == {
        "FEVER": "trained on",
        "HotpotQA": "trained on",
        "STS12": "not trained on",
        "STS13": "not trained on",
    }
    assert told["FEVER"][1] == "not recorded"
    assert told["STS12"][1].endswith(" %")
    assert told["STS13"][1] == "0 %"
    assert seen["ft"] in tab.locator("main").inner_text()
    assert f"here of its base, {DECLARES}" in tab.locator("#training").inner_text()


@pytest.mark.usefixtures("models")
def test_a_cell_says_that_its_task_was_trained_on(cli: Cli, page: Open) -> None:
    """Those that the page holds from the start, and those that are made when they are asked for."""
    assert cli(*WORDS, "-o", "site").code == 0
    tab = page()
    tab.locator("#tasks").check()
    marked = tab.locator("#scores tbody td.trained")
    assert marked.count() == 2 + 2 + 2  # FEVER and HotpotQA of all but the silent one
    assert marked.first.get_attribute("title") == "trained on, as its makers declare"
    assert cli("leaderboard", "-t", "FEVER", "-q", "-o", "site").code == 0
    tab = page()
    marked = tab.locator("#scores tbody td.trained")
    assert marked.count() == 1
    assert marked.first.inner_text() == "80.00"


@pytest.mark.usefixtures("models")
def test_two_models_and_a_download_have_it(cli: Cli, page: Open) -> None:
    assert cli(*WORDS, "-o", "site").code == 0
    tab = page()
    theirs = cli(*WORDS, "--zero-shot", "--format", "csv").out
    ours, expected = (
        list(csv.DictReader(each.splitlines())) for each in (saved(tab, "csv"), theirs)
    )
    assert [row["zero_shot"] for row in ours] == [row["zero_shot"] for row in expected]
    assert [row["seen"] and float(row["seen"]) for row in ours] == [
        row["seen"] and float(row["seen"]) for row in expected
    ]
    assert {row["zero_shot"] for row in ours} == {"50", ""}
    tab = page(state="#tab=two&model=ft&base=text-embedding-ada-002")
    settings = tab.locator("#two-out table").first.inner_text()
    assert "zero-shot, as declared\t50 %\t–" in settings
    assert "disk\t90,868,376 bytes\t–" in settings


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (390, "dark")])
def test_how_it_looks(cli: Cli, tmp_path: Path, page: Open, width: int, scheme: str) -> None:
    assert cli(*WORDS, "-o", "site").code == 0
    (of_ft,) = (tmp_path / "site/index_files").glob("model-*-ft.html")
    for name, place in (("trained-on", "site/index.html"), ("trained-on-model", of_ft)):
        tab = page(width, scheme, place=place)
        assert serious(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.screenshot(path=ARTEFACTS / f"{name}-{width}-{scheme}.png", full_page=True)


@pytest.mark.usefixtures("page")
def test_nothing_is_shown_where_nothing_is_known(cli: Cli, tmp_path: Path, page: Open) -> None:
    put(tmp_path / "results" / "org__unknown" / "r", "STS12", 0.5)
    assert cli("leaderboard", "-t", "STS12", "-o", "site", "-q").code == 0
    text = (tmp_path / "site/index.html").read_text()
    assert "zero-shot" not in text
    assert "trained on" not in page().locator("main").inner_text()
