"""A site on disk: whose it is, what is written, what --check compares."""

import base64
import gzip
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from angle_bench.results.predictions import without_texts
from tests.conftest import Cli
from tests.result_files import put
from tests.stored import Pairs, Results

SUITE = ("-t", "STS12")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    for name, score in (("org__one", 0.5), ("org__two", 0.25)):
        put(root / name / "r1", "STS12", score)
    return root


def names(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


def test_a_folder_or_a_first_page(cli: Cli, results: Path, tmp_path: Path) -> None:
    assert cli("leaderboard", *SUITE, "-o", "site/").err == "wrote site/index.html, 2 models\n"
    assert names(tmp_path / "site") == ["index.html", "index_files"]
    assert cli("leaderboard", *SUITE, "-o", "out/table.html", "-q").code == 0
    assert names(tmp_path / "out") == ["table.html", "table_files"]
    expected = ["board.js", "model-1-one.html", "model-2-two.html", "site.css", "site.js"]
    assert names(tmp_path / "out" / "table_files") == expected


def test_pages_of_models_that_are_gone_go(cli: Cli, results: Path, tmp_path: Path) -> None:
    assert cli("leaderboard", *SUITE, "-o", "site", "-q").code == 0
    assert cli("leaderboard", *SUITE, "-m", "two", "-o", "site", "-q").code == 0
    assert "model-1-two.html" in names(tmp_path / "site" / "index_files")
    assert not [name for name in names(tmp_path / "site" / "index_files") if "one" in name]


def test_nothing_foreign_is_overwritten(cli: Cli, results: Path, tmp_path: Path) -> None:
    place = tmp_path / "site" / "index.html"
    place.parent.mkdir()
    place.write_text("mine", encoding="utf-8")
    ended = cli("leaderboard", *SUITE, "-o", "site")
    assert ended.code == 2
    assert "no page that angle-bench leaderboard made" in ended.errors[0]
    assert place.read_text(encoding="utf-8") == "mine"
    beside = tmp_path / "other" / "index_files" / "mine.txt"
    beside.parent.mkdir(parents=True)
    beside.write_text("mine", encoding="utf-8")
    assert cli("leaderboard", *SUITE, "-o", "other").code == 2
    assert names(beside.parent) == ["mine.txt"]


@pytest.mark.parametrize("foreign", [None, "site.css", "model-3-mine.html", "charts.js"])
def test_a_site_whose_writing_was_killed_is_written_again(
    cli: Cli, results: Path, tmp_path: Path, foreign: str | None
) -> None:
    assert cli("leaderboard", *SUITE, "-o", "site", "-q").code == 0
    rest = tmp_path / "site" / "index_files"
    (tmp_path / "site" / "index.html").unlink()  # which is written last
    (rest / f".site.js.{'0' * 16}.tmp").write_text("half")
    if foreign is None:
        assert cli("leaderboard", *SUITE, "-o", "site", "-q").code == 0
        return
    (rest / foreign).write_text("mine")
    assert cli("leaderboard", *SUITE, "-o", "site", "-q").code == 2
    assert (rest / foreign).read_text() == "mine"


def test_check(cli: Cli, results: Path) -> None:
    assert cli("leaderboard", *SUITE, "-o", "site", "-q").code == 0
    ended = cli("leaderboard", *SUITE, "--check", "site")
    assert (ended.code, ended.out) == (0, "site: as the results are\n")
    put(results / "org__two" / "r1", "STS12", 0.75)
    ended = cli("leaderboard", *SUITE, "--check", "site")
    assert ended.code == 3
    assert "in the file" in ended.out
    assert cli("leaderboard", *SUITE, "--check", "results").code == 1


def test_a_site_needs_a_place(cli: Cli, results: Path) -> None:
    ended = cli("leaderboard", *SUITE, "--format", "html")
    assert ended.code == 2
    assert "-o FOLDER" in ended.errors[1]


def test_the_command_that_makes_a_row_again(cli: Cli, tmp_path: Path) -> None:
    made, pairs = Results(tmp_path / "results"), Pairs("STS12")
    made.put("org/ft", "STS12", pairs.part(pairs.scores(0.1, 1)), revision="abc")
    assert cli("leaderboard", "-t", "STS12,STS13", "-o", "site", "-q").code == 0
    text = (tmp_path / "site" / "index_files" / "model-1-ft.html").read_text(encoding="utf-8")
    assert "angle-bench run -m ft=org/ft@abc -t STS12,STS13" in text


def test_every_name_and_text_is_escaped(cli: Cli, tmp_path: Path) -> None:
    made, pairs = Results(tmp_path / "results"), Pairs("STS12")
    pairs.text1[0] = "<script>alert('x')</script>"
    for name, noise in (("a", 0.3), ("b", 0.1)):
        made.put(f"local/{name}", "STS12", pairs.part(pairs.scores(noise, 1)))
    labels = ("-m", "../../x=a,<b>=b")
    assert cli("leaderboard", *SUITE, *labels, "-o", "site", "-q").code == 0
    assert names(tmp_path) == ["results", "site"]
    for place in (tmp_path / "site").rglob("*.html"):
        text = place.read_text(encoding="utf-8")
        assert "<b>" not in text.replace("<b>best</b>", "")
        assert "alert('x')" not in text
    assert "model-2-x.html" in names(tmp_path / "site" / "index_files")


def test_what_is_loaded_later_is_what_the_command_gives(cli: Cli, results: Path) -> None:
    assert cli("leaderboard", *SUITE, "-o", "site", "-q").code == 0
    text = Path("site/index_files/board.js").read_text(encoding="utf-8")
    packed = re.fullmatch(r'angleBench\.put\("board", "([A-Za-z0-9+/=]+)"\);\n', text)
    assert packed is not None
    found = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    told = json.loads(cli("leaderboard", *SUITE, "--json").out)
    assert found | {"command": ""} == told | {"command": ""}


def test_texts_that_are_hashes_are_no_pairs_to_show(cli: Cli, tmp_path: Path) -> None:
    made, pairs = Results(tmp_path / "results"), Pairs("STS12")
    for label in ("a", "b"):
        made.put(f"local/{label}", "STS12", pairs.part(pairs.scores(0.1, 1)))
    assert cli("leaderboard", *SUITE, "-o", "site", "-q").code == 0
    beside = tmp_path / "site" / "index_files"
    assert {"pairs.js", "pairs-0.js", "pairs-1.js"} <= set(names(beside))
    for place in (tmp_path / "results").rglob("STS12.parquet"):
        pq.write_table(without_texts(pq.read_table(place)), place)
    assert cli("leaderboard", *SUITE, "-o", "site", "-q").code == 0
    assert not list(beside.glob("pairs*.js"))
    assert 'id="pairs"' not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_notes_are_about_what_is_there(cli: Cli, results: Path, tmp_path: Path) -> None:
    """Neither marks that no cell has, nor what to type: a reader may have the page alone."""
    (tmp_path / "results" / "nameless").mkdir()
    put(tmp_path / "results" / "nameless", "STS12", 0.5)
    assert cli("leaderboard", *SUITE, "-m", "one", "-o", "alone", "-q").code == 0
    alone = Path("alone/index.html").read_text(encoding="utf-8")
    assert "<b>best</b>" not in alone
    assert "in parentheses" not in alone
    assert cli("leaderboard", *SUITE, "--base", "two", "-o", "site", "-q").code == 0
    text = Path("site/index.html").read_text(encoding="utf-8")
    assert "<b>best</b>" in text
    assert "lacks a task" not in text
    assert "in parentheses" not in text
    assert "--model-name" not in text
