"""Where task data comes from, what it is called, and how `datasets` gets it."""

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import AngleBenchError, DataError, UsageError
from angle_bench.evaluation.reader.select_files import find_files, read_rows
from angle_bench.evaluation.task_data import (
    Located,
    check_mirror,
    locate,
    rows_digest,
    stage,
)
from angle_bench.evaluation.user_tasks.file_read import rows_of
from angle_bench.files.places import cache_folder, tasks_folder
from angle_bench.suites.select import select
from angle_bench.suites.task import Task
from tests.checkpoints import sts_rows, write_rows

ROWS = sts_rows()
KEY = ("default", "test")


def task(**changes: Any) -> Task:
    # a task that mteb has, with other data
    row = {"name": "STS12", "type": "STS", "dataset": "org/t", "revision": "c0ffee"}
    return Task.model_validate({**row, "splits": ("test",), "metric": "cosine_spearman", **changes})


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def digest(place: Path) -> str:
    return rows_digest(rows_of({KEY: place}))


def below(folder: Path) -> dict[str, bytes]:
    return {
        str(place.relative_to(folder)): place.read_bytes()
        for place in sorted(folder.rglob("*"))
        if place.is_file()
    }


# the mirror


def test_no_mirror_is_no_mirror() -> None:
    assert check_mirror(None) is None


def test_a_folder_is_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_mirror(Path("~")) == tmp_path


@pytest.mark.parametrize(("name", "why"), [("none", "is not there"), ("file", "is a file")])
def test_what_is_no_folder_is_no_mirror(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"{name} {why}") as raised:
        check_mirror(tmp_path / name)
    assert raised.value.exit_code == 2
    assert "--mirror DIR" in raised.value.fix


def test_find_files_knows_both_layouts_and_formats(tmp_path: Path) -> None:
    touch(tmp_path, "test.parquet", "dev.jsonl", "en/test.jsonl", "en-de/test.parquet")
    touch(tmp_path, "README.md", "test.csv", "en/deeper/test.parquet", "test.json", "en/x.parquet~")
    assert find_files(tmp_path) == {
        ("default", "test"): tmp_path / "test.parquet",
        ("default", "dev"): tmp_path / "dev.jsonl",
        ("en", "test"): tmp_path / "en/test.jsonl",
        ("en-de", "test"): tmp_path / "en-de/test.parquet",
    }


def test_parquet_wins_over_json_lines(tmp_path: Path) -> None:
    touch(tmp_path, "test.jsonl", "test.parquet", "en/test.jsonl", "en/test.parquet")
    assert {place.suffix for place in find_files(tmp_path).values()} == {".parquet"}


def test_an_empty_or_missing_folder_has_no_files(tmp_path: Path) -> None:
    assert find_files(tmp_path) == find_files(tmp_path / "none") == {}


# who has it


def test_without_a_mirror_it_is_the_hub_s_commit() -> None:
    assert locate(task(), None) == Located("hub", "c0ffee")


@pytest.mark.parametrize("there", ["org/other/test.parquet", "org/t", "t/test.parquet"])
def test_what_the_mirror_has_not_is_the_hub_s(tmp_path: Path, there: str) -> None:
    touch(tmp_path, there)
    assert locate(task(), tmp_path) == Located("hub", "c0ffee")


@pytest.mark.parametrize("name", ["test.parquet", "test.jsonl", "default/test.parquet"])
def test_a_mirror_s_revision_is_its_rows(tmp_path: Path, name: str) -> None:
    write_rows(tmp_path / "org/t" / name, ROWS)
    write_rows(tmp_path / "org/t/train.parquet", ROWS)  # STS scores no train split
    found = locate(task(), tmp_path)
    assert found.origin == "mirror"
    assert found.files == {KEY: tmp_path / "org/t" / name}
    assert found.revision == f"local-{digest(tmp_path / 'org/t' / name)[:16]}"
    assert len(found.revision) == len("local-") + 16
    assert json.loads(json.dumps(found.provenance())) == {
        "origin": "mirror",
        "revision": found.revision,
        "files": {"default/test": str(tmp_path / "org/t" / name)},
        "rows": dict(found.rows),
    }


def test_shipped_data_comes_from_the_package_whatever_the_mirror_has(tmp_path: Path) -> None:
    (demo,) = select(["demo"]).task
    write_rows(tmp_path / "angle-bench/demo/test.jsonl", ROWS)
    found = locate(demo, tmp_path)
    assert found == locate(demo, None)
    assert found.origin == "package"
    assert found.files == {KEY: tasks_folder() / "demo/test.jsonl"}
    assert found.revision.startswith("local-")


def test_one_folder_for_each_subset(tmp_path: Path) -> None:
    asked = task(subsets=("en-de", "en-en"))
    for subset in ("en-de", "en-en", "fr-en"):
        write_rows(tmp_path / f"org/t/{subset}/test.parquet", sts_rows(3, seed=len(subset)))
    found = locate(asked, tmp_path)
    assert list(found.files) == [("en-de", "test"), ("en-en", "test")]
    turned = asked.model_copy(update={"subsets": ("en-en", "en-de")})
    assert locate(turned, tmp_path).revision == found.revision
    one = asked.model_copy(update={"subsets": ("en-de",)})
    assert locate(one, tmp_path).revision != found.revision


def test_other_types_take_every_split(tmp_path: Path) -> None:
    names = ["corpus/corpus.jsonl", "queries/queries.jsonl", "default/test.jsonl"]
    for name in names:
        write_rows(tmp_path / "org/t" / name, [{"_id": "1", "text": name}])
    found = locate(task(type="Retrieval"), tmp_path)
    assert set(found.files.values()) == {tmp_path / "org/t" / name for name in names}


# data that is not what the task needs


@pytest.mark.parametrize("type_", ["STS", "Retrieval"])
def test_a_folder_without_data_is_refused(tmp_path: Path, type_: str) -> None:
    (tmp_path / "org/t").mkdir(parents=True)
    with pytest.raises(DataError, match="org/t") as raised:
        locate(task(type=type_), tmp_path)
    assert "test.parquet" in f"{raised.value}"
    assert raised.value.exit_code == 1


@pytest.mark.parametrize(
    ("there", "changes", "missing"),
    [
        ("validation.parquet", {}, "test.parquet"),
        ("test.parquet", {"splits": ("test", "validation")}, "validation.parquet"),
        ("en/test.parquet", {"subsets": ("en", "de")}, "de/test.parquet"),
        ("test.parquet", {"subsets": ("en",)}, "en/test.parquet"),
        ("data/test-00000-of-00001.parquet", {}, "test.parquet"),
    ],
)
def test_a_missing_split_or_subset_is_named(
    tmp_path: Path, there: str, changes: dict[str, Any], missing: str
) -> None:
    write_rows(tmp_path / "org/t" / there, ROWS)
    with pytest.raises(DataError) as raised:
        locate(task(**changes), tmp_path)
    assert f"{tmp_path / 'org/t'} has no {missing}" in raised.value.what
    assert f"(there: {Path(there).name})" in raised.value.what
    assert "org/t" in raised.value.fix


def cut_parquet(place: Path) -> None:
    write_rows(place, ROWS)
    place.write_bytes(place.read_bytes()[:-20])


def torn_parquet(place: Path) -> None:
    write_rows(place, sts_rows(500))
    data = bytearray(place.read_bytes())
    data[100:400] = bytes(300)  # the footer is whole, a page is not
    place.write_bytes(data)


def cut_line(place: Path) -> None:
    write_rows(place, ROWS)
    place.write_bytes(place.read_bytes()[:-20])


def latin_1(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_bytes('{"sentence1": "Bär"}\n'.encode("latin-1"))


def html(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_text("<!doctype html><title>504 Gateway Time-out</title>")


def empty(place: Path) -> None:
    touch(place.parent, place.name)


def no_rows(place: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place.parent.mkdir(parents=True)
    pq.write_table(pa.table({"sentence1": pa.array([], pa.string())}), place)


def blank_lines(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_text("\n \n\n")


@pytest.mark.parametrize(
    ("name", "spoil", "why"),
    [
        ("test.parquet", cut_parquet, "cannot be read"),
        ("test.parquet", torn_parquet, "cannot be read"),
        ("test.parquet", html, "cannot be read"),
        ("test.parquet", empty, "cannot be read"),
        ("test.parquet", no_rows, "has no rows"),
        ("test.jsonl", cut_line, "line 12 is no JSON"),
        ("test.jsonl", latin_1, "is not UTF-8: line 1 has the byte 0xe4"),
        ("test.jsonl", html, "line 1 is no JSON"),
        ("test.jsonl", empty, "has no rows"),
        ("test.jsonl", blank_lines, "has no rows"),
    ],
)
def test_a_spoilt_file_is_named(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], why: str
) -> None:
    place = tmp_path / "org/t" / name
    spoil(place)
    for _ in range(2):  # nothing about it is remembered
        with pytest.raises(DataError) as raised:
            locate(task(), tmp_path)
        assert f"{place} {why}" in raised.value.what
        assert raised.value.fix
    write_rows(place, ROWS)
    assert locate(task(), tmp_path).origin == "mirror"


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    place = tmp_path / "org/t/test.parquet"
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "gone.parquet")  # what a hub cache leaves after a clean-up
    with pytest.raises(DataError, match=r"org/t"):
        locate(task(), tmp_path)


def test_a_broken_line_is_named_by_its_number(tmp_path: Path) -> None:
    place = tmp_path / "org/t/test.jsonl"
    place.parent.mkdir(parents=True)
    place.write_text('{"a": 1}\n\n{"a": 2}\n{"a": \n{"a": 4}\n')
    with pytest.raises(DataError, match="line 4"):
        locate(task(), tmp_path)


# a user's files


def own(path: dict[str, Path], **changes: Any) -> Task:
    return task(name="mine", revision="local", path=path, **changes)


def csv_file(place: Path, text: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def test_cells_of_csv_are_text_as_it_stands(tmp_path: Path) -> None:
    text = '\ufeffa,"b ""c"""\n"x, y","one\ntwo"\nNA,\n4.50,ü\n'
    assert list(read_rows(csv_file(tmp_path / "a.csv", text))) == [
        {"a": "x, y", 'b "c"': "one\ntwo"},
        {"a": "NA", 'b "c"': ""},
        {"a": "4.50", 'b "c"': "ü"},
    ]
    long = csv_file(tmp_path / "long.tsv", f"a\tb\n{'x' * 3_000_000}\ty\n")
    assert [len(row["a"]) for row in read_rows(long)] == [3_000_000]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a,b\n1,2\n3\n", "line 3 has 1 cell, and the header 2"),
        ("a,a\n1,2\n", "two columns of the name a"),
        ("a,b\n", "no rows"),
    ],
)
def test_a_spoilt_csv_is_named(tmp_path: Path, text: str, why: str) -> None:
    place = csv_file(tmp_path / "test.csv", text)
    with pytest.raises(DataError, match=why) as raised:
        locate(own({"": place}), None)
    assert str(place) in raised.value.what


def test_a_file_a_folder_and_a_table_are_the_same_data(tmp_path: Path) -> None:
    place = csv_file(tmp_path / "test.csv", "sentence1,sentence2,score\na,b,1\nc,d,2\n")
    paths = ({"": place}, {"": tmp_path}, {"test": place})
    found = [locate(own(path), None) for path in paths]
    assert [each.files for each in found] == [{KEY: place}] * 3
    assert {each.origin for each in found} == {"file"}
    assert len({each.revision for each in found}) == 1
    assert found[0].definition == own({"": place}).definition != ""


@pytest.mark.parametrize(
    ("path", "changes", "says", "types"),
    [
        ({"": "none.csv"}, {}, "there is no file", "relative to the TOML file"),
        ({"": "test.docx"}, {}, "no kind that can be read", ".jsonl"),
        ({"": "."}, {"splits": ("dev",)}, "has no dev", "dev.csv"),
        ({"": "test.csv"}, {"type": "Classification"}, "reads test, train", "train.csv"),
        ({"": "."}, {"type": "Retrieval"}, "has no corpus", "corpus.csv"),
        ({"": "none"}, {"type": "Retrieval"}, "is not there", "corpus.csv"),
    ],
)
def test_files_that_are_not_there(
    tmp_path: Path, path: dict[str, str], changes: dict[str, Any], says: str, types: str
) -> None:
    for name in ("test.csv", "test.docx"):
        csv_file(tmp_path / name, "a,b\n1,2\n")
    with pytest.raises(DataError) as raised:
        locate(own({part: tmp_path / name for part, name in path.items()}, **changes), None)
    assert says in raised.value.what
    assert types in raised.value.fix


def test_data_without_a_commit_is_never_asked_of_the_hub(tmp_path: Path) -> None:
    (sick,) = select(["SICKEntailment"]).task
    with pytest.raises(DataError, match="no commit of senteval/sick") as raised:
        locate(sick, tmp_path)
    for split in ("train", "validation", "test"):
        assert f"DIR/senteval/sick/{split}.parquet" in raised.value.fix
    assert raised.value.fix.endswith("or .jsonl; columns entailment, sentence1, sentence2")


def test_an_own_task_reads_the_splits_it_needs(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        write_rows(tmp_path / f"senteval/sick/{split}.jsonl", [{"a": split}])
    (related,), (entailed,) = (select([n]).task for n in ("SICKRelatedness", "SICKEntailment"))
    assert {split for _, split in locate(related, tmp_path).files} == {"test"}
    assert {split for _, split in locate(entailed, tmp_path).files} == {
        *("train", "validation", "test")
    }
    (tmp_path / "senteval/sick/validation.jsonl").unlink()
    with pytest.raises(DataError, match=r"has no validation\.parquet"):
        locate(entailed, tmp_path)


# the digest


def test_both_formats_have_one_digest(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        *ROWS,
        {"sentence1": 'ü 汉 🙂 \u2028 \\ "', "sentence2": "", "score": 1e-7},
    ]
    write_rows(tmp_path / "a.parquet", rows)
    write_rows(tmp_path / "a.jsonl", rows)
    assert digest(tmp_path / "a.parquet") == digest(tmp_path / "a.jsonl")


def test_a_whole_number_is_the_same_in_both_formats(tmp_path: Path) -> None:
    # JSON writers put 5 where parquet's column of doubles has 5.0
    write_rows(tmp_path / "a.parquet", [{"score": 5.0}, {"score": 2.5}])
    (tmp_path / "a.jsonl").write_text('{"score": 5}\n{"score": 2.5}\n')
    assert digest(tmp_path / "a.parquet") == digest(tmp_path / "a.jsonl")


def test_how_rows_are_written_changes_nothing(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    write_rows(tmp_path / "a.parquet", ROWS)
    turned = [dict(reversed(row.items())) for row in ROWS]
    pq.write_table(
        pa.Table.from_pylist(turned), tmp_path / "b.parquet", row_group_size=5, compression="zstd"
    )
    spaced = "\n\n".join(json.dumps(row, indent=None, separators=(" ,  ", " : ")) for row in ROWS)
    (tmp_path / "c.jsonl").write_text(spaced)
    assert len({digest(tmp_path / name) for name in ("a.parquet", "b.parquet", "c.jsonl")}) == 1


def changed(rows: list[dict[str, object]], place: int, **cells: object) -> list[dict[str, object]]:
    return [{**row, **cells} if number == place else row for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    "other",
    [
        changed(ROWS, 0, score=1.2345),
        changed(ROWS, 11, sentence1="x"),
        changed(ROWS, 5, sentence2=f"{ROWS[5]['sentence2']} "),
        [ROWS[1], ROWS[0], *ROWS[2:]],
        ROWS[:-1],
        [*ROWS, ROWS[0]],
        [{**row, "sentence1": row["sentence2"], "sentence2": row["sentence1"]} for row in ROWS],
        [{"s1": row["sentence1"], "s2": row["sentence2"], "score": row["score"]} for row in ROWS],
        [{**row, "genre": "news"} for row in ROWS],
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_any_other_rows_have_another_digest(
    tmp_path: Path, suffix: str, other: list[dict[str, object]]
) -> None:
    write_rows(tmp_path / f"a.{suffix}", ROWS)
    write_rows(tmp_path / f"b.{suffix}", other)
    assert digest(tmp_path / f"a.{suffix}") != digest(tmp_path / f"b.{suffix}")


def test_the_split_and_the_subset_belong_to_the_digest(tmp_path: Path) -> None:
    place = tmp_path / "a.jsonl"
    write_rows(place, ROWS)
    keys = [("default", "test"), ("default", "dev"), ("en", "test")]
    assert len({rows_digest(rows_of({key: place})) for key in keys}) == len(keys)


def test_the_digest_is_the_same_on_every_machine(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", [{"b": "ü", "a": 0.5}])
    rows = hashlib.sha256('{"a": 0.5, "b": "ü"}\n'.encode()).hexdigest()
    assert (
        digest(tmp_path / "a.jsonl")
        == hashlib.sha256(f"default/test {rows}\n".encode()).hexdigest()
    )


def test_a_file_changed_in_place_is_read_again(tmp_path: Path) -> None:
    place = tmp_path / "a.jsonl"
    write_rows(place, [{"score": 1.0}])
    before, stat = digest(place), place.stat()
    with place.open("r+") as opened:
        opened.write('{"score": 2.0}')
    while place.stat().st_ctime_ns == stat.st_ctime_ns:  # a kernel's clock may tick in steps
        os.utime(place)
    os.utime(place, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (place.stat().st_size, place.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert digest(place) != before


# what `datasets` gets


def loads(folder: Path, config: str, split: str) -> list[dict[str, object]]:
    import datasets

    loaded: list[dict[str, object]] = datasets.load_dataset(str(folder), config)[split].to_list()
    return loaded


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_datasets_loads_what_is_staged(tmp_path: Path, suffix: str) -> None:
    mirror = tmp_path / "mirror"
    write_rows(mirror / f"org/t/test.{suffix}", ROWS)
    before = below(mirror)
    folder = stage(task(), locate(task(), mirror))
    assert loads(folder, "default", "test") == ROWS
    assert folder.is_relative_to(cache_folder())
    assert below(mirror) == before
    assert {place.name for place in mirror.rglob("*")} == {"org", "t", f"test.{suffix}"}


def test_datasets_loads_subsets_and_splits(tmp_path: Path) -> None:
    asked = task(subsets=("en-de", "zh"), splits=("test", "validation"))
    rows = {
        (subset, split): sts_rows(3, seed=seed)
        for seed, (subset, split) in enumerate(
            (subset, split) for subset in asked.subsets for split in asked.splits
        )
    }
    for (subset, split), part in rows.items():
        write_rows(tmp_path / f"org/t/{subset}/{split}.jsonl", part)
    folder = stage(asked, locate(asked, tmp_path))
    assert {key: loads(folder, *key) for key in rows} == rows


def test_other_rows_of_the_same_name_are_staged_elsewhere(tmp_path: Path) -> None:
    folders = []
    for turn in range(2):
        rows = sts_rows(4, seed=turn)
        write_rows(tmp_path / "org/t/test.jsonl", rows)
        folders.append(stage(task(), locate(task(), tmp_path)))
        assert loads(folders[turn], "default", "test") == rows
    assert folders[0] != folders[1]


def test_the_same_rows_of_another_mirror_are_read_from_there(tmp_path: Path) -> None:
    rows = sts_rows(5, seed=7)
    for name in ("one/org/t/test.parquet", "two/org/t/test.jsonl"):
        write_rows(tmp_path / name, rows)
    one, two = (stage(task(), locate(task(), tmp_path / name)) for name in ("one", "two"))
    assert one == two
    (tmp_path / "one/org/t/test.parquet").unlink()
    assert loads(two, "default", "test") == rows


def test_a_relative_mirror_is_staged_for_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = sts_rows(5, seed=8)
    write_rows(tmp_path / "mirror/org/t/test.jsonl", rows)
    monkeypatch.chdir(tmp_path)
    folder = stage(task(), locate(task(), Path("mirror")))
    monkeypatch.chdir("/")
    assert loads(folder, "default", "test") == rows


def test_staging_at_once_does_not_collide(tmp_path: Path) -> None:
    # jobs of one cluster share a home folder, and start together
    write_rows(tmp_path / "org/t/test.jsonl", sts_rows(5, seed=9))
    located = locate(task(), tmp_path)

    def staged(_: int) -> tuple[Path, bool, str]:
        folder = stage(task(), located)
        link = folder / "default/test.jsonl"
        return folder, link.is_file(), (folder / "README.md").read_text()

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(staged, range(400)))
    assert len(seen) == 1
    assert {there for _, there, _ in seen} == {True}


def test_a_cache_that_cannot_be_written_says_how_to_move_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path / "org/t/test.jsonl", ROWS)
    (tmp_path / "file").touch()
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "file/cache"))
    located = locate(task(), tmp_path)  # needs no cache: it is computed again next time
    with pytest.raises(AngleBenchError) as raised:
        stage(task(), located)
    assert "ANGLE_BENCH_CACHE" in raised.value.fix
