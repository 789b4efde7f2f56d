"""How pages look and who can use them: pictures to look at, accessibility, weight."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angle_bench.files.atomic import write_json
from angle_bench.suites.select import select
from tests.conftest import Cli
from tests.reporting.site.opened import ARTEFACTS, Open, column, rows, sort
from tests.result_files import put
from tests.stored import Pairs, Results

MANY, MEGABYTE = 300, 1_000_000
TABS = ("scores", "scatter", "two", "pairs", "about")
# each count, width and scheme is looked at, all of their combinations in the long tests
SOON = [(15, 900, "light"), (15, 390, "dark")]
LOOKS = [
    pytest.param(*look, marks=() if look in SOON else pytest.mark.long)
    for look in itertools.product((3, 15, MANY), (1400, 900, 390), ("light", "dark"))
]
META = {"max_tokens": 512, "license": "mit"}


def put_models(root: Path, count: int) -> None:
    """Models with predictions of four STS tasks."""
    results = Results(root)
    for name in ("STS12", "STS13", "STS16", "STSBenchmark"):
        pairs = Pairs(name)
        for at in range(count):
            noise = 0.30 + 0.02 * ((at * 7) % count) - 0.1 * (at % 3 == 1)
            part = pairs.part(pairs.scores(noise, at))
            folder = results.put(f"org/model-{at:02d}-of-some-name", name, part)
            size = {"n_parameters": int(2e7 * (1 + at) ** 1.7), "embed_dim": (384, 768)[at % 2]}
            write_json(folder.meta, {"name": folder.name, "revision": "r", **size, **META})


def put_many(root: Path) -> None:
    """300 models that mteb scored on 56 tasks, of which some are missing."""
    random = np.random.default_rng(1)
    tasks = select(["MTEB(eng, v1)"]).task
    for at in range(MANY):
        folder = root / f"org__model-{at:03d}" / "r"
        level = random.uniform(0.3, 0.8)
        for task in tasks:
            if random.uniform() > 0.005:
                score = round(float(level + random.normal() * 0.05), 6)
                scores = dict.fromkeys(task.subsets, score)
                put(folder, task.name, dict.fromkeys(task.splits, scores))
        size = {"n_parameters": int(10 ** random.uniform(7, 10)), "embed_dim": 768}
        write_json(folder / "model_meta.json", {"name": f"org/model-{at:03d}", **size, **META})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A folder for each count of models, with ./results and then ./site."""
    made = {count: tmp_path_factory.mktemp(f"models-{count}") for count in (3, 15, MANY)}
    for count, folder in made.items():
        if count == MANY:
            put_many(folder / "results")
        else:
            put_models(folder / "results", count)
    return made


def write(cli: Cli, folder: Path, count: int) -> Path:
    place = folder / "site" / "index.html"
    if not place.exists():
        suite = "MTEB(eng, v1)" if count == MANY else "STS12,STS13,STS16,STSBenchmark"
        base = "model-001" if count == MANY else "model-00-of-some-name"
        words = ("leaderboard", folder / "results", "-t", suite, "--base", base)
        assert cli(*words, "-o", folder / "site", "-q").code == 0
    return place


def serious(tab: Any) -> list[str]:
    """What axe finds that keeps people out, rule by rule."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(tab, options={"preload": False}).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("count", "width", "scheme"), LOOKS)
def test_pages_fit_and_can_be_used(
    cli: Cli, site: dict[int, Path], page: Open, count: int, width: int, scheme: str
) -> None:
    place = write(cli, site[count], count)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    shown = ("scores", "scatter") if count == MANY else TABS
    for tab_name in shown:
        tab = page(width, scheme, f"#tab={tab_name}", place)
        name = f"site-{count}-{width}-{scheme}-{tab_name}.png"
        if tab_name == "pairs":
            tab.wait_for_selector("#pair-table tbody tr")
        tab.screenshot(path=ARTEFACTS / name, full_page=tab_name == "scores")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert len(tab.locator(".panel:visible").inner_text()) > 50  # none is empty
        if (width, scheme) == (1400, "light") or (count == 15 and width != 900):
            assert serious(tab) == []
        if count != MANY:  # every verdict is within the width, without scrolling sideways
            for line in tab.locator(".verdict:visible .forest tbody tr").all():
                box = line.bounding_box()
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
                assert "p " in line.inner_text()
        tab.close()


def test_the_first_screen_holds_fifteen_verdicts(
    cli: Cli, site: dict[int, Path], page: Open
) -> None:
    tab = page(1400, place=write(cli, site[15], 15))
    box = tab.locator(".forest").bounding_box()
    assert box["y"] + box["height"] < 900
    assert tab.locator(".forest .strip").count() == 14
    assert tab.locator("#scores").bounding_box()["y"] < 1100  # and the table begins near it


def test_three_hundred_models(cli: Cli, site: dict[int, Path], page: Open) -> None:
    """What is read before anything is seen is small, few rows are drawn, all are sorted."""
    place = write(cli, site[MANY], MANY)
    beside = place.with_name("index_files")
    read = [place, beside / "site.css", beside / "site.js"]
    assert sum(each.stat().st_size for each in read) < MEGABYTE
    assert (beside / "board.js").stat().st_size < MEGABYTE
    tab = page(place=place)
    assert tab.locator("#scores tbody tr").count() == MANY
    assert len(rows(tab)) == 40
    sort(tab, "fact:parameters")
    first = column(tab, "fact:parameters")
    tab.locator(".tall").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    tab.wait_for_selector("#scores tbody tr:nth-child(80):not(.later)")
    assert len(rows(tab)) == 80
    assert list(column(tab, "fact:parameters"))[:40] == list(first)
    tab.set_viewport_size({"width": 1280, "height": 3000})  # which forty rows do not fill
    tab.wait_for_selector("#scores tbody tr:nth-child(120):not(.later)")
    tab.locator("#search").fill("model-29")
    assert sorted(rows(tab)) == [f"model-{number}" for number in range(290, 300)]


def test_what_is_printed_has_all_rows_and_no_controls(
    cli: Cli, site: dict[int, Path], page: Open
) -> None:
    tab = page(place=write(cli, site[MANY], MANY))
    tab.emulate_media(media="print")
    assert len(rows(tab)) == MANY
    assert tab.locator("#filters").is_hidden()
    assert tab.locator("#scatter").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_a_comparison_and_a_model_s_page_can_be_used(
    cli: Cli, site: dict[int, Path], page: Open, width: int, scheme: str
) -> None:
    folder = site[3]
    write(cli, folder, 3)
    names = [f"model-{at:02d}-of-some-name" for at in range(3)]
    words = ("compare", *names, "-t", "STS12,STS13", "-r", folder / "results", "--by", "task")
    assert cli(*words, "--changes", "5", "-o", folder / "one.html", "-q").code == 0
    model = folder / "site" / "index_files" / f"model-1-{names[1]}.html"
    for name, place in (("comparison", folder / "one.html"), ("model", model)):
        tab = page(width, scheme, place=place)
        assert serious(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.screenshot(path=ARTEFACTS / f"{name}-{width}-{scheme}.png", full_page=True)
