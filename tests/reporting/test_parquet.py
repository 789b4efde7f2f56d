"""Parquet holds what the frame holds."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from angle_bench.reporting.formats.board_frame import frame
from angle_bench.reporting.formats.parquet import as_parquet, as_text, text_of
from angle_bench.reporting.tables.stored_rows import runs_row
from tests.reporting.boards import board, row


def test_it_is_the_frame(tmp_path: Path) -> None:
    rows = [runs_row("ft", [row("x", 0.1, 0.2), row("y", 0.3, 0.2)]), row("b", 0.4, None)]
    made = replace(board(*rows, command="c"), intervals={"b": (1, 2)}, warnings=("odd",))
    place = tmp_path / "x.parquet"
    place.write_bytes(as_parquet(made))
    read = pd.read_parquet(place)
    pd.testing.assert_frame_equal(read, frame(made), check_dtype=False)
    said = pq.read_schema(place).metadata
    assert said[b"command"] == b"c"
    assert said[b"unit"] == b"points"
    assert said[b"warnings"] == b'["odd"]'
    assert pq.read_schema(place).field("A").type == "double"
    assert pq.read_schema(place).field("borda").type == "int64"


def test_its_text_is_that_of_the_leaderboard() -> None:
    made = board(row("a", 0.5), command="c")
    assert text_of(as_parquet(made)) == as_text(made)
    assert text_of(b"PAR1 no parquet PAR1") == ""
