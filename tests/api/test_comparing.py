"""Comparing and leaderboards from Python."""

import json
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import angle_bench as ab
from angle_bench.errors import UsageError
from tests.conftest import Cli
from tests.stored import Pairs, Results

SUITE = "STS12,STS13"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.chdir(tmp_path)
    made = Results(tmp_path / "results")
    for noise, name in ((0.5, "org/base"), (0.1, "org/tuned"), (0.45, "org/other")):
        for task in SUITE.split(","):
            pairs = Pairs(task)
            made.put(name, task, pairs.part(pairs.scores(noise, 3)), revision="abc")
    return made


def test_verdicts_are_those_of_the_command(results: Results, cli: Cli) -> None:
    c = ab.compare("base", "tuned", "other", tasks=SUITE)
    printed = json.loads(cli("compare", "base", "tuned", "other", "-t", SUITE, "--json").out)
    assert c.to_dict() == printed
    assert printed["unit"] == "points"
    mean = printed["candidates"][0]["mean"]
    first = c[printed["candidates"][0]["label"]]
    assert (first.difference, first.p, first.verdict) == (
        mean["difference"],
        mean["p"],
        mean["verdict"],
    )
    assert list(first.interval) == mean["interval"]
    assert c.verdicts["tuned"] == "better"
    assert repr(c) == cli("compare", "base", "tuned", "other", "-t", SUITE).out.rstrip("\n")


def test_a_frame_has_a_row_for_every_verdict(results: Results) -> None:
    frame = ab.compare("base", "tuned", tasks=SUITE).to_dataframe()
    assert list(frame["level"].unique()) == ["mean", "task", "subset"]
    assert frame.attrs["unit"] == "points"
    assert "Holm" in frame.attrs["method"]
    (mean,) = frame.query("level == 'mean'").itertuples()
    assert mean.low < mean.difference < mean.high
    tasks = frame.query("level == 'task'")["difference"]
    assert tasks.mean() == pytest.approx(mean.difference)


def test_latex_html_and_a_picture(results: Results, tmp_path: Path) -> None:
    c = ab.compare("base", "tuned", tasks=SUITE)
    assert r"\toprule" in c.to_latex()
    assert "tuned" in c.to_latex()
    assert "<svg" in c.to_html()
    place = c.plot().save(tmp_path / "forest.svg")
    # a browser draws a file of its own in SVG's name space alone
    assert ElementTree.parse(place).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert "<pre>" in c._repr_html_()


def test_a_candidate_without_scores_is_named(results: Results) -> None:
    (results.root.parent / "lacking").mkdir()
    Path("lacking/config.json").write_text("{}", encoding="utf-8")
    with pytest.warns(UserWarning, match="lacking"):
        c = ab.compare("base", "tuned", "lacking", tasks=SUITE)
    assert len(c.errors) == 1
    with pytest.raises(KeyError, match="no candidate is called lacking; there are: tuned"):
        c["lacking"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"margin": -1}, "margin=0.3"),
        ({"seen": True, "method": "pairs"}, "the call without method"),
        ({"tasks": "STS-12"}, 'tasks="STS12"'),
    ],
)
def test_errors_say_what_to_pass(results: Results, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as error:
        ab.compare("base", "tuned", **({"tasks": SUITE} | wrong))  # type: ignore[arg-type]
    assert said in error.value.fix_python
    assert str(error.value).partition("\n  ")[2].startswith(("pass: ", "try: "))


def test_a_leaderboard_is_that_of_the_command(results: Results, cli: Cli) -> None:
    b = ab.leaderboard("results", tasks=SUITE, base="base")
    printed = json.loads(cli("leaderboard", "-t", SUITE, "--base", "base", "--json").out)
    ours = b.to_dict()
    assert ours.pop("command") == "angle_bench.leaderboard"
    printed.pop("command")
    assert json.loads(json.dumps(ours)) == printed


def test_a_board_as_frame_and_files(results: Results, tmp_path: Path) -> None:
    b = ab.leaderboard("results", tasks=SUITE, ranks=True)
    frame = b.to_dataframe()
    assert list(frame["label"]) == b.labels
    assert frame["mean"].tolist() == pytest.approx(frame[["STS12", "STS13"]].mean(axis=1))
    assert set(frame.columns) >= {"rank_best", "rank_worst", "borda"}
    assert "| " in b.to_markdown()
    assert r"\toprule" in b.to_latex()
    assert b.to_html().startswith("<table>")
    place = b.save(tmp_path / "board.md")
    assert place.read_text(encoding="utf-8") == b.to_markdown()
    with pytest.raises(UsageError, match="is there"):
        b.save(place)
    b.save(place, overwrite=True)
    assert b.save(tmp_path / "site").is_file()


def test_names_in_a_notebook_are_never_markup(results: Results) -> None:
    pairs = Pairs("STS12")
    results.put("org/<b>&", "STS12", pairs.part(pairs.scores(0.1, 1)))
    board = ab.leaderboard("results", tasks="STS12")
    assert "&lt;b&gt;&amp;" in board._repr_html_()
    assert "<b>&<" not in board._repr_html_()


def test_the_index_of_scores_and_of_a_board_agree(results: Results) -> None:
    """Two ways to one number: the tidy frame pivoted, and the table."""
    tidy = ab.scores("results", tasks=SUITE).query("main")
    wide = tidy.pivot_table(index="label", columns="task", values="score")
    board = ab.leaderboard("results", tasks=SUITE).to_dataframe().set_index("label")
    pd.testing.assert_frame_equal(
        wide.sort_index(),
        board[["STS12", "STS13"]].sort_index(),
        check_names=False,
        atol=1e-9,
    )


def test_nothing_is_warned_of_where_all_is_well(results: Results) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ab.leaderboard("results", tasks=SUITE)
        ab.compare("base", "tuned", tasks=SUITE)
        ab.scores("results")
