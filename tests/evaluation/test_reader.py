"""The one reader: every row of a file is a row, or an error names file, line and fault."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from angle_bench.errors import AngleBenchError, DataError, UsageError
from angle_bench.evaluation.reader import ReadOptions, blocks, open_rows
from angle_bench.evaluation.reader.batch import text_array
from angle_bench.evaluation.reader.texts import read_texts, text_files
from angle_bench.evaluation.task_data import locate
from angle_bench.evaluation.user_tasks.fields import part_of
from angle_bench.evaluation.user_tasks.file_read import rows_of
from angle_bench.evaluation.user_tasks.task_rows import scored_pairs
from angle_bench.suites.user_task import OwnTask
from angle_bench.training.data.dataset import load_rows
from angle_bench.training.mining.text_pool import read_pairs, source_of
from angle_bench.training.recipe.recipe import Recipe

Rows = list[dict[str, Any]]


def rows_in(place: Path, **options: Any) -> Rows:
    return [row for _, row in open_rows(place, ReadOptions(**options)).rows()]


def texts_in(place: Path, column: str | None = None, **options: Any) -> list[str]:
    with text_files(str(place), ReadOptions(**options)) as files:
        return list(read_texts(files, column).texts)


def refused(place: Path, **options: Any) -> DataError:
    with pytest.raises(DataError) as raised:
        rows_in(place, **options)
    return raised.value


def written(place: Path, content: str | bytes) -> Path:
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    return place


# the shared cases


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("array.jsonl", 30),
        ("bom.jsonl", 30),
        ("lone-surrogate.jsonl", 30),
        ("quotes-swallow-rows.tsv", 30),
        ("semicolon.csv", 30),
        ("trailing-commas.csv", 30),
        ("reranking-empty-negative.jsonl", 10),
    ],
)
def test_shared_cases_lose_no_row(shared: Path, name: str, count: int) -> None:
    file = open_rows(shared / "cases/files" / name)
    assert len(list(file.rows())) == count
    columns = {"query", "positive", "negative"} if count == 10 else None
    assert set(file.columns()) == (columns or {"sentence1", "sentence2", "score"})


def test_the_shared_tsv_is_what_was_meant(shared: Path) -> None:
    folder = shared / "cases/files"
    found = rows_in(folder / "quotes-swallow-rows.tsv")
    meant = rows_in(folder / "quotes-swallow-rows.meant.jsonl")
    assert [{**row, "score": float(row["score"])} for row in found] == meant


def test_a_shared_long_cell_is_whole(shared: Path) -> None:
    assert max(map(len, texts_in(shared / "cases/files/long-field.csv"))) >= 149_000


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        ("unquoted-comma.csv", "line 2 has 2 cells, and the header 1", "quotes"),
        ("latin1.csv", "is not UTF-8: line 2 has the byte 0xe9", "--encoding latin-1"),
        ("null-line.jsonl", "line 6 holds null, which is no object", "--skip-bad-rows"),
    ],
)
def test_shared_cases_that_are_refused(shared: Path, name: str, what: str, fix: str) -> None:
    error = refused(shared / "cases/files" / name)
    assert f"{name} {what}" in error.what
    assert fix in error.fix


@pytest.mark.parametrize(
    ("name", "columns", "format", "kept"),
    [
        ("neg_missing_first", {}, "C", 39),
        ("flag_nofirst", {"pos": "positive", "neg": "negative"}, "C", 39),
        ("lab_none_first", {}, "A", 39),
        ("ntuple", {}, "C", 40),
        ("neg_lists", {}, "C", 30),
    ],
)
def test_shared_training_cases(
    shared: Path, name: str, columns: dict[str, str], format: str, kept: int
) -> None:
    source = {"path": str(shared / f"cases/training/{name}.jsonl"), "columns": columns}
    recipe = {"model": {"name": "m"}, "data": {"train": [source]}, "loss": {"ibn_w": 0}}
    rows = load_rows(Recipe.model_validate(recipe))
    assert (rows.format, len(rows)) == (format, kept)
    if name == "ntuple":
        assert {len(rows.row(number).texts[2]) for number in range(len(rows))} == {2}


# what is refused, and what is not


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", "a,b\n1,2,3\n", "line 2 has 3 cells, and the header 2"),
        ("a.csv", "a,b\n1\n", "line 2 has 1 cell, and the header 2"),
        ("a.csv", "a,b\n1,2\n3,\n4,5,\n", "line 4 has 3 cells"),
        ("a.csv", "a,b,,\n1,2,,\n3,4,x,\n", "line 3 has 'x' in a column without a name"),
        ("a.csv", 'a,b\n"1,2\n3,4\n', "line 2 opens a quote that nothing closes"),
        ("a.csv", 'a,b\n"1"x,2\n', "line 2 has text after the quote"),
        ("a.csv", "a,a\n1,2\n", "two columns of the name a"),
        ("a.tsv", "a\tb\n1\t2\t3\n", "line 2 has 3 cells"),
        ("a.jsonl", '{"a": 1}\n\n[1]\n', "line 3 holds [1], which is no object"),
        ("a.jsonl", '{"a": 1}\n3\n', "line 2 holds 3, which is no object"),
        ("a.jsonl", '{"a": 1, "a": 2}\n', "line 1 is no JSON: the key a stands twice"),
        ("a.jsonl", '{"a": 1}{"a": 2}\n', "line 1 is no JSON: Extra data"),
        ("a.jsonl", '{"a": 1e999}\n', "line 1 has a number in a beyond float64"),
        ("a.jsonl", f'{{"a": {"9" * 400}}}\n', "line 1 has a number in a beyond float64"),
        ("a.json", '[{"a": 1},\n{"a": 2}\n', "is no JSON"),
        ("a.json", '[{"a": 1}] 3', "has more after the end of the array"),
        ("a.parquet", "PAR1", "cannot be read as parquet"),
        ("a.csv.gz", b"\x1f\x8b\x08\x00", "cannot be read as csv"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: Any, what: str) -> None:
    error = refused(written(tmp_path / name, content))
    assert str(tmp_path / name) in error.what
    assert what in error.what


def test_bad_rows_are_skipped_counted_and_named(tmp_path: Path) -> None:
    lines = ["a,b", "1,2", "3", "4,5,6", '"7"x,8', "9,10"]
    file = open_rows(written(tmp_path / "a.csv", "\n".join(lines)), ReadOptions(skip_bad_rows=True))
    assert [(number, row["a"]) for number, row in file.rows()] == [(2, "1"), (6, "9")]
    assert [number for number, _ in file.problems.skipped] == [3, 4, 5]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('a\tb\n"x\t1\ny"\t2\n', ['"x', 'y"']),  # two lone quotes
        ('a\tb\n"x ""y"""\t1\n', ['x "y"']),  # quotes doubled: quoted
        ('a\tb\n"x\ny"\t1\n', ["x\ny"]),  # a line is no row by itself
        ('a\tb\n"x"\t1\n', ['"x"']),  # quotes that nothing needs are text
        ('"a"\t"b"\n"x"\t"1"\n', ["x"]),  # all is quoted
    ],
)
def test_quotes_in_tsv(tmp_path: Path, content: str, expected: list[str]) -> None:
    assert [row["a"] for row in rows_in(written(tmp_path / "a.tsv", content))] == expected


@pytest.mark.parametrize("order", ["-le", "-be"])
@pytest.mark.parametrize("typed", ["utf-16", "UTF_32"])
def test_an_encoding_without_an_order_of_bytes_takes_it_from_the_mark(
    tmp_path: Path, typed: str, order: str
) -> None:
    place = written(tmp_path / "a.csv", "\ufefftext\nhé\n".encode(f"{typed}{order}"))
    assert rows_in(place, encoding=typed) == rows_in(place) == [{"text": "hé"}]


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_strings_that_are_no_utf8_are_refused_with_their_file(tmp_path: Path, suffix: str) -> None:
    place, ends = tmp_path / f"a.{suffix}", pa.array([0, 2, 4], pa.int32()).buffers()[1]
    table = pa.table({"text": pa.StringArray.from_buffers(2, ends, pa.py_buffer(b"ab\xff\xfe"))})
    if suffix == "parquet":
        pq.write_table(table, place)
    else:
        with pa.ipc.new_file(place, table.schema) as file:
            file.write_table(table)
    assert f"{place} cannot be read as {suffix}" in refused(place).what
    with pytest.raises(DataError, match="cannot be read as"):
        texts_in(place)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["A.CSV", "a.csv.gz", "a.Csv.ZST"])
def test_delimiters_encodings_suffixes(
    tmp_path: Path, delimiter: str, encoding: str, name: str
) -> None:
    text = f"text{delimiter}n\nü{delimiter}1\n\nb{delimiter}2"
    data = text.encode(encoding)
    if name.casefold().endswith(".gz"):
        data = gzip.compress(data)
    if name.casefold().endswith(".zst"):
        with pa.CompressedOutputStream(str(tmp_path / name), "zstd") as target:
            target.write(data)
    else:
        written(tmp_path / name, data)
    assert rows_in(tmp_path / name) == [{"text": "ü", "n": "1"}, {"text": "b", "n": "2"}]


def test_another_encoding_is_typed(tmp_path: Path) -> None:
    place = written(tmp_path / "a.csv", "text\ncafé\n".encode("latin-1"))
    assert rows_in(place, encoding="latin-1") == [{"text": "café"}]
    with pytest.raises(UsageError, match="no encoding latin-l"):
        rows_in(place, encoding="latin-l")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt"])
def test_ascii_that_was_typed_is_ascii(tmp_path: Path, name: str) -> None:
    content = {"a.jsonl": '{"text": "a"}\n{"text": "é"}\n'}.get(name, "text\né\n")
    place = written(tmp_path / name, content)
    error = refused(place, encoding="ascii")
    assert "is not ascii: line 2 has the byte 0xc3" in error.what
    assert len(rows_in(written(place, content.replace("é", "e")), encoding="US-ASCII")) > 0


def test_columns_of_json_are_those_of_all_rows(tmp_path: Path) -> None:
    file = open_rows(written(tmp_path / "a.jsonl", '{"a": 1}\n{"b": 2}\n'))
    assert file.columns() == ("a", "b")


def test_folders_and_globs_are_read_in_order(tmp_path: Path) -> None:
    written(tmp_path / "2.csv", "text\nb\n")
    written(tmp_path / "1.jsonl", '{"text": "a"}\n')
    assert texts_in(tmp_path, "text") == ["a", "b"]
    assert texts_in(tmp_path / "*.csv") == ["b"]
    with pytest.raises(UsageError, match="there is no file"):
        texts_in(tmp_path / "*.tsv")


def test_the_standard_input_is_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb c\n")))
    assert texts_in(Path("-")) == ["a", "b c"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"text,n\na,1\n")))
    assert texts_in(Path("-"), "text", kind="csv") == ["a"]


def test_a_digest_does_not_depend_on_the_kind_of_file(tmp_path: Path) -> None:
    rows: Rows = [{"a": "x", "b": None}, {"a": "y", "b": "z"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    written(tmp_path / "a.jsonl", '{"a": "x"}\n{"a": "y", "b": "z"}\n')
    digests = [rows_of({("d", "s"): tmp_path / n})["d/s"] for n in ("a.parquet", "a.jsonl")]
    assert digests[0] == digests[1]


# any rows, in every kind of file

SIGNS = st.sampled_from(
    [*"ab\"',;|\t\n\r \0", "\r\n", '""', "é", "e\u0301", "\u2028", "😀", "\x0c"]
)
TEXT = st.lists(SIGNS, max_size=8).map("".join)
SURROGATED = st.lists(st.one_of(SIGNS, st.just("\ud83d")), max_size=8).map("".join)


def table_of(cell: Any) -> Any:
    return st.lists(st.tuples(cell, cell), max_size=6)


Table = list[tuple[str, str]]


def as_csv(place: Path, table: Table, delimiter: str, encoding: str, quoting: Any) -> None:
    with place.open("w", newline="", encoding=encoding) as opened:
        writer = csv.writer(opened, delimiter=delimiter, quoting=quoting)
        writer.writerow(["query", "positive"])
        writer.writerows(table)


def as_json(place: Path, table: Table, array: bool, escaped: bool) -> None:
    rows = [{"query": first, "positive": second} for first, second in table]
    surrogates = "\ud83d" in "".join(text for row in table for text in row)
    text = [json.dumps(row, ensure_ascii=escaped or surrogates) for row in rows]
    joined = "[" + ",\n".join(text) + "]" if array else "".join(f"{line}\n" for line in text)
    place.write_text(joined, encoding="utf-8", newline="")


def as_columns(place: Path, table: Table) -> None:
    pairs = [("query", [row[0] for row in table]), ("positive", [row[1] for row in table])]
    made = [text_array(name, texts) for name, texts in pairs]
    arrow = pa.table([array for _, array in made], schema=pa.schema([f for f, _ in made]))
    if place.suffix == ".parquet":
        pq.write_table(arrow, place)
    else:
        with pa.ipc.new_file(str(place), arrow.schema) as writer:
            writer.write_table(arrow)


def packed(place: Path, compression: str) -> Path:
    if not compression:
        return place
    there = place.with_name(place.name + compression)
    with pa.CompressedOutputStream(str(there), {".gz": "gzip", ".zst": "zstd"}[compression]) as to:
        to.write(place.read_bytes())
    return there


def check_every_entry(place: Path, table: Table) -> None:
    """The same rows by rows, texts, training's pairs and another count."""
    file = open_rows(place)
    found = list(file.rows())
    assert [(row["query"], row["positive"]) for _, row in found] == table
    numbers = [number for number, _ in found]
    assert numbers == sorted(set(numbers)) or place.suffix == ".json"
    if table:
        assert texts_in(place, "query") == [query for query, _ in table]
        kept = [row for row in table if row[0].strip() and row[1].strip()]
        if kept:
            pairs, counts = read_pairs(source_of(str(place)), None)
            assert (pairs, counts.read) == (kept, len(table))


def fuzz(test: Callable[..., None], examples: int, **strategies: Any) -> Callable[..., None]:
    calm = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    tuned = settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=calm
    )
    return tuned(given(**strategies)(test))


@dataclass(frozen=True)
class Layout:
    """How rows are written into files."""

    delimiter: str
    encoding: str
    quoting: int
    array: bool
    escaped: bool
    compression: str


LAYOUTS: dict[str, Any] = {
    "table": table_of(TEXT),
    "surrogated": table_of(SURROGATED),
    "layout": st.builds(
        Layout,
        delimiter=st.sampled_from([",", ";", "\t", "|"]),
        encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
        array=st.booleans(),
        escaped=st.booleans(),
        compression=st.sampled_from(["", ".gz", ".zst"]),
    ),
    "block": st.sampled_from([3, 16, 64, 4 << 20]),
}


def same_rows(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    table: Table,
    surrogated: Table,
    layout: Layout,
    block: int,
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", block)  # ends of blocks fall anywhere
    folder = tmp_path_factory.mktemp("rows")
    if layout.delimiter != "\t" or layout.quoting == csv.QUOTE_ALL:
        as_csv(folder / "a.csv", table, layout.delimiter, layout.encoding, layout.quoting)
        check_every_entry(packed(folder / "a.csv", layout.compression), table)
    as_json(folder / "a.jsonl", surrogated, layout.array, layout.escaped)
    check_every_entry(packed(folder / "a.jsonl", layout.compression), surrogated)
    for name in ("a.parquet", "a.arrow"):
        as_columns(folder / name, surrogated)
        check_every_entry(packed(folder / name, layout.compression), surrogated)


test_every_kind_of_file_gives_the_same_rows = fuzz(same_rows, 200, **LAYOUTS)
test_every_kind_of_file_gives_the_same_rows_long = pytest.mark.long(
    fuzz(same_rows, 5_000, **LAYOUTS)
)


def never_fewer(tmp_path_factory: pytest.TempPathFactory, content: str, delimiter: str) -> None:
    place = tmp_path_factory.mktemp("raw") / "a.csv"
    written(place, f"a{delimiter}b\n{content}")
    try:
        found = rows_in(place)
    except AngleBenchError as error:
        refused = error.what
    else:
        refused = None
    if refused is not None:
        assert "line" in refused or "column" in refused
        return
    if '"' not in content:  # another count: lines that are not blank
        lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert len(found) == sum(1 for line in lines if line)


test_a_file_of_any_signs_loses_no_row = fuzz(
    never_fewer,
    200,
    content=st.lists(SIGNS, max_size=30).map("".join),
    delimiter=st.sampled_from(",;\t|"),
)


ROW = "A text of a person nobody shall see,another one of theirs,4.5"


@pytest.mark.parametrize(
    "read",
    [
        lambda place: texts_in(place, "text"),
        lambda place: texts_in(place),
        lambda place: read_pairs(source_of(str(place)), None),
        lambda place: read_pairs(source_of(str(place), ["q=query"]), None),
        lambda place: load_rows(recipe_of(place)),
        lambda place: load_rows(recipe_of(place, {"q": "query"})),
        lambda place: own_rows(place),
    ],
)
def test_no_message_prints_a_row_for_a_header(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    place = written(tmp_path / "a.csv", f"{ROW}\n{ROW}\n")
    with pytest.raises(AngleBenchError) as told:
        read(place)
    assert not any(cell in str(told.value) for cell in ROW.split(","))
    assert "reads like a row of 3 cells" in told.value.what


def recipe_of(place: Path, columns: dict[str, str] | None = None) -> Recipe:
    source = {"path": str(place), "columns": columns or {}}
    return Recipe.model_validate({"model": {"name": "m"}, "data": {"train": [source]}})


def own_rows(place: Path) -> None:
    made = OwnTask.model_validate({"name": "own", "type": "STS", "path": place}).task()
    scored_pairs(part_of(made, locate(made, None), "default", "test"))


@pytest.mark.parametrize("columns", [{"neg": "negative"}, {"pos": "positive"}, {}])
def test_a_suggestion_never_renames_one_of_our_columns(
    tmp_path: Path, columns: dict[str, str]
) -> None:
    place = written(tmp_path / "a.jsonl", '{"query": "a", "answers": "b"}\n')
    with pytest.raises(DataError) as told:
        load_rows(recipe_of(place, columns))
    assert "query =" not in told.value.fix
