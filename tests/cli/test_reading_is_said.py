"""A file that takes long to read: how far it is read is said on stderr, whatever its kind."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from angle_bench.api.calling import progress_bars
from angle_bench.cli.output import training_progress
from angle_bench.evaluation.encoders import sentence_encoder
from angle_bench.evaluation.reader import open_rows
from angle_bench.files import reading_pace
from angle_bench.files.reading_pace import heard_by
from tests.conftest import Cli

ROWS = 40_000
TABLE = pa.table(
    {
        "query": [f"query {number}" for number in range(ROWS)],
        "positive": [f"answer {number}" for number in range(ROWS)],
    }
)


def write_arrow(place: Path) -> None:
    with pa.ipc.new_file(place, TABLE.schema) as file:
        file.write_table(TABLE, max_chunksize=9_000)


def write_csv(place: Path) -> None:
    lines = [f"{row['query']},{row['positive']}\n" for row in TABLE.to_pylist()]
    place.write_text("query,positive\n" + "".join(lines))


def write_array(place: Path) -> None:
    place.write_text(json.dumps(TABLE.to_pylist()))


def write_line(place: Path) -> None:
    place.write_text(json.dumps({"query": "word " * 700_000, "positive": "b"}) + "\n")


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "many.parquet": (lambda place: pq.write_table(TABLE, place), "of 40,000 rows"),
    "many.arrow": (write_arrow, "40,000 rows"),
    "many.csv": (write_csv, "of 1.0 MB"),
    "many.json": (write_array, "MB"),
    "line.jsonl": (write_line, "of 3.5 MB"),
}


class Clock:
    """An hour passes whenever somebody looks."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 3600
        return self.now


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_pace, "time", Clock())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.usefixtures("slow")
def test_every_kind_of_file(name: str, tmp_path: Path) -> None:
    write, counted = FILES[name]
    write(tmp_path / name)
    lines: list[str] = []
    with heard_by(lines.append):
        seen = sum(1 for _ in open_rows(tmp_path / name).rows())
    assert seen in (1, ROWS)
    assert lines[-1].startswith(f"reading {tmp_path / name}: ")
    assert lines[-1].endswith(counted)
    assert len(lines) >= 2 - (name == "many.csv")  # on the way, not at the end alone
    whole = [line for line in lines if " %, " in line]
    assert not whole or whole[-1].partition(": ")[2].startswith("100 %, ")


def test_what_is_read_fast_is_not_spoken_of(tmp_path: Path) -> None:
    pq.write_table(TABLE.slice(0, 5), tmp_path / "few.parquet")
    lines: list[str] = []
    with heard_by(lines.append):
        assert len(list(open_rows(tmp_path / "few.parquet").rows())) == 5
    assert lines == []


def test_a_line_after_three_seconds_and_every_fifteen(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(reading_pace, "time", clock)
    said: list[tuple[float, str]] = []

    def seconds() -> "list[int]":
        return list(range(1, 41))

    with heard_by(lambda line: said.append((clock.now, line))):
        for second in reading_pace.paced(seconds(), "reading it", "rows", lambda _: 2, 80):
            clock.now = float(second)
    assert said == [
        (3.0, "reading it: 10 %, 8 of 80 rows"),
        (18.0, "reading it: 47 %, 38 of 80 rows"),
        (33.0, "reading it: 85 %, 68 of 80 rows"),
    ]


def test_nobody_is_told_after_the_block(slow: None, tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "many.parquet")
    lines: list[str] = []
    with heard_by(lines.append), heard_by(None):
        list(open_rows(tmp_path / "many.parquet").rows())
    list(open_rows(tmp_path / "many.parquet").rows())
    assert lines == []


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = {"query": ["a man", "a dog", "a cat"], "positive": ["he", "it", "she"]}
    pq.write_table(pa.table(rows), tmp_path / "pairs.parquet")
    (tmp_path / "recipe.toml").write_text(
        '[model]\nname = "tiny-bert"\n[[data.train]]\npath = "pairs.parquet"\n'
        '[train]\nbatch_size = 2\nmax_steps = 1\n[select]\nsuite = ""\n'
    )
    return tmp_path / "pairs.parquet"


VERBS = {
    "encode": ("encode", "pairs.parquet", "--column", "query", "-m", "tiny-bert"),
    "mine-negatives": ("mine-negatives", "pairs.parquet", "-m", "tiny-bert", "-n"),
    "train -n": ("train", "recipe.toml", "-n"),
    "train": ("train", "recipe.toml", "-d", "cpu"),
}


@pytest.mark.process
@pytest.mark.parametrize("watched", ["bars", "lines", "quiet"])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.usefixtures("tiny_bert", "slow")
def test_every_verb_that_reads_rows_says_it(
    verb: str, watched: str, cli: Cli, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (progress_bars, training_progress):  # as on a terminal, and as in a log
        tty = SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: watched == "bars"))
        monkeypatch.setattr(module, "sys", tty)
    ended = cli(*VERBS[verb], *(["-q"] if watched == "quiet" else []))
    assert ended.code == 0, ended.err
    line = "pairs.parquet: 100 %, 3 of 3 rows"  # of a recipe with its whole path
    assert (line in ended.err) == (watched != "quiet")


@pytest.mark.process
@pytest.mark.usefixtures("tiny_bert")
def test_a_text_that_is_far_too_long_is_said_before_it_is_computed(
    cli: Cli, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentence_encoder, "LONG_TEXT", 5)
    ended = cli(*VERBS["encode"])
    assert ended.code == 0, ended.err
    assert "the longest text has 5 characters" in ended.err
    monkeypatch.setattr(sentence_encoder, "LONG_TEXT", 6)
    assert "characters" not in cli(*VERBS["encode"], "--overwrite").err
