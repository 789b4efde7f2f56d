"""Benchmarks with private tasks: what is said of them, and the mean of what is public."""

import json
import re
from pathlib import Path

import pytest

from angle_bench.reporting.tables.run_table import as_json
from angle_bench.reporting.tables.table import Table, TableCell, TableRow
from angle_bench.suites import averages
from angle_bench.suites.catalogue import catalogue
from angle_bench.suites.private_tasks import private_line, public_name, public_names, public_part
from angle_bench.suites.select import select
from angle_bench.suites.shipped import benchmark
from angle_bench.suites.task import Suite
from tests.checkpoints import build_tiny_bert
from tests.conftest import Cli
from tests.result_files import put

NONE = TableCell(None)
RTEB = "RTEB(fin, beta)"  # 7 tasks, 4 of them private
PUBLIC = "RTEB(fin, beta, public)"


def suite(name: str) -> Suite:
    return select([name])


def store(root: Path, label: str, tasks: list[str], first: float = 0.5) -> list[float]:
    """Results of mteb, a score for each task, each a tenth higher."""
    scores = [first + at / 10 for at in range(len(tasks))]
    for task, score in zip(tasks, scores, strict=True):
        put(root / f"org__{label}/r1", task, score)
    return scores


def test_private_is_what_mteb_says() -> None:
    import mteb

    told = {
        task.metadata.name: not task.metadata.is_public
        for task in mteb.get_benchmark("RTEB(beta)").tasks
    }
    ours = {task.name: task.private for task in suite("RTEB(beta)").task}
    assert ours == told
    assert (len(told), sum(told.values())) == (30, 13)
    assert not any(task.private for task in suite("MTEB(eng, v2)").task)


def test_the_public_tasks_are_a_suite_by_its_own_name() -> None:
    every, kept = suite(RTEB), suite("rteb(FIN,beta,public)")
    assert kept.name == PUBLIC != every.name
    assert kept == public_part(every)
    assert [task.name for task in kept.task] == [t.name for t in every.task if not t.private]
    assert len(suite("RTEB(beta, public)").task) == 17
    assert private_line(kept) == ""
    assert public_part(kept) is None


def test_where_every_task_is_private_there_is_no_such_suite() -> None:
    name = "RTEB(jpn, beta)"
    assert benchmark(public_name(name)) is None
    assert public_name(name) not in public_names()
    assert averages.public(suite(name)) == []
    assert private_line(suite(name)).endswith("no mean")


def test_names_of_public_suites_are_mtebs_with_a_word() -> None:
    private = set(catalogue()["private"])
    assert len(private) > 13
    for name in public_names():
        found = suite(name)
        assert found.task
        assert not {task.name for task in found.task} & private


def test_it_is_explained(cli: Cli) -> None:
    ended = cli("tasks", "show", RTEB)
    line = ended.out.splitlines()[1]
    assert line.startswith(f"{RTEB}: 4 of 7 tasks private (EnglishFinance1Retrieval, ")
    assert line.endswith(f"-t '{PUBLIC}'")
    said = json.loads(cli("tasks", "show", RTEB, "--json").out)
    assert said["private"] == [task.name for task in suite(RTEB).task if task.private]
    assert "private" not in json.loads(cli("tasks", "show", PUBLIC, "--json").out)
    assert "Code1Retrieval is a private task" in cli("tasks", "show", "Code1Retrieval").out
    assert PUBLIC in cli("tasks", "list", "--all").out.splitlines()


def test_a_run_says_it_beforehand(cli: Cli, tmp_path: Path) -> None:
    build_tiny_bert(tmp_path / "tiny")
    ended = cli("run", "-m", "./tiny", "-t", RTEB, "-n")
    assert f"{RTEB}: 4 of 7 tasks private" in ended.out + ended.err
    plain = cli("run", "-m", "./tiny", "-t", PUBLIC, "-n")
    assert "private" not in plain.out + plain.err


def test_the_mean_of_the_public_tasks_is_never_the_suites(cli: Cli, tmp_path: Path) -> None:
    public = [task.name for task in suite(PUBLIC).task]
    scores = store(tmp_path / "results", "one", public)
    store(tmp_path / "results", "two", public[:2], 0.6)
    ended = cli("leaderboard", "-t", RTEB)
    assert "mean of 7                 3 of 7  2 of 7" in ended.out
    assert f"mean of 3 public           {100 * sum(scores) / 3:.2f}  2 of 3" in ended.out
    assert f"{RTEB}: 4 of 7 tasks private" in ended.out
    whole = cli("leaderboard", "-t", PUBLIC)
    assert f"{100 * sum(scores) / 3:.2f}" in whole.out
    assert "private" not in whole.out


def test_every_format_has_both(cli: Cli, tmp_path: Path) -> None:
    store(tmp_path / "results", "one", [task.name for task in suite(PUBLIC).task])
    for form in ("csv", "markdown", "latex", "rst", "typst", "html"):
        assert cli("leaderboard", "-t", RTEB, "-o", f"table.{form}", "--format", form).code == 0
        text = Path(f"table.{form}").read_text(encoding="utf-8")
        assert "public" in text, form
        assert "60.0" in text, form
    (row,) = json.loads(cli("leaderboard", "-t", RTEB, "--json").out)["rows"]
    assert row["averages"]["mean"]["score"] is None
    assert row["averages"]["public"]["score"] == pytest.approx(60)


def test_a_run_has_both() -> None:
    rows = [TableRow("one", (*[TableCell(0.5), TableCell(0.6), TableCell(0.7)], *[NONE] * 4), "")]
    table = Table(suite(RTEB), tuple(rows))
    assert "mean of 3 public  60.00" in re.sub(r"  +", "  ", table.text(80))
    assert "mean of 7  3 of 7" in re.sub(r"  +", "  ", table.text(80))
    assert table.footer().startswith(f"{RTEB}: 4 of 7 tasks private")
    (said,) = as_json(table)
    assert (said["mean"], said["public"], said["coverage"]) == (None, 60.0, "3 of 7")
    whole = Table(suite(PUBLIC), (TableRow("one", rows[0].cells[:3], ""),))
    assert "public" not in as_json(whole)[0]
    assert as_json(whole)[0]["mean"] == 60.0


def test_its_mean_is_mtebs_mean_of_public_tasks() -> None:
    """`Mean (Public)` of mteb's own tables, by the function behind them."""
    import mteb
    from mteb.benchmarks._benchmark_metrics import _compute_mean_public_private
    from mteb.results import TaskResult

    found = mteb.get_benchmark("RTEB(fin, beta)")
    scores = {task.metadata.name: 0.3 + at / 20 for at, task in enumerate(found.tasks)}
    results = [
        TaskResult.from_task_results(
            task,
            {
                split: {
                    subset: {"main_score": scores[task.metadata.name], task.metadata.main_score: 0}
                    for subset in task.hf_subsets
                }
                for split in task.eval_splits
            },
            evaluation_time=0.0,
        )
        for task in found.tasks
    ]
    ours = suite(RTEB)
    told = [scores[task.name] for task in ours.task]
    theirs = _compute_mean_public_private(results)["Mean(Public)"]
    assert averages.mean_of_public(ours, told) == pytest.approx(theirs, abs=1e-9)
    assert averages.mean_of_public(ours, [None, *told[1:]]) is None
