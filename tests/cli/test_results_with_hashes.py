"""Every verb that reads results, over the study: results of a stranger, with hashes for texts."""

from pathlib import Path

import pytest

from tests.conftest import Cli

STUDY = Path(__file__).resolve().parents[2] / "results/study"
BASE, TUNED = "all-MiniLM-L6-v2", "sts-cosine-seed1"
OF_TWO = ("-r", STUDY, "-t", "STS12", "-m", f"{BASE},{TUNED}", "--base", BASE)


@pytest.mark.parametrize("place", ["out/", "x.html", "x.md", "x.csv", "x.tex", "x.json"])
def test_a_leaderboard_in_every_format(cli: Cli, tmp_path: Path, place: str) -> None:
    ended = cli("leaderboard", *OF_TWO, "--ranks", "-o", place)
    assert (ended.code, ended.errors) == (0, [])
    written = tmp_path / place
    page = written / "index.html" if written.is_dir() else written
    assert TUNED in page.read_text(encoding="utf-8")
    assert cli("leaderboard", *OF_TWO, "--ranks", "--check", place).code == 0


def test_pages_do_not_speak_of_pairs_without_their_texts(cli: Cli, tmp_path: Path) -> None:
    cli("leaderboard", *OF_TWO, "-o", "out/")
    pages = list((tmp_path / "out").rglob("*.html"))
    assert len(pages) == 3
    assert not any("What changed against" in page.read_text("utf-8") for page in pages)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--seen",),
        ("--by", "subset"),
        ("--changes", "5"),
        ("--json",),
        ("--changes", "5", "--json"),
        ("--changes", "5", "-o", "x.html"),
        ("--method", "pairs"),
        ("--fail-if-worse",),
    ],
    ids=" ".join,
)
def test_a_comparison_with_every_option(cli: Cli, options: tuple[str, ...]) -> None:
    ended = cli("compare", BASE, TUNED, "-r", STUDY, "-t", "STS12", *options)
    assert (ended.code, ended.errors) == (0, [])
    assert TUNED in ended.out


def test_pairs_as_a_file_are_refused_with_the_reason(cli: Cli) -> None:
    ended = cli("compare", BASE, TUNED, "-r", STUDY, "-t", "STS12", "-o", "x.parquet")
    assert ended.code == 2
    assert "results that are passed on may hold hashes instead" in ended.err
