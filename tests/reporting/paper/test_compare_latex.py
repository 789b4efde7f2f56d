"""A comparison as LaTeX."""

import re
from pathlib import Path

import pytest

import angle_bench as ab
from tests.conftest import Cli
from tests.stored import Pairs, Results

TASKS = ("STS12", "STS13")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    for task in TASKS:
        pairs = Pairs(task)
        for seed, (name, noise) in enumerate({"base": 0.5, "good_1": 0.1, "same": 0.5}.items()):
            Results(root).put(f"org/{name}", task, pairs.part(pairs.scores(noise, seed)))
    return root


def rows(text: str) -> list[list[str]]:
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    return [line.removesuffix(r" \\").split(" & ") for line in body.splitlines() if " & " in line]


def test_the_numbers_are_those_of_the_comparison(results: Path) -> None:
    found = ab.compare("base", "good_1", "same", tasks=TASKS, results=results)
    head, *lines = rows(found.to_latex())
    assert head == ["", r"$\Delta$", r"95\,\% CI", "$p$", "verdict"]
    assert [line[0] for line in lines] == [each.label.replace("_", r"\_") for each in found]
    for line, each in zip(lines, found, strict=True):
        low, high = each.interval
        said = line[1].removesuffix(r"\tnote{*}").replace("$-$", "-")
        assert said == f"{each.difference:+.2f}"
        assert line[2].replace("$-$", "-") == f"[{low:+.2f}, {high:+.2f}]"
        assert (r"\tnote{*}" in line[1]) == (each.p < 0.05)
        assert line[4].startswith(each.verdict)


def test_the_notes_say_how(results: Path) -> None:
    found = ab.compare("base", "good_1", "same", tasks=TASKS, results=results)
    text = found.to_latex()
    for part in ("difference to base", r"\item[*]", "Holm (1979)", "Student's t", "seed", "power"):
        assert part in text
    assert found["same"].verdict == "not significant"
    assert f"({found['same'].overall.resolves:.2f})" in text  # type: ignore[union-attr]
    assert "--" not in "".join(line for line in text.splitlines() if line.startswith(r"\item"))
    assert r"\caption{STS12+STS13: differences to base, mean of 2.}" in text


def test_by_task_every_candidate_has_its_tasks(results: Path) -> None:
    found = ab.compare("base", "good_1", "same", tasks=TASKS, results=results)
    text = found.to_latex(by="task", caption="Mine", label="tab:x")
    assert len(rows(text)) == 1 + 2 + 2 * len(TASKS)
    assert re.findall(r"\\textit\{([^}]*)\}", text) == [r"good\_1", "same"]
    assert r"\caption{Mine}" in text
    assert r"\label{tab:x}" in text
    assert "within a candidate over its tasks" in text


def test_scores_without_predictions_are_over_tasks(results: Path) -> None:
    for place in results.rglob(".angle-bench/*.parquet"):
        if "same" in str(place):
            place.unlink()
    text = ab.compare("base", "good_1", "same", tasks=TASKS, results=results).to_latex()
    assert re.search(r"^same & .* & \[.*\] & -- & over tasks alone", text, re.MULTILINE)
    assert "the interval resamples tasks" in text


def test_the_command_writes_and_prints_it(cli: Cli, results: Path) -> None:
    words = ("compare", "base", "good_1", "same", "-t", ",".join(TASKS))
    ended = cli(*words, "-o", "x.tex", "--caption", "C", "--by", "task")
    assert ended.code == 0, ended.err
    text = Path("x.tex").read_text()
    assert r"\caption{C}" in text
    assert "% Made by angle-bench compare: angle-bench compare base good_1" in text
    assert cli(*words, "-o", "x.tex").code == 0  # its own file
    printed = cli(*words, "--format", "latex").out
    assert rows(printed) == rows(Path("x.tex").read_text())


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        (("-o", "x.docx"), "ends in none of .tex, .html or .parquet", "-o compared.tex"),
        (("--format", "word"), "there is no format word", "--format latex"),
        (("--format", "html"), "html is a file", "-o FILE.html"),
        (("--caption", "x"), "for LaTeX", "-o FILE.tex"),
        (("-o", "mine.tex"), "nothing is overwritten", "another name"),
        (("--format", "latex", "--json"), "two forms", "--json"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    cli: Cli, results: Path, words: tuple[str, ...], what: str, fix: str
) -> None:
    Path("mine.tex").write_text(r"\documentclass{article}")
    ended = cli("compare", "base", "same", "-t", "STS12", *words)
    assert ended.code == 2
    assert what in ended.errors[0]
    assert fix in ended.errors[1]
    assert Path("mine.tex").read_text() == r"\documentclass{article}"
