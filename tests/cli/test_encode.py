"""`angle-bench encode`: vectors of a text column, in the order of the rows."""

import csv
import json
import os
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import angle_bench
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.evaluation.reader import open_rows
from tests.conftest import Cli
from tests.handed_over_folders import router

pytestmark = pytest.mark.process

TEXTS = ["a man, eating", "someone eats", "a man, eating", "", "cat " * 90]
CPU = ("-d", "cpu:1", "--cache-dir", "store")


@pytest.fixture
def expected(tiny_bert: Path) -> Vectors:
    encoder = angle_bench.load(str(tiny_bert), device="cpu:1")
    vectors = encoder.encode(TEXTS)
    encoder.close()
    return vectors


def write_csv(place: Path) -> None:
    with place.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(TEXTS))


def write_parquet(place: Path) -> None:
    pq.write_table(pa.table({"id": range(len(TEXTS)), "text": TEXTS}), place)


def write_lines(place: Path) -> None:
    place.write_text("".join(json.dumps({"id": 1, "text": text}) + "\n" for text in TEXTS))


def write_text(place: Path) -> None:
    place.write_text("\n".join(TEXTS) + "\n")


KINDS = {
    "t.csv": write_csv,
    "t.parquet": write_parquet,
    "t.jsonl": write_lines,
    "t.txt": write_text,
}


def vectors_of(place: str) -> Vectors:
    if place.endswith("npy"):
        found: Vectors = np.load(place)
        return found
    column = pq.read_table(place)["vector"].combine_chunks()
    return np.asarray(column.flatten()).reshape(len(column), -1)


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("t.csv", "v.npy"),
        ("t.parquet", "v.parquet"),
        pytest.param("t.jsonl", "v.npy", marks=pytest.mark.long),
        pytest.param("t.txt", "v.parquet", marks=pytest.mark.long),
    ],
)
def test_vectors_are_those_of_load(
    cli: Cli, tiny_bert: Path, expected: Vectors, name: str, output: str
) -> None:
    KINDS[name](Path(name))
    ended = cli("encode", name, "--column", "text", "-m", tiny_bert, "-o", output, *CPU)
    assert ended.code == 0, ended.err
    found = vectors_of(output)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert f"saved {output}  5 vectors of 32 dimensions" in ended.err
    assert "1 of 4 texts were cut to 64 tokens" in ended.err
    assert ended.out == ""


def test_parquet_says_whose_vectors_they_are(cli: Cli, tiny_bert: Path) -> None:
    write_csv(Path("t.csv"))
    ended = cli("encode", "t.csv", "--column", "text", "-m", tiny_bert, "--pooling", "mean", *CPU)
    assert ended.code == 0, ended.err
    table = pq.read_table("vectors.parquet")
    assert table.column_names == ["text", "vector"]
    assert table["text"].to_pylist() == TEXTS
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 32)
    spec = angle_bench.load(str(tiny_bert), pooling="mean").spec
    assert table.schema.metadata == {
        b"model": b"local/tiny-bert",
        b"revision": spec.revision.encode(),
        b"settings": spec.required_settings().digest().encode(),
        b"unused_columns": b"id",
    }


def test_a_second_command_forwards_nothing(cli: Cli, tiny_bert: Path) -> None:
    write_text(Path("t.txt"))
    words = ("encode", "t.txt", "-m", tiny_bert, "--json", *CPU)
    first = cli(*words, "-o", "a.npy")
    second = cli(*words, "-o", "b.npy")
    assert second.code == 0, second.err
    assert "were cut" in first.err
    assert "were cut" not in second.err  # nothing was forwarded
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))
    said = json.loads(second.out)
    assert (said["output"], said["vectors"], said["dimensions"]) == ("b.npy", 5, 32)


def test_some_of_the_dimensions(cli: Cli, tiny_bert: Path, expected: Vectors) -> None:
    write_text(Path("t.txt"))
    cut = ("--start", "4", "--size", "8")
    ended = cli("encode", "t.txt", "-m", tiny_bert, "-o", "v.npy", *cut, *CPU)
    assert ended.code == 0, ended.err
    np.testing.assert_allclose(np.load("v.npy"), expected[:, 4:12], atol=1e-6)


@pytest.mark.parametrize("name", ["t.txt", "t.jsonl"])
def test_no_rows_give_no_vectors(cli: Cli, tiny_bert: Path, name: str) -> None:
    Path(name).write_text("")
    ended = cli("encode", name, "-m", tiny_bert, "-o", "v.npy", *CPU)
    if name == "t.txt":
        assert ended.code == 0, ended.err
        assert np.load("v.npy").shape == (0, 32)
    else:  # not even a column
        assert ended.code == 2
        assert "0 columns that could be meant" in ended.errors[0]


def test_a_lone_surrogate_from_json(cli: Cli, tiny_bert: Path) -> None:
    Path("t.jsonl").write_text('{"text": "a \\ud800 cat"}\n')
    ended = cli("encode", "t.jsonl", "-m", tiny_bert, *CPU)
    assert ended.code == 0, ended.err
    # Arrow's strings are valid UTF-8; the bytes are read back as the text they were
    assert pq.read_table("vectors.parquet")["text"].to_pylist() == [b"a \xed\xa0\x80 cat"]
    again = open_rows(Path("vectors.parquet")).batches("text")
    assert [text for batch in again for text in batch.column("text")] == ["a \ud800 cat"]


@pytest.mark.parametrize(
    ("words", "said", "fix"),
    [
        (["t.csv"], "3 columns that could be meant; its columns are id, text, note", "--column id"),
        (["t.csv", "--column", "texts"], "no column texts", "--column text"),
        (["none.csv"], "there is no file none.csv", ".csv"),
        (["t.doc"], "no kind that can be read", ".jsonl"),
        (["t.csv", "--column", "text", "-o", "v.bin"], "ends in none of", "-o vectors.parquet"),
        (["t.csv", "--column", "text", "-o", "old.npy"], "is there already", "--overwrite"),
        (["t.csv", "--column", "text", "-o", "folder.npy"], "is a folder", "-o "),
        (["t.csv", "--column", "text", "--role", "passage"], "no role passage", "--role query"),
        (["t.csv", "--column", "text", "--start", "32"], "32 dimensions", "--start 0"),
        (["t.csv", "--column", "text", "--size", "0"], "32 dimensions", "--size 128"),
        (["t.csv", "--column", "text", "--size", "33"], "32 dimensions", "--size 128"),
        (["t.csv", "--column", "text", "-m", "other"], "one model, not 2", "-m "),
        (["t.csv", "--column", "text", "-d", "gpu"], "no device", "-d auto"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_loaded(
    cli: Cli, tiny_bert: Path, words: list[str], said: str, fix: str
) -> None:
    Path("t.csv").write_text("id,text,note\n1,a cat,so\n")
    Path("t.doc").write_text("{}")
    Path("folder.npy").mkdir()
    Path("old.npy").write_bytes(b"old")
    ended = cli("encode", *words, "-m", tiny_bert)
    assert ended.code == 2
    assert said in ended.errors[0]
    assert fix in ended.errors[1]
    assert "loading" not in ended.err
    assert Path("old.npy").read_bytes() == b"old"
    assert not Path("vectors.parquet").exists()


def test_a_folder_of_the_librarys_own_modules(cli: Cli, tmp_path: Path) -> None:
    """Vectors by role are sentence-transformers'; a second command finds them in the store."""
    from sentence_transformers import SentenceTransformer

    router(tmp_path / "router")
    write_text(Path("t.txt"))
    theirs = SentenceTransformer(str(tmp_path / "router"), device="cpu")
    words = ("encode", "t.txt", "-m", tmp_path / "router", *CPU, "--overwrite")
    for role in ("query", "document"):
        want = getattr(theirs, f"encode_{role}")(TEXTS, show_progress_bar=False)
        ended = cli(*words, "-o", "v.npy", "--role", role)
        assert ended.code == 0, ended.err
        np.testing.assert_allclose(np.load("v.npy"), want, atol=2e-5, rtol=0)
    assert cli(*words, "-o", "v.npy", "--role", "query", "--start", "4", "--size", "8").code == 0
    assert np.load("v.npy").shape == (5, 8)
    ended = cli(*words, "-o", "v.parquet")
    assert ended.code == 0, ended.err
    said = pq.read_table("v.parquet").schema.metadata
    assert said[b"loader"] == b"sentence-transformers"
    assert b"settings" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prompt", "A"], "--prompt"),
        (["--pooling", "cls"], "--pooling"),
        (["--max-length", "9"], "--max-length"),
        (["--batch-tokens", "64"], "--batch-tokens"),
        (["--ray", "auto"], "--ray"),
        (["--start", "-1"], "--start -1"),
        (["--start", "16"], "no dimensions 16"),
    ],
)
def test_what_that_library_lacks_is_refused(
    cli: Cli, tmp_path: Path, words: list[str], said: str
) -> None:
    router(tmp_path / "router")
    write_text(Path("t.txt"))
    ended = cli("encode", "t.txt", "-m", tmp_path / "router", *words)
    assert ended.code == 2, ended.err
    assert said in ended.errors[0]
    assert not Path("vectors.parquet").exists()


def test_a_model_of_mteb_is_refused(cli: Cli) -> None:
    write_text(Path("t.txt"))
    ended = cli("encode", "t.txt", "-m", "intfloat/e5-small")
    assert ended.code == 2
    assert "mteb itself" in ended.errors[0]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.jsonl", '{"text": "a"}\n{"text": null}\n', "t.jsonl line 2 has no text in text"),
        ("t.jsonl", '{"text": "a"}\n{"text": 3}\n', "but 3"),
        ("t.jsonl", '{"text": "a"}\n[1]\n', "line 2 holds [1], which is no object"),
        ("t.jsonl", '{"text": "a"\n', "line 1 is no JSON"),
        ("t.parquet", "no parquet", "cannot be read as parquet"),
    ],
)
def test_rows_and_files_that_are_broken_are_named(
    cli: Cli, tiny_bert: Path, name: str, content: str, said: str
) -> None:
    Path(name).write_text(content)
    ended = cli("encode", name, "--column", "text", "-m", tiny_bert)
    assert ended.code == 1
    assert said in ended.errors[0]


def test_an_output_is_replaced_whole_or_not_at_all(cli: Cli, tiny_bert: Path) -> None:
    write_text(Path("t.txt"))
    Path("v.npy").write_bytes(b"old")
    words = ("encode", "t.txt", "-m", tiny_bert, "-o", "v.npy", "--overwrite", *CPU)
    assert cli(*words, "--max-length", "65").code != 0  # more than the model has positions
    assert Path("v.npy").read_bytes() == b"old"
    assert cli(*words).code == 0
    assert np.load("v.npy").shape == (5, 32)
    assert sorted(place.name for place in Path().glob(".v*")) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_says_so(cli: Cli, tiny_bert: Path) -> None:
    write_text(Path("t.txt"))
    Path("locked").mkdir()
    Path("locked").chmod(stat.S_IRUSR | stat.S_IXUSR)
    ended = cli("encode", "t.txt", "-m", tiny_bert, "-o", "locked/v.npy", *CPU)
    assert ended.code == 1
    assert "-o with a file" in ended.errors[1]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_skipped_rows_and_unused_columns_are_told(cli: Cli, tiny_bert: Path, name: str) -> None:
    rows = [{"id": "1", "text": "a b"}, {"id": "2", "text": "c"}, {"id": "3", "text": None}]
    if name == "t.csv":
        Path(name).write_text("id,text\n1,a b\n2,c\n3\n")
    elif name == "t.jsonl":
        Path(name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), name)
    words = ("encode", name, "-m", tiny_bert, "--column", "text", "--skip-bad-rows", *CPU)
    ended = cli(*words, "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert (said["vectors"], said["bad_rows"], said["unused_columns"]) == (2, 1, ["id"])
    assert said["skipped"][0].startswith(f"{name}: 1 bad row skipped")
    assert "not used: id" in ended.err
    metadata = pq.read_schema("vectors.parquet").metadata
    assert metadata[b"unused_columns"] == b"id"
    assert metadata[b"skipped"].decode() == said["skipped"][0]
