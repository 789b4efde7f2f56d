"""Compressed files of rows: each kind gives what it gives as it is, whole or not at all."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from angle_bench.errors import DataError
from angle_bench.evaluation.reader import ReadOptions, open_rows
from angle_bench.evaluation.reader.texts import read_texts, text_files
from angle_bench.evaluation.task_data import locate
from angle_bench.suites.user_task import OwnTask
from angle_bench.training.mining.text_pool import read_pairs, source_of
from tests.sheets import write_sheets

# more than the reader takes in one block, with what each kind has to quote
PAIRS = [(f'query {n}, "a" ü', f"line {n}\nline;two\t{'x' * 900}") for n in range(1_300)]
TABLE = [{"query": query, "positive": positive} for query, positive in PAIRS]


def _separated(delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["query", "positive"], delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(TABLE)
    return text.getvalue().encode()


def _columns(suffix: str) -> bytes:
    table, sink = pa.Table.from_pylist(TABLE), pa.BufferOutputStream()
    if suffix == "parquet":
        pq.write_table(table, sink, row_group_size=100)
    else:
        make = pa.ipc.new_file if suffix == "arrow" else pa.ipc.new_stream
        with make(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    return bytes(sink.getvalue().to_pybytes())


KINDS: dict[str, Callable[[], bytes]] = {
    "csv": lambda: _separated(","),
    "tsv": lambda: _separated("\t"),
    "jsonl": lambda: "".join(f"{json.dumps(row)}\n" for row in TABLE).encode(),
    "json": lambda: json.dumps(TABLE).encode(),
    "parquet": lambda: _columns("parquet"),
    "arrow": lambda: _columns("arrow"),
    "feather": lambda: _columns("feather"),
}


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as target:
        target.write(data)
    return bytes(sink.getvalue().to_pybytes())


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstd}


@cache
def packed(kind: str, compression: str) -> bytes:
    return COMPRESSED[compression](KINDS[kind]())


def rows_in(place: Path) -> list[dict[str, Any]]:
    return [row for _, row in open_rows(place).rows()]


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_compressed_is_read_by_every_entry(
    tmp_path: Path, kind: str, compression: str
) -> None:
    place = tmp_path / f"pairs.{kind}.{compression}"
    place.write_bytes(packed(kind, compression))
    assert rows_in(place) == TABLE
    with text_files(str(place), ReadOptions()) as files:
        assert list(read_texts(files, "query").texts) == [query for query, _ in PAIRS]
    pairs, counts = read_pairs(source_of(str(place)), None)
    assert (pairs, counts.read) == (PAIRS, len(PAIRS))
    columns = {"sentence1": "query", "sentence2": "positive"}
    task = OwnTask(name="own", type="STS", path=place, columns=columns).task()
    (read,) = locate(task, None).read.values()
    assert (read.rows, read.columns) == (len(PAIRS), ("query", "positive"))


@pytest.mark.parametrize("compression", COMPRESSED)
def test_streams_one_after_the_other_are_one_file(tmp_path: Path, compression: str) -> None:
    lines = KINDS["jsonl"]().splitlines(keepends=True)
    compress = COMPRESSED[compression]
    place = tmp_path / f"pairs.jsonl.{compression}"
    place.write_bytes(compress(b"".join(lines[:7])) + compress(b"".join(lines[7:])))
    assert rows_in(place) == TABLE


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_compressed_file_that_is_cut_off_is_refused(
    tmp_path: Path, kind: str, compression: str
) -> None:
    whole = packed(kind, compression)
    for size in (len(whole) // 3, len(whole) - 1):
        place = tmp_path / f"pairs.{kind}.{compression}"
        place.write_bytes(whole[:size])
        with pytest.raises(DataError, match=rf"pairs\.{kind}\.{compression} cannot be read as"):
            rows_in(place)


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json"])
def test_a_compressed_file_whose_name_does_not_say_so_is_told_its_name(
    tmp_path: Path, kind: str, compression: str
) -> None:
    place = tmp_path / f"pairs.{kind}"
    place.write_bytes(packed(kind, compression))
    with pytest.raises(DataError, match=rf"is compressed as \.{compression} is") as raised:
        rows_in(place)
    assert raised.value.fix == f"the name pairs.{kind}.{compression}"
    place.rename(tmp_path / f"pairs.{kind}.{compression}")
    assert rows_in(tmp_path / f"pairs.{kind}.{compression}") == TABLE


def test_a_compressed_spreadsheet(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="the extra `xlsx` is not installed")
    place = write_sheets(tmp_path / "a.xlsx", {"rows": [["text", "n"], ["ü", 1], ["b", 2.5]]})
    for compression, compress in COMPRESSED.items():
        smaller = tmp_path / f"a.xlsx.{compression}"
        smaller.write_bytes(compress(place.read_bytes()))
        assert rows_in(smaller) == [{"text": "ü", "n": 1}, {"text": "b", "n": 2.5}]
