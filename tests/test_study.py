"""The study of leaderboards/: triplets, what is passed on, a page that says what is stored."""

import gzip
import re
import shlex
from base64 import b64decode
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from angle_bench.results.predictions import read_predictions
from leaderboards.study import plan, publish, site, snli, tables
from tests.stored import Pairs, Results, put_training


def test_the_page_says_what_the_results_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert tables.main(["--check"]) == 0
    assert "as stored" in capsys.readouterr().out


PACKED = re.compile(r"H4sI[\w+/=]{40,}")
MINUTE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d(\+00:00)?|20\d\d-\d\d-\d\d \d\d:\d\d UTC")


def files_of(folder: Path) -> dict[str, str]:
    """The site and the paper's table, without the minute and the place of their making."""
    places = [folder / site.PAPER, *sorted((folder / site.SITE).rglob("*"))]
    return {
        str(place.relative_to(folder)): MINUTE.sub("", unpacked(place.read_text("utf-8"))).replace(
            str(folder), str(site.FOLDER)
        )
        for place in places
        if place.is_file()
    }


def unpacked(text: str) -> str:
    """What a browser makes of data that is packed into a script."""
    return PACKED.sub(lambda found: gzip.decompress(b64decode(found[0])).decode(), text)


@pytest.mark.process
def test_the_site_and_the_papers_table_are_what_the_command_makes(tmp_path: Path) -> None:
    assert site.main([str(tmp_path)]) == 0
    made, stored = files_of(tmp_path), files_of(plan.ROOT / site.FOLDER)
    assert made.keys() == stored.keys()
    assert [name for name in made if made[name] != stored[name]] == []


def test_the_page_has_the_command_of_the_site() -> None:
    page = tables.PAGE.read_text("utf-8")
    assert shlex.join(["angle-bench", *site.words(), "-o", f"{site.FOLDER}/{site.SITE}"]) in (
        " ".join(page.replace("\\\n", " ").split())
    )


@pytest.mark.long
def test_a_changed_figure_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tables.PAGE.read_text("utf-8")
    changed = tmp_path / "README.md"
    changed.write_text(page.replace("82.03", "82.04", 1), encoding="utf-8")
    monkeypatch.setattr(tables, "PAGE", changed)
    assert tables.main(["--check"]) == tables.DIFFERS
    assert "README.md: not what the results say" in capsys.readouterr().out
    assert tables.main([]) == 0
    assert changed.read_text("utf-8") == page


def test_a_premise_with_both_makes_one_triplet() -> None:
    rows = [
        ("p ", "n1", "neutral"),
        ("p ", "e1 ", "entailment"),
        ("q", "e2", "entailment"),
        ("p", "e3", "entailment"),
        ("p", "c1", "contradiction"),
    ]
    assert list(snli.triplets(rows)) == [{"query": "p", "positive": "e1", "negative": "c1"}]


def test_results_are_passed_on_without_texts_and_places(tmp_path: Path) -> None:
    pairs, checkpoint = Pairs("A"), tmp_path / "sts-cosine-seed1"
    checkpoint.mkdir()
    put_training(checkpoint, [("a", "b")], [])
    (checkpoint / "training.json").write_text('{"command": ["-o", "/home/me/x"], "steps": 1}')
    made = Results(tmp_path / "from")
    scores = pairs.scores(0.3, 1)
    made.put("local/sts-cosine-seed1", "STS12", pairs.part(scores), checkpoint=checkpoint)
    made.put("local/sts-cosine-seed1", "Other", pairs.part(scores), checkpoint=checkpoint)
    publish.publish(made.root, tmp_path / "to")
    files = {place.name: place for place in (tmp_path / "to").rglob("*") if place.is_file()}
    assert "Other.json" not in files
    for name in ("STS12.json", "training.json"):
        assert str(tmp_path) not in files[name].read_text()
    assert "/home" not in files["training.json"].read_text()
    table = read_predictions(files["STS12.parquet"])
    assert table.schema.field("text1").type == pa.binary(16)
    assert table["score"].to_pylist() == list(scores)
    assert parquet.read_table(files["training_texts.parquet"]).num_rows == 1


def test_every_recipe_of_the_plan_is_there() -> None:
    there = {place.stem for place in (plan.ROOT / "tasks/recipes/study").glob("*.toml")}
    assert {recipe.name for recipe in plan.RECIPES} == there
