"""`angle-bench leaderboard` as a user runs it."""

import json
import os
import shlex
from pathlib import Path

import pytest

from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli
from tests.result_files import put, put_old, put_record, write

SUITE = ("-t", "STS12,STS13")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three models, one with a gap, in ./results."""
    root = tmp_path / "results"
    for name, scores in {
        "org__one": (0.5, 0.7),
        "org__two": (0.6, 0.2),
        "local__ft-a": (0.9, None),
    }.items():
        for task, score in zip(("STS12", "STS13"), scores, strict=True):
            if score is not None:
                put(root / name / "r1", task, score)
    return root


def test_the_table_of_what_is_there(cli: Cli, results: Path) -> None:
    ended = cli("leaderboard", *SUITE)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[:4] == [
        "      STS12  STS13  mean of 2  Borda",
        "one   50.00  70.00      60.00      1",
        "two   60.00  20.00      40.00      1",
        "ft-a  90.00      –     1 of 2      –",
    ]
    assert "one: model:org/one|rev:r1|settings:unrecorded|mteb:2.0.0|" in ended.out


@pytest.mark.parametrize("paths", [("results",), (".",), ("results/org__one", "results/org__two")])
def test_paths_may_be_results_their_parent_or_models(
    cli: Cli, results: Path, paths: tuple[str, ...]
) -> None:
    ended = cli("leaderboard", *paths, *SUITE, "-m", "one,two")
    assert [line.split()[0] for line in ended.out.splitlines()[1:3]] == ["one", "two"]


def test_results_may_be_elsewhere(cli: Cli, results: Path, tmp_path: Path) -> None:
    results.rename(tmp_path / "other")
    assert cli("leaderboard", *SUITE).errors == [
        "error: there is no folder results.",
        "  type: angle-bench leaderboard RESULTS, or first angle-bench run",
    ]
    assert cli("leaderboard", *SUITE, "-r", "other").code == 0


def test_old_and_new_files_side_by_side(cli: Cli, results: Path) -> None:
    put_old(results.parent / "v1" / "old", "STS12", test={"cos_sim": {"spearman": 0.75}})
    ended = cli("leaderboard", "results", "v1", "-t", "STS12")
    assert "old   75.00" in ended.out


def test_json_on_stdout(cli: Cli, results: Path) -> None:
    value = json.loads(cli("leaderboard", *SUITE, "--json", "--base", "one").out)
    assert [row["model"] for row in value["rows"]] == ["one", "two", "ft-a"]
    assert value["rows"][1]["differences"]["STS12"] == pytest.approx(10)
    assert value["command"].startswith("angle-bench leaderboard -t STS12,STS13")


@pytest.mark.parametrize("suffix", ["md", "csv", "tex", "json", "rst", "typ", "parquet"])
def test_a_file_is_written_checked_and_written_again(cli: Cli, results: Path, suffix: str) -> None:
    place = f"tables/sts.{suffix}"
    assert cli("leaderboard", *SUITE, "-o", place).err == f"wrote {place}, 3 models\n"
    assert cli("leaderboard", *SUITE, "--check", place).code == 0
    assert cli("leaderboard", *SUITE, "-o", place, "-q").err == ""
    put(results / "org__two" / "r1", "STS13", 0.3)
    ended = cli("leaderboard", *SUITE, "--check", place)
    assert ended.code == 3
    assert ended.out.startswith(f"{place}: ")
    assert "two" in ended.out
    assert "in the file" in ended.out
    assert cli("leaderboard", *SUITE, "-o", place).code == 0
    assert cli("leaderboard", *SUITE, "--check", place).code == 0


def test_the_command_in_a_file_makes_it_again(cli: Cli, results: Path) -> None:
    cli("leaderboard", *SUITE, "-o", "a.json", "--base", "one", "-m", "one,two")
    first = Path("a.json").read_text()
    words = shlex.split(json.loads(first)["command"])
    Path("a.json").unlink()
    cli(*words[1:])
    assert Path("a.json").read_text() == first


def test_what_is_not_ours_is_not_overwritten(cli: Cli, results: Path) -> None:
    write(Path("notes.md"), "# mine\n")
    ended = cli("leaderboard", *SUITE, "-o", "notes.md")
    assert ended.code == 2
    assert ended.errors == [
        "error: notes.md is there, and it is no markdown that angle-bench leaderboard made; "
        "nothing is overwritten.",
        "  type: -o FILE of another name, or remove that file",
    ]
    assert Path("notes.md").read_text() == "# mine\n"


def test_sort_partial_decimals_and_labels(cli: Cli, results: Path) -> None:
    ended = cli(
        *("leaderboard", *SUITE, "--sort", "STS12", "--partial", "--decimals", "1"),
        *("-m", "mine=ft-a", "-m", "o*"),
    )
    assert ended.out.splitlines()[:4] == [
        "      STS12  STS13      mean of 2  Borda",
        "mine   90.0      –  90.0 (1 of 2)      –",
        "two    60.0   20.0           40.0      1",
        "one    50.0   70.0           60.0      1",
    ]


def test_runs_of_one_recipe(cli: Cli, results: Path) -> None:
    ended = cli("leaderboard", "-t", "STS12", "-m", "ft-a,recipe=org/*")
    assert ended.out.splitlines()[1:3] == [
        "ft-a                    90.00",
        "recipe (2 runs)  55.00 ± 7.07",
    ]
    assert "recipe (2 runs): mean ± standard deviation over one, two" in ended.out


def test_published_rows_stand_beside(cli: Cli, results: Path) -> None:
    ended = cli("leaderboard", "-t", "STS", "--published")
    assert "UAE-Large-V1 †" in ended.out
    assert "85.93" in ended.out
    assert "82.37" not in ended.out  # the paper's protocol is another one


def test_our_results_carry_label_verdict_and_settings(cli: Cli, results: Path) -> None:
    folder = results / "local__checkpoint-500" / "sha256-aa"
    put(folder, "STS12", 0.5, revision="local-00")
    settings = {"pooling": "cls", "normalize": False, "prompts": {}, "max_length": 512}
    model = {"name": "local/checkpoint-500", "revision": "sha256-aa"}
    model |= {"settings": {**settings, "dtype": "float32"}}
    put_record(folder, "STS12", model, origin="mirror", verification={"verdict": "equal"})
    write(results / ".runs" / "1.json", {"outcome": {"tuned": {"folder": str(folder)}}})
    ended = cli("leaderboard", "-t", "STS12", "-m", "tuned,one")
    assert "tuned  50.00✓" in ended.out
    assert "|pool:cls|prompts:none|max:512|dtype:float32|" in ended.out


@pytest.mark.process
def test_what_run_has_stored(cli: Cli, tiny_bert: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(12, seed=1))
    on = ("-t", "STS12", "--mirror", "mirror", "--pooling", "mean")
    ran = cli("run", "-m", f"tiny={tiny_bert}", *on, "--sizes", "16,32", "--json")
    assert ran.code == 0, ran.err
    measured = {row["label"]: row["scores"]["STS12"] for row in json.loads(ran.out)["models"]}
    rows = json.loads(cli("leaderboard", "-t", "STS12", "--json").out)["rows"]
    assert {row["model"]: round(row["scores"]["STS12"]["score"], 4) for row in rows} == measured
    assert {row["name"] for row in rows} == {"local/tiny-bert"}
    assert {row["scores"]["STS12"]["data"] for row in rows} == {"differs"}
    assert all("|pool:mean|" in row["signature"] for row in rows)


# ---- what goes wrong ----


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        (("-t", "STS-12"), "Did you mean STS12", "-t STS12"),
        (("--sort", "STS-12"), "Did you mean STS12", "--sort STS12"),
        (("--base", "on"), "Did you mean one", "--base one"),
        (("-m", "onee"), "Did you mean one", "one"),
        (("--decimals", "9"), "between 0 and 6", "--decimals 2"),
        (
            ("--format", "markdwn"),
            "markdown, csv, latex, json, rst, typst, parquet or html",
            "--format markdown",
        ),
        (("-o", "x.docx"), "suffix of x.docx", "--format markdown"),
        (("--format", "parquet"), "parquet is no text", "-o FILE.parquet"),
        (("--columns", "all"), "there are summary, tasks and languages", "--columns tasks"),
        (("--marks", "some"), "neither all nor none", "--marks none"),
        (("--transpose", "--json"), "means nothing in json", "without --transpose"),
        (("--caption", "x"), "means nothing in a terminal", "without --caption"),
        (("--label", "x", "-o", "x.md"), "it is for latex or typst", "without --label"),
        (("--marks", "none", "-o", "site/"), "means nothing in html", "without --marks"),
        (("-o", "x.md", "--check", "x.md"), "mutually exclusive", "-o x.md"),
        (("-o", "results.md/x.md"), "cannot be written", "-o F"),
        (("resluts",), "Did you mean results", "angle-bench leaderboard RESULTS"),
    ],
)
def test_what_cannot_be_meant_is_answered(
    cli: Cli, results: Path, words: tuple[str, ...], what: str, fix: str
) -> None:
    write(Path("results.md"), "a file where a folder is wanted")
    given = words if "-t" in words else (*SUITE, *words)
    ended = cli("leaderboard", *given)
    assert ended.code in (1, 2)
    assert len(ended.errors) == 2
    assert what in ended.errors[0]
    assert fix in ended.errors[1]


def test_an_empty_folder_and_one_without_the_suite(cli: Cli, results: Path) -> None:
    Path("empty").mkdir()
    ended = cli("leaderboard", "empty")
    assert (ended.code, ended.out) == (1, "")
    assert ended.errors[0] == "error: there are no result files in empty."
    ended = cli("leaderboard", "-t", "ArguAna")
    assert ended.code == 1
    assert "no model here has a result for ArguAna" in ended.err


def test_bad_files_are_named_in_a_line_each_and_left_out(cli: Cli, results: Path) -> None:
    bad = results / "org__bad" / "r1"
    write(bad / "STS12.json", '{"task_name": "ST')
    put(bad, "STS13", float("nan"))
    put(results / "org__worse" / "r1", "STS12", 84.5)
    (results / "loop").symlink_to(results)
    (results / "org__one" / "r1" / "STS14.json").symlink_to("STS14.json")
    ended = cli("leaderboard", *SUITE, "-o", "x.md")
    assert ended.code == 0
    lines = ended.err.splitlines()[:-1]
    assert [line for line in lines if not line.startswith("warning: ")] == []
    for part in ("org__bad/r1/STS12.json cannot be read (cut off", "a score of nan", "of 84.5"):
        assert sum(part in line for line in lines) == 1
    assert sum("results/loop" in line for line in lines) == 1
    assert sum("org__one/r1/STS14.json" in line for line in lines) == 1
    text = Path("x.md").read_text()
    assert "| one | 50.00 |" in text
    assert "without a result for STS12+STS13: bad, worse" in text


@pytest.mark.parametrize("name", ["<script>alert(1)<", "..__..__x", "a|b", "esc\x1b[31m", "a\nb"])
@pytest.mark.parametrize("suffix", ["md", "csv", "tex", "json", "rst", "typ", "parquet"])
def test_names_are_never_more_than_text(cli: Cli, results: Path, name: str, suffix: str) -> None:
    put(results / name / "r1", "STS12", 0.5)
    before = sorted(os.listdir())
    ended = cli("leaderboard", "-t", "STS12", "-o", f"x.{suffix}")
    assert ended.code == 0
    assert sorted(os.listdir()) == sorted([*before, f"x.{suffix}"])
    if suffix == "md":
        assert "<script>" not in Path("x.md").read_text().split("Made by")[0]
    printed = cli("leaderboard", "-t", "STS12").out
    assert "\x1b" not in printed
    lines = printed.splitlines()
    assert len([line for line in lines[5:] if ": model:" in line]) == 4
    assert len(lines) in (1 + 4 + 1 + 4, 1 + 4 + 2 + 4)  # header, rows, notes, signatures


def test_the_help_is_short_of_nothing(cli: Cli) -> None:
    out = cli("leaderboard", "--help").out
    for option in ("--sort", "--base", "--partial", "--published", "--decimals", "--check"):
        assert option in out


def test_the_layout_is_that_of_every_table(cli: Cli, results: Path) -> None:
    ended = cli("leaderboard", *SUITE, "--transpose", "-m", "one,two")
    assert ended.out.splitlines()[:3] == [
        "             one    two",
        "STS12      50.00  60.00",
        "STS13      70.00  20.00",
    ]
    written = ("leaderboard", *SUITE, "--transpose", "--marks", "none", "--published")
    for suffix in ("md", "rst", "typ", "tex"):
        place = f"turned.{suffix}"
        assert cli(*written, "-o", place).code == 0
        printed = Path(place).read_text().split("Made by::")[0].split("Made by\n")[0]
        lines = [line for line in printed.splitlines() if not line.startswith(("%", "//"))]
        assert not any("†" in line for line in lines)
        assert cli(*written, "--check", place).code == 0
        assert cli(*written[:-3], "--check", place).code == 3


def test_raw_is_for_csv_and_a_dash_is_stdout(cli: Cli, tmp_path: Path) -> None:
    put(tmp_path / "results/=o__m/r", "STS12", 0.5)
    words = ("leaderboard", "-t", "STS12", "-o")
    shown = cli(*words, "-", "--format", "csv")
    assert shown.code == 0, shown.err
    assert ",=o/m," in cli(*words, "-", "--format", "csv", "--raw").out
    assert ",'=o/m," in shown.out
    assert not (tmp_path / "-").exists()
    assert cli(*words, "x.csv", "--raw").code == 0
    assert cli("leaderboard", "-t", "STS12", "--check", "x.csv", "--raw").code == 0
    assert cli(*words, "x.md", "--raw").code == 2
    os.mkfifo(tmp_path / "pipe.csv")
    refused = cli(*words, "pipe.csv")
    assert refused.code == 2
    assert "is no regular file" in refused.errors[0]


def test_an_error_gives_a_terminal_no_orders(cli: Cli) -> None:
    ended = cli("leaderboard", "no\x1b[31m\x9bsuch", "-t", "STS12")
    assert ended.code != 0
    assert "\x1b" not in ended.err
    assert "\x9b" not in ended.err
