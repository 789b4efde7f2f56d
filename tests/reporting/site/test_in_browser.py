"""The site in a real browser: sorted, filtered, another base, no request that leaves."""

import html
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from angle_bench.files.atomic import write_json
from tests.conftest import Cli
from tests.stored import Pairs, Results

ARTEFACTS = Path(__file__).parents[3] / "build" / "screenshots"
SCRIPT = "<script>alert(1)</script>"
ODD = "<b>odd"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium here")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=found, args=root)
        yield opened
        opened.close()


Open = Callable[..., Any]


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open ./site from disk; at the end nothing was asked of a network and no error was logged."""
    wrong: list[str] = []
    opened = []

    def visit(width: int = 1280, scheme: str = "light") -> Any:
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.on("request", lambda r: None if r.url.startswith("file:") else wrong.append(r.url))
        tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("dialog", lambda dialog: wrong.append(dialog.message))
        tab.goto((tmp_path / "site" / "index.html").as_uri())
        tab.wait_for_selector("#forest svg")
        opened.append(tab)
        return tab

    yield visit
    for tab in opened:
        tab.close()
    assert wrong == []


def rows(tab: Any) -> list[str]:
    return [link.inner_text() for link in tab.query_selector_all("#scores tbody tr:visible th a")]


def differences(tab: Any) -> dict[str, str]:
    cells = tab.query_selector_all("#scores tbody tr:visible .difference")
    return dict(zip(rows(tab), [cell.inner_text() for cell in cells], strict=True))


def test_published_results(cli: Cli, shared: Path, page: Open) -> None:
    words = ("leaderboard", shared / "results_repo", "-t", "STS-10")
    assert cli(*words, "-o", "site", "-q").code == 0
    board = json.loads(cli(*words, "--json", "--base", "bge-large-en-v1.5").out)
    tab = page()
    mean = tab.locator("#scores thead th[data-key=mean] button")
    mean.click()
    whole = {
        row["model"]: row["averages"]["mean"]["score"]
        for row in board["rows"]
        if row["averages"]["mean"]["score"] is not None
    }
    by_score = sorted(whole, key=lambda label: -whole[label])
    assert rows(tab)[: len(whole)] == by_score
    mean.click()
    assert rows(tab)[: len(whole)] == by_score[::-1]  # those without a mean stay last
    tab.get_by_label("bge-large-en-v1.5 as base").check()
    shown = differences(tab)
    assert shown.pop("bge-large-en-v1.5") == "base"
    gaps = {row["model"]: row["differences"]["mean"] for row in board["rows"]}
    for label, text in shown.items():
        gap = gaps[label]
        assert text == ("–" if gap is None else f"{gap:+.2f}".replace("-", "−"))
    tab.locator("#search").fill("UAE-Large, mxbai-embed-large")
    assert sorted(rows(tab)) == ["UAE-Large-V1", "mxbai-embed-large-v1"]
    assert tab.locator("#count").inner_text().startswith("2 of ")
    tab.locator("#scores a", has_text="UAE-Large-V1").click()
    assert tab.locator("h1").inner_text() == "UAE-Large-V1"
    assert "STSBenchmark" in tab.locator("main").inner_text()
    tab.locator("nav a").click()
    tab.wait_for_selector("#forest svg")


@pytest.fixture
def made(tmp_path: Path) -> Results:
    """Four models with predictions, one of them named to break out, one without a task."""
    results = Results(tmp_path / "results")
    for label, noise in (("base", 0.3), ("good", 0.1), ("bad", 0.8), (ODD, 0.2)):
        for seed, name in enumerate(("STS12", "STS13")):
            pairs = Pairs(name)
            if (label, name) != ("bad", "STS13"):
                pairs.text1[0] = SCRIPT
                part = pairs.part(pairs.scores(noise, seed))
                results.put(f"local/{label}", name, part)
    return results


def test_verdicts_and_plots_follow_the_base(cli: Cli, made: Results, page: Open) -> None:
    suite = ("-t", "STS12,STS13")
    ended = cli("leaderboard", *suite, "--base", "base", "-o", "site")
    assert ended.code == 0, ended.err
    tab = page()
    verdict = tab.locator(".verdict:visible")
    assert "good is better than base on the mean of 2 STS tasks" in verdict.inner_text()
    for base in ("base", "good"):
        tab.get_by_label(f"{base} as base").check()
        others = [other for other in ("base", "good", ODD, "bad") if other != base]
        told = json.loads(cli("compare", base, *others, *suite, "--json").out)
        plotted = "\n".join(
            mark.get_attribute("aria-label") or ""
            for mark in tab.locator("#forest path[aria-label]").all()
        )
        for candidate in told["candidates"]:
            columns = dict(candidate["by_task"])
            if candidate["label"] != "bad":  # its mean is of one task
                columns["mean of 2"] = candidate["mean"]
            for header, estimate in columns.items():
                value, (low, high) = estimate["difference"], estimate["interval"]
                said = f"{value:+.2f} [{low:+.2f}, {high:+.2f}]".replace("-", "−")
                assert f"{candidate['label']}, {header}: {said}" in plotted
    assert f"{ODD} is worse than good" in tab.locator(".verdict:visible").inner_text()
    tab.get_by_label("bad as base").check()  # it lacks a task
    assert differences(tab)["good"] == "–"
    assert tab.locator("h2", has_text="Coverage").is_visible()
    assert "bad has no score of STS13" in tab.locator("#coverage").inner_text()


def test_ticked_and_complete_rows(cli: Cli, made: Results, page: Open) -> None:
    assert cli("leaderboard", "-t", "STS12,STS13", "-o", "site", "-q").code == 0
    tab = page()
    tab.locator("#complete").check()
    assert sorted(rows(tab)) == [ODD, "base", "good"]
    tab.get_by_label("tick good").focus()
    tab.keyboard.press("Space")
    tab.locator("#ticked").check()
    assert rows(tab) == ["good"]
    tab.locator("#ticked").uncheck()
    model = tab.locator("#scores thead button", has_text="model")
    model.focus()
    tab.keyboard.press("Enter")
    assert rows(tab) == [ODD, "base", "good"]
    assert model.locator("..").get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_fits_the_screen(
    cli: Cli, made: Results, page: Open, tmp_path: Path, width: int, scheme: str
) -> None:
    assert cli("leaderboard", "-t", "STS12,STS13", "--base", "base", "-o", "site", "-q").code == 0
    tab = page(width, scheme)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=ARTEFACTS / f"leaderboard-{width}.png", full_page=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.locator("#scores a", has_text="good").click()
    assert tab.locator("h1").inner_text() == "good"
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.screenshot(path=ARTEFACTS / f"model-{width}.png", full_page=True)


def test_a_grid_is_drawn(cli: Cli, tmp_path: Path, page: Open) -> None:
    from tests.stored import MEAN

    results, pairs = Results(tmp_path / "results"), Pairs("STS12")
    for at, (layer, size) in enumerate([(2, 64), (2, 128), (4, 64), (4, 128)]):
        settings = MEAN.with_changes(layer=layer, size=size)
        part = pairs.part(pairs.scores(0.1 + 0.2 * at, 1))
        results.put("local/ft", "STS12", part, settings=settings, settings_id=f"0123456{at}")
    assert cli("leaderboard", "-t", "STS12", "-o", "site", "-q").code == 0
    board = json.loads(cli("leaderboard", "-t", "STS12", "--json").out)
    tab = page()
    tab.wait_for_selector(".heat svg")
    texts = {text.text_content() for text in tab.locator(".heat svg text").all()}
    scores = {f"{row['scores']['STS12']['score']:.2f}" for row in board["rows"]}
    assert len(scores) == 4
    assert scores <= texts


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_trainings_are_drawn_as_curves(
    cli: Cli, tmp_path: Path, page: Open, width: int, scheme: str
) -> None:
    results, pairs = Results(tmp_path / "results"), Pairs("STS12")
    results.put("org/start", "STS12", pairs.part(pairs.scores(0.6, 1)))
    named = {}
    for training, seed in (("run1", 2), (ODD, 3)):
        for at, step in enumerate((100, 200, 1000, 1500)):
            folder = results.put(
                f"local/checkpoint-{step}",
                "STS12",
                pairs.part(pairs.scores(abs(0.5 - 0.25 * at) + 0.1 * seed, seed)),
                revision=f"sha256-{seed}{step:0>15}",
                checkpoint=tmp_path / training / f"checkpoint-{step}",
            )
            named[f"{training} step {step}"] = {"folder": str(folder.path)}
    write_json(results.root / ".runs" / "1.json", {"outcome": named})
    words = ("leaderboard", "-t", "STS12", "--base", "start")
    assert cli(*words, "-o", "site", "-q").code == 0
    board = json.loads(cli(*words, "--json").out)
    scores = {row["model"]: row["scores"]["STS12"]["score"] for row in board["rows"]}
    tab = page(width, scheme)
    tab.wait_for_selector(".curve svg")
    marks = tab.locator(".curve path[aria-label]").all()
    plotted = {mark.get_attribute("aria-label") for mark in marks}
    for training in ("run1", ODD):
        steps = {
            label: score for label, score in scores.items() if label.startswith(f"{training} step")
        }
        best = max(steps, key=steps.__getitem__)
        for label, score in steps.items():
            said = f"{label.replace(' step', ', step')}: {score:.2f}"
            assert said + (", the best" if label == best else "") in plotted
        tab.locator("#curves summary").click()
        lines = tab.locator("#curves tr", has_text="best step").all_inner_texts()
        assert any(best in line and f"{steps[best]:.2f}" in line for line in lines)
        tab.locator("#curves summary").click()
    dashed = tab.locator(".curve svg [stroke-dasharray='3,3']")
    assert dashed.count() == 1
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator("#curves .note").inner_text().endswith("the dashed line is start.")
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    tab.locator("#curves").screenshot(path=ARTEFACTS / f"curves-{width}.png")
    tab.get_by_label("run1 step 200 as base").check()  # a point of a curve is no line beside it
    tab.wait_for_function("!document.querySelector('.curve svg [stroke-dasharray=\"3,3\"]')")
    assert tab.locator("#curves .note").inner_text().endswith("the best step of its training.")


def test_a_page_runs_and_fetches_nothing_but_its_own(
    cli: Cli, made: Results, browser: Any, tmp_path: Path
) -> None:
    assert cli("leaderboard", "-t", "STS12", "--base", "base", "-o", "site").code == 0
    assert cli("compare", "base", "good", "-t", "STS12", "-o", "one.html").code == 0
    hostile = "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
    hostile += "<script src='data:text/javascript,document.title=1'></script>"
    hostile += "<link rel=stylesheet href='https://example.org/x.css'><p style='color:red'>x"
    (model,) = (tmp_path / "site").rglob("model-1-*.html")
    ended: dict[str, str | None] = {}
    for place in (tmp_path / "site/index.html", model, tmp_path / "one.html"):
        text = place.read_text()
        assert text.index("Content-Security-Policy") < text.index("<title>")
        title = text.partition("<title>")[2].partition("</title>")[0]
        place.write_text(text.replace("</html>", f"{hostile}</html>"))
        tab = browser.new_page()
        tab.on("requestfailed", lambda request: ended.update({request.url: request.failure}))
        tab.on("requestfinished", lambda request: ended.update({request.url: None}))
        tab.goto(place.as_uri())
        tab.wait_for_load_state()
        assert tab.title() == html.unescape(title)
        tab.close()
    beyond = {why for address, why in ended.items() if address.startswith("https:")}
    assert beyond == {"csp"}
