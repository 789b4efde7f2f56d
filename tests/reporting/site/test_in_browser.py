"""The site in a real browser: sorted, filtered, another base, its address, downloads."""

import csv
import html
import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.files.atomic import write_json
from tests.conftest import Cli
from tests.reporting.site.opened import ARTEFACTS, ODD, Open, column, made, rows, sort
from tests.result_files import put
from tests.stored import MEAN, Pairs, Results, put_training

BOTH = ("-t", "STS12,STS13")


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return made(tmp_path / "results")


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def test_published_results(cli: Cli, shared: Path, page: Open) -> None:
    words = ("leaderboard", shared / "results_repo", "-t", "STS-10")
    assert cli(*words, "-o", "site", "-q").code == 0
    board = json.loads(cli(*words, "--json", "--base", "bge-large-en-v1.5").out)
    tab = page()
    sort(tab, "mean")
    whole = {
        row["model"]: row["averages"]["mean"]["score"]
        for row in board["rows"]
        if row["averages"]["mean"]["score"] is not None
    }
    by_score = sorted(whole, key=lambda label: -whole[label])
    assert rows(tab)[: len(whole)] == by_score
    sort(tab, "mean")
    assert rows(tab)[: len(whole)] == by_score[::-1]  # those without a mean stay last
    tab.get_by_label("bge-large-en-v1.5 as base").check()
    shown = column(tab, "difference")
    assert shown.pop("bge-large-en-v1.5") == "base"
    gaps = {row["model"]: row["differences"]["mean"] for row in board["rows"]}
    for label, text in shown.items():
        assert gaps[label] is None or text == signed(gaps[label])
    tab.locator("#search").fill("UAE-Large, mxbai-embed-large")
    assert sorted(rows(tab)) == ["UAE-Large-V1", "mxbai-embed-large-v1"]
    assert tab.locator("#count").inner_text().startswith("2 of ")
    assert column(tab, "fact:dimensions") == dict.fromkeys(rows(tab), "1024")
    assert column(tab, "fact:parameters")["UAE-Large-V1"] == "335M"
    tab.locator("#scores a", has_text="UAE-Large-V1").click()
    assert tab.locator("h1").inner_text() == "UAE-Large-V1"
    assert "STSBenchmark" in tab.locator("main").inner_text()
    tab.locator("nav a").click()
    assert "UAE-Large-V1" in rows(tab)


def test_a_cell_leads_to_where_its_score_is(cli: Cli, results: Results, page: Open) -> None:
    assert cli("leaderboard", *BOTH, "-o", "site", "-q").code == 0
    tab = page()
    row = tab.locator("#scores tbody tr", has_text="good")
    row.locator("a[href$='#STS13']").click()
    assert tab.url.endswith("#STS13")
    assert "STS13.json" in tab.locator("tr:target").inner_text()


def test_verdicts_follow_the_base(cli: Cli, results: Results, page: Open) -> None:
    ended = cli("leaderboard", *BOTH, "--base", "base", "-o", "site")
    assert ended.code == 0, ended.err
    tab = page()
    verdict = tab.locator(".verdict:visible")
    assert "good is better than base on the mean of 2 STS tasks" in verdict.inner_text()
    for base in ("base", "good"):
        tab.get_by_label(f"{base} as base").check()
        others = [other for other in ("base", "good", ODD, "bad") if other != base]
        told = json.loads(cli("compare", base, *others, *BOTH, "--json").out)
        for candidate in told["candidates"]:
            line = verdict.locator(".forest tbody tr", has_text=candidate["label"])
            mean = candidate["mean"]
            low, high = map(signed, mean["interval"])
            assert f"{signed(mean['difference'])} [{low}, {high}]" in line.inner_text()
            assert mean["verdict"] in line.inner_text()
            filled = line.locator(".hole").count() == 0
            assert filled == (mean["verdict"] in ("better", "worse"))
            by_task = verdict.locator(".small tbody tr", has_text=candidate["label"])
            for header, estimate in candidate["by_task"].items():
                said = by_task.locator(f"td[title^='{header}:']")
                assert said.inner_text().strip() == signed(estimate["difference"])
    assert f"{ODD} is worse than good" in tab.locator(".verdict:visible").inner_text()
    assert "--seen" not in tab.content()


def test_differences_are_over_shared_tasks(cli: Cli, results: Results, page: Open) -> None:
    """The page has those of its own base; the script makes those of any other."""
    texts = {}
    for base in ("base", "bad"):
        assert cli("leaderboard", *BOTH, "--base", base, "-o", "site", "-q").code == 0
        texts[base] = column(page(), "difference")
    scores = {
        row["model"]: row["scores"]
        for row in json.loads(cli("leaderboard", *BOTH, "--json").out)["rows"]
    }
    gap = scores["good"]["STS12"]["score"] - scores["bad"]["STS12"]["score"]
    assert texts["bad"]["good"] == f"{signed(gap)} (1 of 2)"
    tab = page()  # made with bad as its base
    tab.get_by_label("base as base").check()
    assert column(tab, "difference") == texts["base"]
    tab.get_by_label("bad as base").check()
    assert column(tab, "difference") == texts["bad"]
    tab.locator("#tab-about").click()
    assert "bad has no score of STS13" in tab.locator("#coverage").inner_text()


def test_differences_by_types(cli: Cli, tmp_path: Path, page: Open) -> None:
    """A suite that is judged by the mean of its types, where the base lacks a task."""
    scores = {"one": (0.1, 0.2, 0.6, 0.4), "two": (0.2, 0.4, 0.5, None)}
    tasks = ("STS12", "STS13", "Banking77Classification", "TwentyNewsgroupsClustering")
    for label, values in scores.items():
        for task, value in zip(tasks, values, strict=True):
            if value is not None:
                put(tmp_path / "results" / f"org__{label}" / "r1", task, value)
    suite = tmp_path / "mine.toml"
    lines = ['name = "mine"', 'version = "1"', 'average = "types"']
    suite.write_text("\n".join([*lines, *(f'[[task]]\nname = "{task}"' for task in tasks)]))
    words = ("leaderboard", "-t", suite, "-q")
    assert cli(*words, "--base", "two", "-o", "site").code == 0
    tab = page()
    by_types = 100 * ((-0.1 - 0.2) / 2 + 0.1) / 2
    assert column(tab, "difference")["one"] == f"{signed(by_types)} (3 of 4)"
    tab.get_by_label("one as base").check()
    assert column(tab, "difference")["two"] == f"{signed(-by_types)} (3 of 4)"


def test_ticked_and_complete_rows(cli: Cli, results: Results, page: Open) -> None:
    assert cli("leaderboard", *BOTH, "-o", "site", "-q").code == 0
    tab = page()
    tab.locator("#complete").check()
    assert sorted(rows(tab)) == [ODD, "base", "good"]
    tab.get_by_label("tick good").focus()
    tab.keyboard.press("Space")
    tab.locator("#ticked").check()
    assert rows(tab) == ["good"]
    tab.locator("#ticked").uncheck()
    model = tab.locator("#scores thead th[data-key=model] button")
    model.focus()
    tab.keyboard.press("Enter")
    assert rows(tab) == [ODD, "base", "good"]
    assert model.locator("..").get_attribute("aria-sort") == "ascending"


def test_the_address_keeps_the_state(cli: Cli, results: Results, page: Open) -> None:
    assert cli("leaderboard", *BOTH, "--base", "base", "-o", "site", "-q").code == 0
    tab = page()
    first = (rows(tab), column(tab, "difference"))
    tab.get_by_label("good as base").check()
    sort(tab, "STS13")
    tab.locator("#search").fill("o")
    tab.locator("#tab-two").click()
    state = tab.evaluate("location.hash")
    tab.locator("#tab-scores").click()
    shown = (rows(tab), column(tab, "difference"))
    other = page(state=state)
    assert other.locator("#two").is_visible()
    other.locator("#tab-scores").click()
    assert (rows(other), column(other, "difference")) == shown
    assert other.locator("#search").input_value() == "o"
    assert other.get_by_label("good as base").is_checked()
    for _ in range(4):  # tab, tab, sort, base; what was typed is no step of its own
        tab.go_back()
    assert (rows(tab), column(tab, "difference")) == first
    tab.go_forward()
    assert tab.get_by_label("good as base").is_checked()
    unknown = page(state="#base=nobody&sort=-nothing&tab=none")
    assert rows(unknown) == first[0]


def test_tabs_go_by_the_keyboard(cli: Cli, results: Results, page: Open) -> None:
    assert cli("leaderboard", *BOTH, "-o", "site", "-q").code == 0
    tab = page()
    names = [each.inner_text() for each in tab.locator("[role=tab]").all()]
    assert names == ["Scores", "Two models", "Pairs", "Where the scores come from"]
    tab.locator("[role=tab]").first.focus()
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#two").is_visible()
    assert tab.locator("#table").is_hidden()
    assert tab.evaluate("document.activeElement.textContent") == "Two models"
    tab.keyboard.press("ArrowLeft")
    assert tab.locator("#table").is_visible()


def test_two_models_side_by_side(cli: Cli, tmp_path: Path, page: Open) -> None:
    results, pairs = Results(tmp_path / "results"), Pairs("STS12")
    for label, length in (("long", 512), ("short", 64)):
        part = pairs.part(pairs.scores(0.1 if length > 64 else 0.4, 1))
        results.put(f"local/{label}", "STS12", part, settings=MEAN.with_changes(max_length=length))
    assert cli("leaderboard", "-t", "STS12", "--base", "short", "-o", "site", "-q").code == 0
    told = json.loads(cli("compare", "short", "long", "-t", "STS12", "--json", *DIFFERENT).out)
    tab = page(state="#tab=two&model=long&base=short")
    settings, scores = (each.inner_text() for each in tab.locator("#two-out table").all())
    assert "max\t512\t64" in settings
    assert "pool" not in settings  # which is the same
    verdict = told["candidates"][0]["by_task"]["STS12"]
    low, high = map(signed, verdict["interval"])
    assert f"{signed(verdict['difference'])}\t{low} to {high}" in scores
    tab.locator("#two-base").select_option("long")
    tab.locator("#two-model").select_option("short")
    assert "max\t64\t512" in tab.locator("#two-out table").first.inner_text()


DIFFERENT = ("--allow-different",)


def saved(tab: Any, kind: str) -> str:
    with tab.expect_download() as waiting:
        tab.locator(f"#as-{kind}").click()
    return Path(waiting.value.path()).read_text(encoding="utf-8")


def test_a_download_is_what_the_command_writes(
    cli: Cli, shared: Path, tmp_path: Path, page: Open
) -> None:
    words = ("leaderboard", shared / "results_repo", "-t", "MTEB(eng, v1)", "--zero-shot", "--base")
    label = "UAE-Large-V1"
    assert cli(*words, label, "-o", "site", "-q").code == 0
    board = json.loads(cli(*words, label, "--json").out)
    tab = page()
    found = json.loads(saved(tab, "json"))
    assert found.pop("command") != board.pop("command")  # --json, -o site
    assert found == board
    assert cli(*words, label, "-o", "board.csv", "-q").code == 0
    theirs = list(csv.DictReader(Path("board.csv").read_text().splitlines()))
    ours = list(csv.DictReader(saved(tab, "csv").splitlines()))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for key in one.keys() - {"command"}:
            assert one[key] == other[key] or float(one[key]) == float(other[key])
    sort(tab, "mean")
    sort(tab, "mean")
    tab.locator("#complete").check()
    other_base = rows(tab)[0]
    tab.get_by_label(f"{other_base} as base").check()
    view = json.loads(saved(tab, "json"))
    assert [row["model"] for row in view["rows"]] == rows(tab)
    again = json.loads(cli(*words, other_base, "--json").out)
    expected = {row["model"]: row["differences"] for row in again["rows"]}
    for row in view["rows"]:
        for key, value in row["differences"].items():
            assert value == pytest.approx(expected[row["model"]][key], abs=1e-9)


def test_types_and_tasks_are_columns_to_choose(cli: Cli, shared: Path, page: Open) -> None:
    words = ("leaderboard", shared / "results_repo", "-t", "MTEB(eng, v1)")
    assert cli(*words, "-o", "site", "-q").code == 0
    board = json.loads(cli(*words, "--json").out)
    tab = page()
    heads = "#scores thead th:visible"
    before = tab.locator(heads).count()
    tab.locator("#tasks").check()
    assert tab.locator(heads).count() == before + len(board["suite"]["tasks"])
    shown = column(tab, "STS12")
    for row in board["rows"]:
        score = row["scores"]["STS12"]["score"]
        text = "–" if score is None else f"{score:.2f}"
        assert shown[row["model"]].startswith(text)
    for kind in ("STS", "Retrieval"):
        tab.locator(f"#types input[value={kind}]").uncheck()
    names = tab.locator(heads).all_inner_texts()
    assert "STS12" not in names
    assert "STS" not in names
    kept = json.loads(saved(tab, "json"))["suite"]["tasks"]
    assert kept == [
        task for task in board["suite"]["tasks"] if task["type"] not in ("STS", "Retrieval")
    ]
    tab.go_back()
    assert "STS" not in tab.locator(heads).all_inner_texts()
    assert "Retr." in tab.locator(heads).all_inner_texts()


def test_languages_choose_tasks(cli: Cli, tmp_path: Path, page: Open) -> None:
    for label in ("one", "two"):
        for task in ("STS12", "ATEC", "BQ"):
            put(tmp_path / "results" / f"org__{label}" / "r1", task, 0.5)
    assert cli("leaderboard", "-t", "STS12,ATEC,BQ", "-o", "site", "-q").code == 0
    tab = page()
    tab.locator("#language").select_option("cmn-Hans")
    names = tab.locator("#scores thead th:visible").all_inner_texts()
    assert {"ATEC", "BQ"} <= set(names)
    assert "STS12" not in names


@pytest.mark.parametrize("cost", ["parameters", "dimensions"])
def test_the_scatter_is_the_table(cli: Cli, shared: Path, page: Open, cost: str) -> None:
    words = ("leaderboard", shared / "results_repo", "-t", "STS-10")
    assert cli(*words, "-o", "site", "-q").code == 0
    tab = page(state=f"#tab=scatter&cost={cost}")
    figure = tab.locator(f"#scatter figure[data-cost={cost}]")
    assert figure.is_visible()
    assert tab.locator("#scatter figure:visible").count() == 1
    points = {}
    for circle in figure.locator("circle").all():
        label, _, rest = circle.locator("title").text_content().rpartition(": ")
        points[label] = (rest, float(circle.get_attribute("cy").rstrip("%")))
    tab.locator("#tab-scores").click()
    means, costs = column(tab, "mean"), column(tab, f"fact:{cost}")
    both = {label for label in means if "of" not in means[label] and costs[label] != "–"}
    assert set(points) == both
    assert len(both) > 5
    for label in both:
        assert points[label][0] == f"{means[label]}, {costs[label]} {cost}"
    assert sorted(both, key=lambda each: points[each][1]) == sorted(
        both, key=lambda each: (points[each][1], -float(means[each]))
    )
    tab.locator("#search").fill("UAE")
    out = figure.locator("circle:not(.out)")
    assert ["UAE" in text for text in out.all_text_contents()] == [True]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_fits_the_screen(
    cli: Cli, results: Results, page: Open, width: int, scheme: str
) -> None:
    assert cli("leaderboard", *BOTH, "--base", "base", "-o", "site", "-q").code == 0
    tab = page(width, scheme)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.locator("#scores a", has_text="good").first.click()
    assert tab.locator("h1").inner_text() == "good"
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.screenshot(path=ARTEFACTS / f"model-{width}.png", full_page=True)


def test_layers_and_sizes_are_a_grid(cli: Cli, tmp_path: Path, page: Open) -> None:
    results, pairs = Results(tmp_path / "results"), Pairs("STS12")
    for at, (layer, size) in enumerate([(2, 64), (2, 128), (4, 64), (4, 128)]):
        settings = MEAN.with_changes(layer=layer, size=size)
        part = pairs.part(pairs.scores(0.1 + 0.2 * at, 1))
        results.put("local/ft", "STS12", part, settings=settings, settings_id=f"0123456{at}")
    assert cli("leaderboard", "-t", "STS12", "-o", "site", "-q").code == 0
    board = json.loads(cli("leaderboard", "-t", "STS12", "--json").out)
    tab = page(state="#tab=layers")
    scores = sorted(row["scores"]["STS12"]["score"] for row in board["rows"])
    cells = tab.locator(".heat tbody td").all()
    assert sorted(cell.inner_text() for cell in cells) == [f"{score:.2f}" for score in scores]
    shades = {float(cell.inner_text()): cell.get_attribute("class") for cell in cells}
    assert [shades[score] for score in sorted(shades)] == sorted(shades.values())
    assert (min(shades.values()), max(shades.values())) == ("q0", "q4")


def test_precisions_are_lines_of_the_grid_with_bytes(cli: Cli, tmp_path: Path, page: Open) -> None:
    results, pairs = Results(tmp_path / "results"), Pairs("STS12")
    for at, (size, precision) in enumerate(
        [(64, "float32"), (64, "binary"), (128, "float32"), (128, "binary")]
    ):
        settings = MEAN.with_changes(size=size, precision=precision)
        part = pairs.part(pairs.scores(0.1 + 0.2 * at, 1))
        results.put("local/ft", "STS12", part, settings=settings, settings_id=f"0123456{at}")
    assert cli("leaderboard", "-t", "STS12", "-o", "site", "-q").code == 0
    tab = page(state="#tab=layers")
    heads = tab.locator(".heat tbody th").all_text_contents()
    assert heads == [
        "last float32",
        "last binary",
        "bytes per vector float32",
        "bytes per vector binary",
    ]
    cells = tab.locator(".heat tbody td").all_text_contents()
    assert cells[4:] == ["256", "512", "8", "16"]
    assert "by layer, precision and dimensions" in tab.locator(".heat caption").inner_text()


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
    tab = page(width, scheme, state="#tab=curves")
    plotted = tab.locator(".curve .mark title").all_text_contents()
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
    assert tab.locator(".curve .limit").count() == 1
    assert tab.locator(".curve .ring").count() == 2
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator("#curves figcaption").inner_text().endswith("the dashed line is start.")
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    tab.locator("#curves").screenshot(path=ARTEFACTS / f"curves-{width}.png")
    words = ("leaderboard", "-t", "STS12", "--base", "run1 step 200", "-o", "site", "-q")
    assert cli(*words).code == 0  # a point of a curve is no line beside it
    tab.reload()
    assert tab.locator(".curve .limit").count() == 0


def pair_texts(tab: Any) -> list[str]:
    return [cell.inner_text() for cell in tab.locator("#pair-table .texts").all()]


def test_every_pair_is_there_to_filter(
    cli: Cli, results: Results, tmp_path: Path, page: Open
) -> None:
    texts = Pairs("STS12")
    seen = list(zip(texts.text1, texts.text2, strict=True))[1:11]
    folder = results.model("good").folders[0].path / ".angle-bench"
    put_training(folder, seen, [])
    assert cli("leaderboard", *BOTH, "--base", "base", "-o", "site", "-q").code == 0
    told = json.loads(cli("compare", "base", "good", *BOTH, "--json", "--changes", "240").out)
    changes = told["candidates"][0]["changes"]
    tab = page()
    assert tab.locator("#pair-table tbody tr").count() == 0  # nothing is read before it is asked
    tab.locator("#tab-pairs").click()
    tab.locator("#pair-model").select_option("good")
    tab.wait_for_selector("#pair-table tbody tr:nth-child(50)")
    assert tab.locator("#pair-table tbody tr").count() == 50
    assert tab.locator("#pair-count").inner_text().startswith("240 of 240 pairs")
    moves = []
    for line in tab.locator("#pair-table tbody tr").all():
        moved, task, gold, base, model, _, both = line.inner_text().split("\t")
        shown = [float(text.replace("−", "-")) for text in (moved, gold, base, model)]
        named = ("moved", "gold", "base_score", "candidate_score")
        alike = [
            [pair[name] for name in named]
            for pair in changes
            if (pair["task"], f"{pair['text1']}\n{pair['text2']}") == (task, both)
        ]
        assert any(shown == pytest.approx(each, abs=0.051) for each in alike), line.inner_text()
        assert any(shown[2:] == pytest.approx(each[2:], abs=0.00056) for each in alike)
        moves.append(abs(shown[0]))
    assert moves == pytest.approx(sorted(moves, reverse=True), abs=0.11)
    assert moves[-1] >= sorted(abs(each["moved"]) for each in changes)[-50] - 0.11
    tab.locator("#pair-more").click()
    assert tab.locator("#pair-table tbody tr").count() == 240
    tab.locator("#pair-seen").select_option("1")
    assert sorted(pair_texts(tab)) == sorted(f"{one}\n{two}" for one, two in seen)
    tab.locator("#pair-seen").select_option("0")
    assert tab.locator("#pair-count").inner_text().startswith("230 of 240 pairs")
    tab.locator("#pair-seen").select_option("")
    tab.locator("#pair-task").select_option("STS13")
    tab.locator("#pair-low").fill("2.5")
    expected = [each for each in changes if each["task"] == "STS13" and each["gold"] >= 2.5]
    tab.locator("#pair-more").click() if len(expected) > 50 else None
    assert len(pair_texts(tab)) == len(expected)
    state = tab.evaluate("location.hash")
    tab.locator("#pair-text").fill("<script>")
    assert len(pair_texts(tab)) <= 1
    other = page(state=state)
    other.wait_for_selector("#pair-table tbody tr")
    assert other.locator("#pair-low").input_value() == "2.5"
    first = other.locator("#pair-count").inner_text()
    assert first.startswith(f"{len(expected)} of 240 pairs")


def test_a_comparison_is_one_file_with_its_pairs(cli: Cli, results: Results, page: Open) -> None:
    words = ("compare", "base", "good", ODD, *BOTH, "--changes", "5", "-o", "one.html")
    assert cli(*words, "-q").code == 0
    tab = page(place="one.html")
    assert tab.locator(".forest tbody tr").count() == 2
    assert "good is better than base" in tab.locator("#verdict").inner_text()
    tab.wait_for_selector("#pair-table tbody tr")
    assert tab.locator("#pair-count").inner_text().startswith("240 of 240 pairs")
    tab.locator("#pair-model").select_option(ODD)
    tab.locator("#pair-task").select_option("STS12")
    assert tab.locator("#pair-count").inner_text().startswith("120 of 240 pairs")


def test_a_page_runs_and_fetches_nothing_but_its_own(
    cli: Cli, results: Results, browser: Any, tmp_path: Path
) -> None:
    assert cli("leaderboard", "-t", "STS12", "--base", "base", "-o", "site").code == 0
    words = ("compare", "base", "good", "-t", "STS12", "--changes", "5", "-o", "one.html")
    assert cli(*words).code == 0
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
