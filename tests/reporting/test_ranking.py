"""Rank intervals: over which tasks, of which rows, from predictions or from scores alone."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from angle_bench.reporting.comparison.common_items import task_weights
from angle_bench.reporting.comparison.compare import compare, read_sides
from angle_bench.reporting.comparison.comparison_table import How
from angle_bench.reporting.comparison.leaderboard_ranks import with_ranks
from angle_bench.reporting.comparison.pairing import Side
from angle_bench.reporting.comparison.ranking import Ranking, better, ranks
from angle_bench.reporting.comparison.task_ranking import with_task_ranks
from angle_bench.reporting.formats.terminal import text
from angle_bench.reporting.statistics.difference import Scored, difference
from angle_bench.reporting.statistics.inference import ALPHA, holm
from angle_bench.reporting.statistics.measures import Mean
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.reporting.statistics.task_ranks import better_over_tasks
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.stored_rows import model_rows
from angle_bench.results.find.collect import collect
from angle_bench.results.find.selected_models import every_model, models_of
from angle_bench.suites.averages import mean_of_tasks
from angle_bench.suites.task import Suite
from tests.conftest import Cli
from tests.reporting import boards
from tests.stored import Pairs, Results, suite, task

PAIRS = {name: Pairs(name) for name in "ABCD"}
NOISE = {"good": 0.1, "base": 0.3, "bad": 0.8}
FOUR = suite(*(task(name) for name in "ABCD"))


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Three models on four tasks, of which D is stored without predictions."""
    made = Results(tmp_path)
    for label, noise in NOISE.items():
        for seed, (name, pairs) in enumerate(PAIRS.items()):
            folder = made.put(f"local/{label}", name, pairs.part(pairs.scores(noise, seed)))
            if name == "D":
                folder.predictions(name).unlink()
    return made


def side(results: Results, name: str) -> Side:
    return Side.of(name, [results.model(name)], [])


def ranking(results: Results, *names: str, of: Suite = FOUR) -> Ranking:
    sides = [side(results, name) for name in names]
    return ranks(sides, of, read_sides(sides, of, []))


def board(results: Results, of: Suite = FOUR, **wishes: Any) -> Board:
    rows = model_rows(of, every_model(models_of(collect([results.root]).folders)), [])
    return boards.arrange(of, rows, boards.LeaderboardOptions(**wishes))


def test_ranks_over_the_tasks_that_have_predictions(results: Results) -> None:
    found = ranking(results, *NOISE)
    assert [each.name for each in found.tasks] == ["A", "B", "C"]
    assert found.intervals == {"good": (1, 1), "base": (2, 2), "bad": (3, 3)}


def test_the_leaderboard_says_over_how_many(results: Results) -> None:
    ranked = with_ranks(board(results, base="base"))
    assert ranked.ranked_over == "3 of 4"
    assert ranked.better == {"good"}
    shown = text(ranked, 200)
    assert "rank (3 of 4)" in shown
    assert "clustered on sentences, 3 of 4 tasks; p < .05 by Holm" in shown
    assert "ranks are over 3 of 4 tasks; the predictions of some row are lacking" in shown


def test_with_predictions_of_all_tasks_nothing_is_said(results: Results) -> None:
    ranked = with_ranks(board(results, suite(task("A"), task("B"))))
    assert ranked.ranked_over == ""
    assert "ranks are over" not in text(ranked, 200)


def test_a_model_with_few_predictions_takes_no_tasks_from_others(results: Results) -> None:
    for seed, (name, pairs) in enumerate(PAIRS.items()):
        folder = results.put("local/public", name, pairs.part(pairs.scores(0.2, seed)))
        if name != "A":
            folder.predictions(name).unlink()
    found = ranking(results, *NOISE, "public")
    assert [each.name for each in found.tasks] == ["A", "B", "C"]
    assert set(found.intervals) == set(NOISE)
    warned = with_ranks(board(results)).warnings
    assert any("without a rank" in line and "public" in line for line in warned)


def test_no_predictions_at_all_are_no_ranks(results: Results) -> None:
    only = suite(task("D"))
    assert ranking(results, *NOISE, of=only) == Ranking()
    assert with_ranks(board(results, only)).intervals == {}


def test_ranks_are_by_holm_over_all_pairs() -> None:
    random = np.random.default_rng(1)
    hard = random.normal(size=200)
    models = [Mean(hard + random.normal(0.04 * number, 0.3, size=200)) for number in range(8)]
    means = [[Scored(one.value(), one.influence())] for one in models]
    shared = SharedTexts.none(200)
    found = better(means, shared, [False] * 8)
    assert not (found & found.T).any()
    raw = {
        (one, other): difference(means[one], means[other], shared).estimate.p
        for one in range(8)
        for other in range(one)
    }
    adjusted = dict(zip(raw, holm([*raw.values()]), strict=True))
    for (one, other), p in adjusted.items():
        assert (found[one, other] or found[other, one]) == (p < ALPHA)
    assert any(raw[pair] < ALPHA <= adjusted[pair] for pair in raw)


def test_the_mean_of_a_verdict_is_that_of_the_table(results: Results) -> None:
    """Parts of an aggregate in the suite count once, by the aggregate."""
    of = suite(task("A"), task("B"), task("C").model_copy(update={"parts": ("A",)}))
    for each in (suite(task("A"), task("B"), task("C")), of):
        rows = {row.label: row for row in board(results, each).rows}
        base, good = (mean_of_tasks(each, rows[label].scores) for label in ("base", "good"))
        assert base is not None
        assert good is not None
        (row,) = compare(side(results, "base"), [side(results, "good")], each, How()).rows
        assert row.verdict is not None
        assert row.verdict.estimate.difference == pytest.approx(good - base, abs=1e-6)
    assert task_weights(of.task, "tasks") == [0.0, 0.5, 0.5]
    assert task_weights(of.task, "types") == [0.0, 0.5, 0.5]


@pytest.mark.parametrize("seed", range(4))
def test_over_tasks_it_is_a_paired_t_test(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random((6, 12)) / 5 + np.linspace(0, 0.2, 6)[:, None]
    better = better_over_tasks(scores, np.full(12, 1 / 12))
    pairs = [(one, other) for one in range(6) for other in range(one + 1, 6)]
    adjusted = holm([float(ttest_rel(scores[one], scores[other]).pvalue) for one, other in pairs])
    assert any(p < 0.05 for p in adjusted)
    for (one, other), p in zip(pairs, adjusted, strict=True):
        assert (better[one, other] or better[other, one]) == (p < 0.05)
        assert not (better[one, other] and scores[one].mean() < scores[other].mean())


def test_over_tasks_holm_counts_all_pairs() -> None:
    """One pair that is significant by itself is not among many."""
    random = np.random.default_rng(1)
    first = random.normal(size=10) / 100
    two = np.stack([first, first + 0.006 + random.normal(size=10) / 150])
    assert ttest_rel(*two).pvalue < 0.05
    many = np.concatenate([two, random.normal(size=(40, 10)) / 100])
    weights = np.full(10, 0.1)
    assert better_over_tasks(two, weights)[1, 0]
    assert not better_over_tasks(many, weights)[1, 0]


def test_equal_differences_on_every_task_say_nothing_of_others() -> None:
    scores = np.array([[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]])
    assert not better_over_tasks(scores, np.full(3, 1 / 3)).any()
    assert not better_over_tasks(scores[:, :1], np.ones(1)).any()


@pytest.mark.long
def test_over_tasks_the_null_keeps_its_level() -> None:
    """Tasks that are drawn anew: 5 % of two equal models are called different."""
    random = np.random.default_rng(0)
    for weights in (np.full(41, 1 / 41), np.array([1 / 6 / 10] * 30 + [1 / 6 / 4] * 12)):
        tasks = len(weights)
        called = sum(
            better_over_tasks(
                random.random(tasks) + random.normal(size=(2, tasks)) / 10, weights / weights.sum()
            ).any()
            for _ in range(4000)
        )
        assert 0.04 < called / 4000 < 0.06


def test_181_rows_take_no_time() -> None:
    random = np.random.default_rng(0)
    scores = random.random((181, 41)) / 10 + np.linspace(0, 0.4, 181)[:, None]
    rows = [boards.row(f"m{at}", *map(float, own)) for at, own in enumerate(scores)]
    made = boards.board(*rows, of=boards.suite(*(f"T{at}" for at in range(41))))
    started = time.monotonic()
    ranked = with_task_ranks(made)
    assert time.monotonic() - started < 5
    assert ranked.intervals is not None
    assert len(ranked.intervals) == 181
    assert ranked.intervals["m180"][0] == 1


def test_ranks_over_tasks_are_labelled_so(results: Results) -> None:
    results.put("local/part", "A", PAIRS["A"].part(PAIRS["A"].scores(0.2, 1)))
    ranked = with_task_ranks(board(results))
    shown = text(ranked, 200)
    assert "rank over tasks" in shown
    assert "paired t tests over tasks, which say nothing of the sentences" in shown
    assert any("since scores are lacking: part" in line for line in ranked.warnings)
    one = with_task_ranks(board(results, suite(task("A"))))
    assert one.intervals == {}
    assert any("of one task" in line for line in one.warnings)


def test_the_word_after_the_option(cli: Cli, tmp_path: Path) -> None:
    made = Results(tmp_path / "results")
    for label, noise in NOISE.items():
        for seed, name in enumerate(("STS12", "STS13", "STS14", "STS15", "STS16")):
            pairs = PAIRS["ABCD"[seed % 4]]
            folder = made.put(f"local/{label}", name, pairs.part(pairs.scores(noise, seed)))
            folder.predictions(name).unlink()
    names = "STS12,STS13,STS14,STS15,STS16"
    for words in (("--ranks", "tasks"), ("--ranks=tasks",), ("results", "--ranks", "tasks")):
        ended = cli("leaderboard", "-t", names, *words)
        assert (ended.code, ended.errors) == (0, [])
        assert "rank over tasks" in ended.out
    ended = cli("leaderboard", "--ranks", "results", "-t", names)  # a folder may stand there, too
    assert ended.code == 0
    assert "without a rank" in ended.out
    (tmp_path / "tasks").symlink_to(tmp_path / "results")
    assert "rank over tasks" not in cli("leaderboard", "tasks", "--ranks", "-t", names).out
