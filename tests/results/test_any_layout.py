"""One row a model, with the same cells, whatever the layout of its results."""

import gzip
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from angle_bench.errors import UsageError
from angle_bench.reporting.tables.stored_rows import model_rows
from angle_bench.reporting.tables.table import TableRow
from angle_bench.results.find.archives import unpacked
from angle_bench.results.find.collect import collect
from angle_bench.results.find.selected_models import every_model, models_of
from angle_bench.suites.select import select
from tests.result_files import put, put_old, write

STS = select(["STS"])
TASKS = [task.name for task in STS.task]
COMMITS = ["0123abcd", "0456abcd" * 5, "sha256-00aa11bb22cc33dd"]

Cells = dict[str, float]


def rows_of(paths: Sequence[Path], names: Sequence[str] = ()) -> tuple[list[TableRow], list[str]]:
    found = collect(paths, names)
    warnings = list(found.warnings)
    return model_rows(STS, every_model(models_of(found.folders)), warnings), warnings


def cells_of(row: TableRow) -> Cells:
    pairs = zip(TASKS, row.scores, strict=True)
    return {task: score for task, score in pairs if score is not None}


# ---- the layouts that there are: each puts a model's results below a folder ----


def _new(folder: Path, cells: Cells, *, meta: tuple[str, str] | None = None) -> None:
    for task, score in cells.items():
        put(folder, task, score)
    if meta is not None:
        write(folder / "model_meta.json", {"name": meta[0], "revision": meta[1]})


def _old(folder: Path, cells: Cells) -> None:
    for task, score in cells.items():
        put_old(folder, task, test={"cos_sim": {"spearman": score}})


def _halves(cells: Cells) -> tuple[Cells, Cells]:
    first = dict([*cells.items()][::2])
    return first, {task: score for task, score in cells.items() if task not in first}


def with_meta(root: Path, name: str, cells: Cells) -> None:
    _new(root / name.replace("/", "__") / COMMITS[0], cells, meta=(name, COMMITS[0]))


def by_mteb(root: Path, name: str, cells: Cells) -> None:
    _new(root / name.replace("/", "__") / COMMITS[0], cells)


def any_revision_with_meta(root: Path, name: str, cells: Cells) -> None:
    _new(root / name.replace("/", "__") / "v 1", cells, meta=(name, "v 1"))


def two_revisions(root: Path, name: str, cells: Cells) -> None:
    for revision, half in zip((COMMITS[1], "external"), _halves(cells), strict=True):
        _new(root / name.replace("/", "__") / revision, half)


def without_revision(root: Path, name: str, cells: Cells) -> None:
    _new(root / name.replace("/", "__") / "no_revision_available", cells)


def not_applicable(root: Path, name: str, cells: Cells) -> None:
    _new(root / name.replace("/", "__") / "N/A", cells)


def by_organisation(root: Path, name: str, cells: Cells) -> None:
    _old(root / name, cells)


def by_organisation_and_revision(root: Path, name: str, cells: Cells) -> None:
    for revision, half in zip((COMMITS[1], "external"), _halves(cells), strict=True):
        _new(root / name / revision, half)


def before_revisions(root: Path, name: str, cells: Cells) -> None:
    _old(root / name.replace("/", "__"), cells)


def one_level_deeper(root: Path, name: str, cells: Cells) -> None:
    by_mteb(root / name, name, cells)


def in_a_clone(root: Path, name: str, cells: Cells) -> None:
    with_meta(root / "clone" / "results", name, cells)
    write(root / "clone" / ".git" / "STS12.json", "{}")


def packed_files(root: Path, name: str, cells: Cells) -> None:
    by_mteb(root, name, cells)
    for place in (root / name.replace("/", "__")).rglob("*.json"):
        place.with_name(f"{place.name}.gz").write_bytes(gzip.compress(place.read_bytes()))
        place.unlink()


def zipped(root: Path, name: str, cells: Cells) -> None:
    inside = root / "to be packed"
    by_mteb(inside, name, cells)
    with zipfile.ZipFile(root / f"{name.replace('/', '-')}.zip", "w") as made:
        for place in inside.rglob("*.json"):
            made.write(place, place.relative_to(inside))
    shutil.rmtree(inside)


def tarred(root: Path, name: str, cells: Cells) -> None:
    inside = root / "to be packed"
    by_organisation(inside, name, cells)
    shutil.make_archive(str(root / name.replace("/", "-")), "gztar", inside)
    shutil.rmtree(inside)


def linked(root: Path, name: str, cells: Cells) -> None:
    by_mteb(root / ".kept apart", name, cells)
    folder = name.replace("/", "__")
    (root / folder).symlink_to(root / ".kept apart" / folder)
    (root / ".kept apart" / folder / "back").symlink_to(root)


LAYOUTS: list[Callable[[Path, str, Cells], None]] = [
    with_meta,
    by_mteb,
    any_revision_with_meta,
    two_revisions,
    without_revision,
    not_applicable,
    by_organisation,
    by_organisation_and_revision,
    before_revisions,
    one_level_deeper,
    in_a_clone,
    packed_files,
    zipped,
    tarred,
    linked,
]


@dataclass(frozen=True)
class Laid:
    """A model, its cells, its layout, and under which of two roots it lies."""

    name: str
    cells: Cells
    layout: Callable[[Path, str, Cells], None]
    root: int


@st.composite
def models(draw: st.DrawFn) -> list[Laid]:
    names = draw(
        st.lists(
            st.from_regex(r"[a-z]{1,3}/[a-zA-Z][a-z0-9.\-]{0,6}(_[a-z]+)?", fullmatch=True),
            min_size=1,
            max_size=4,
            unique_by=str.casefold,
        )
    )
    scores = st.integers(-9999, 9999).map(lambda number: number / 10000)
    return [
        Laid(
            name,
            draw(st.dictionaries(st.sampled_from(TASKS), scores, min_size=2)),
            draw(st.sampled_from(LAYOUTS)),
            draw(st.integers(0, 1)),
        )
        for name in names
    ]


def one_row_a_model(laid: Sequence[Laid]) -> None:
    with tempfile.TemporaryDirectory() as place:
        roots = [Path(place, "one"), Path(place, "two")]
        for each in laid:
            each.layout(roots[each.root], each.name, each.cells)
        rows, _ = rows_of([root for root in roots if root.is_dir()])
        found = {row.source.model: cells_of(row) for row in rows if row.source is not None}
    assert len(rows) == len(laid)
    assert found == {each.name: each.cells for each in laid}


@settings(max_examples=40, deadline=None)
@given(models())
def test_one_row_a_model_whatever_the_layout(laid: list[Laid]) -> None:
    one_row_a_model(laid)


@pytest.mark.long
@settings(max_examples=5000, deadline=None)
@given(models())
def test_one_row_a_model_whatever_the_layout_many(laid: list[Laid]) -> None:
    one_row_a_model(laid)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_every_layout_beside_every_other(layout: Callable[[Path, str, Cells], None]) -> None:
    cells = {"STS12": 0.5, "STS13": 0.25}
    others = [
        Laid(f"acme/m{at}", {"STS12": at / 100, "STS14": 0.75}, other, at % 2)
        for at, other in enumerate(LAYOUTS)
    ]
    one_row_a_model([Laid("acme/this", cells, layout, 0), *others])


# ---- two models never share a row ----


def test_seeds_in_folders_of_numbers_are_models_of_their_own(tmp_path: Path) -> None:
    for seed in range(3):
        _old(tmp_path / "in" / "tuned" / str(seed), {"STS12": seed / 10})
    rows, _ = rows_of([tmp_path / "in"])
    assert [cells_of(row) for row in rows] == [{"STS12": seed / 10} for seed in range(3)]


def test_models_that_are_called_like_commits_are_models(tmp_path: Path) -> None:
    for at, name in enumerate(("abc123", "0123abcd")):
        _old(tmp_path / "in" / "acme" / name, {"STS12": at / 10})
    rows, _ = rows_of([tmp_path / "in"])
    assert [row.label for row in rows] == ["0123abcd", "abc123"]


@pytest.mark.parametrize("parent", ["my__runs", "acme__sweep", "runs"])
def test_models_below_one_folder_are_not_its_revisions(tmp_path: Path, parent: str) -> None:
    for at, name in enumerate(("base", "tuned")):
        _new(tmp_path / "in" / parent / name, {"STS12": at / 10, f"STS{13 + at}": 0.5})
    rows, _ = rows_of([tmp_path / "in"])
    assert [len(cells_of(row)) for row in rows] == [2, 2]


def test_one_name_in_two_places_without_a_commit_is_two_rows(tmp_path: Path) -> None:
    roots = [tmp_path / name for name in ("one", "two")]
    for root, task in zip(roots, ("STS12", "STS13"), strict=True):
        without_revision(root, "local/ft", {task: 0.5})
    rows, _ = rows_of(roots)
    assert [cells_of(row) for row in rows] == [{"STS12": 0.5}, {"STS13": 0.5}]
    named = [f"{root}=local/ft" for root in roots]
    assert [cells_of(row) for row in rows_of(roots, named)[0]] == [{"STS12": 0.5, "STS13": 0.5}]


def test_one_name_in_two_places_with_commits_is_one_row(tmp_path: Path) -> None:
    roots = [tmp_path / name for name in ("one", "two")]
    for root, task in zip(roots, ("STS12", "STS13"), strict=True):
        by_mteb(root, "org/model", {task: 0.5})
    rows, _ = rows_of(roots)
    assert [cells_of(row) for row in rows] == [{"STS12": 0.5, "STS13": 0.5}]


def test_a_copied_meta_file_joins_nothing(tmp_path: Path) -> None:
    for at, name in enumerate(("acme__a", "acme__b")):
        _new(tmp_path / "in" / name / COMMITS[0], {"STS12": at / 10}, meta=("acme/a", COMMITS[0]))
    rows, _ = rows_of([tmp_path / "in"])
    assert [cells_of(row) for row in rows] == [{"STS12": 0.0}, {"STS12": 0.1}]


@pytest.mark.parametrize("meta", ["[]", "{", '{"name": ["x"], "revision": {}}', '{"name": null}'])
def test_an_odd_meta_file_says_nothing(tmp_path: Path, meta: str) -> None:
    folder = tmp_path / "in" / "org__model" / COMMITS[0]
    _new(folder, {"STS12": 0.5})
    write(folder / "model_meta.json", meta)
    rows, _ = rows_of([tmp_path / "in"])
    assert [row.source.model for row in rows if row.source is not None] == ["org/model"]


# ---- a name that nothing says ----


def test_results_without_a_model_are_counted_named_and_asked_for(tmp_path: Path) -> None:
    root = tmp_path / "results"
    _old(root, {"STS12": 0.5, "STS13": 0.25})
    by_mteb(root, "org/model", {"STS12": 0.75})
    rows, warnings = rows_of([root])
    assert [row.label for row in rows] == ["model"]
    assert warnings[0] == (
        f"2 results in {root} say no model, and so does the path: STS12.json, STS13.json; "
        f"left out. --model-name {root}=NAME says it"
    )
    for names in (["acme/old"], [f"{root}=acme/old"]):
        named = {row.source.model for row in rows_of([root], names)[0] if row.source is not None}
        assert "acme/old" in named


@pytest.mark.parametrize(
    "names", [["org/model"], ["a", "b"], ["nowhere=x"], ["=x"], ["x="]], ids=" ".join
)
def test_a_name_that_is_of_no_results_is_refused(tmp_path: Path, names: list[str]) -> None:
    by_mteb(tmp_path / "results", "org/model", {"STS12": 0.5})
    with pytest.raises(UsageError, match="--model-name"):
        rows_of([tmp_path / "results"], names)


# ---- what is passed over is counted and named ----


def test_json_that_is_no_result_is_counted_and_named(tmp_path: Path) -> None:
    root = tmp_path / "in"
    by_mteb(root, "org/model", {"STS12": 0.5})
    for name in ("notes.json", "config.json"):
        write(root / "org__model" / COMMITS[0] / name, '{"a": 1}')
    put(root / "org__model" / COMMITS[0], "A task of my own", 0.5)
    (folder,) = collect([root]).folders
    assert folder.files == {"STS12", "A task of my own"}
    (warning,) = collect([root]).warnings
    assert warning.startswith("2 JSON files are no result: ")
    assert "config.json" in warning


def test_a_packed_file_beside_a_plain_one_and_a_broken_one_are_named(tmp_path: Path) -> None:
    root = tmp_path / "in"
    by_mteb(root, "org/model", {"STS12": 0.5})
    folder = root / "org__model" / COMMITS[0]
    (folder / "STS12.json.gz").write_bytes(b"")
    (root / "more.zip").write_bytes(b"PK no zip")
    (root / "more.tar.gz").write_bytes(b"no tar")
    rows, warnings = rows_of([root])
    assert [cells_of(row) for row in rows] == [{"STS12": 0.5}]
    assert len(warnings) == 3
    assert all("left out" in warning for warning in warnings)


def test_a_packed_folder_may_be_typed(tmp_path: Path) -> None:
    zipped(tmp_path, "acme/tiny", {"STS12": 0.5})
    rows, _ = rows_of([tmp_path / "acme-tiny.zip"])
    assert [cells_of(row) for row in rows] == [{"STS12": 0.5}]
    (tmp_path / "broken.zip").write_bytes(b"PK no zip")
    with pytest.raises(UsageError, match="cannot be unpacked"):
        rows_of([tmp_path / "broken.zip"])


def test_what_was_unpacked_stays_until_it_changes_or_nothing_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))
    here, other = tmp_path / "acme-tiny.zip", tmp_path / "acme-old.zip"
    kept = tmp_path / "cache" / "unpacked"
    for place in (here, other):
        put(tmp_path / "in", "STS12", 0.5)
        shutil.make_archive(str(place.with_suffix("")), "zip", tmp_path / "in")
    first, old = unpacked(here), unpacked(other)
    assert (unpacked(here), sorted(kept.iterdir())) == (first, sorted([first, old]))
    put(tmp_path / "in", "STS13", 0.5)
    shutil.make_archive(str(here.with_suffix("")), "zip", tmp_path / "in")
    second = unpacked(here)
    assert sorted(kept.iterdir()) == sorted([second, old])  # not the state from before
    month = time.time() - 31 * 24 * 3600
    os.utime(old, (month, month))
    assert unpacked(here) == second
    assert old.is_dir()  # only what is unpacked removes something
    put(tmp_path / "in", "STS14", 0.5)
    shutil.make_archive(str(here.with_suffix("")), "zip", tmp_path / "in")
    third = unpacked(here)
    assert [*kept.iterdir()] == [third]


def test_names_that_are_no_utf8_can_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "in" / b"caf\xe9".decode("utf-8", "surrogateescape")
    _old(folder, {"STS12": 0.5})
    rows, _ = rows_of([tmp_path / "in"])
    assert [row.label for row in rows] == ["caf\\xe9"]
    json.dumps(rows[0].label, ensure_ascii=False).encode()


# ---- the shared cases ----

EXPECTED = {
    "nested-by-organisation": {"acme/tiny-a": 7, "acme/tiny-b": 6},
    "nested-deeper": {"acme/tiny-a": 7, "acme/tiny-b": 7, "acme/na": 7, "acme/sane": 7},
    "nested-mixed": {"acme/tiny-a": 5, "acme/tiny-b": 6},
}


@pytest.mark.parametrize("case", EXPECTED)
def test_the_shared_cases(shared: Path, case: str) -> None:
    rows, warnings = rows_of([shared / "cases" / "results" / case])
    found = {row.source.model: len(cells_of(row)) for row in rows if row.source is not None}
    assert found == EXPECTED[case]
    assert warnings == []
    firsts = {row.source.model: min(cells_of(row).values()) for row in rows if row.source}
    expected = {"acme/tiny-a": 0.6, "acme/na": 0.5, "acme/sane": 0.5}
    expected["acme/tiny-b"] = 0.7 if case == "nested-deeper" else 0.81
    assert firsts == {name: pytest.approx(expected[name]) for name in found}
