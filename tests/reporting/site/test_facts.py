"""What a site says of models beside their scores, and what it draws of it."""

from pathlib import Path
from typing import Any

import pytest

from angle_bench.files.atomic import write_json
from angle_bench.reporting.site.axes import Axis
from angle_bench.reporting.site.facts import ModelFacts, model_facts
from angle_bench.reporting.site.scatter import front, scatter_plots
from angle_bench.reporting.site.table_shown import FACTS
from angle_bench.reporting.tables.table import TableRow
from angle_bench.results.layout import ModelFolder
from angle_bench.results.result_file import read_object
from tests.reporting.boards import board, row
from tests.stored import MEAN, Pairs, Results

PLAIN = TableRow("m", (), "model:org/m|rev:r|pool:mean|max:256|suite:S/1|data:hub")


def facts(results: Results, name: str = "m") -> ModelFacts:
    return model_facts(PLAIN, [results.model(name)])


def put(results: Results, tasks: str = "A", **more: Any) -> ModelFolder:
    for task in tasks:
        pairs = Pairs(task)
        folder = results.put("org/m", task, pairs.part(pairs.scores(0.1, 1)), **more)
    return folder


def test_facts_are_those_of_files(tmp_path: Path) -> None:
    results = Results(tmp_path)
    folder = put(results)
    known = {"n_parameters": 22713216, "embed_dim": 384, "max_tokens": 512.0, "license": "mit"}
    write_json(folder.meta, {"name": "org/m", "adapted_from": "org/base", **known})
    found = facts(results)
    assert (found.parameters, found.dimensions, found.licence) == (22713216, 384, "mit")
    assert found.max_tokens == 256  # as it was used, not what it could take
    assert (found.dtype, found.base) == (MEAN.dtype, "org/base")
    assert found.settings == facts_of_line()
    assert found.speed is None


def test_size_on_disk_and_origin_are_those_of_the_run_record(tmp_path: Path) -> None:
    results = Results(tmp_path)
    folder = put(results)
    write_json(folder.meta, {"name": "org/m", "adapted_from": "org/by-mteb"})
    found = facts(results)
    assert (found.disk, found.base) == (None, "org/by-mteb")  # an older record
    record = read_object(folder.record("A"))
    record["model"] |= {"weight_bytes": 90868376, "made_from": "org/base"}
    write_json(folder.record("A"), record)
    found = facts(results)
    assert (found.disk, found.base) == (90868376, "org/base")
    shown = {each.key: each.shown(found) for each in FACTS}
    assert shown["disk"] == "90.9 MB"


def test_a_cut_vector_has_the_dimensions_of_the_cut(tmp_path: Path) -> None:
    results = Results(tmp_path)
    cut = MEAN.with_changes(size=64)
    folder = put(results, settings=cut, settings_id="0123abcd")
    write_json(folder.meta, {"name": "org/m", "embed_dim": 384})
    assert facts(results, "m size 64").dimensions == 64


def test_what_no_file_says_is_unknown(tmp_path: Path) -> None:
    assert model_facts(PLAIN, []) == ModelFacts(settings=facts_of_line())
    results = Results(tmp_path)
    odd = {"n_parameters": "many", "embed_dim": None, "max_tokens": [512], "license": 3}
    write_json(put(results).meta, odd)
    found = facts(results)
    assert (found.parameters, found.dimensions, found.licence) == (None, None, None)


def facts_of_line() -> dict[str, str]:
    """The settings in the signature of `PLAIN`."""
    return {"pool": "mean", "max": "256", "data": "hub"}


def speed_of(tmp_path: Path, *records: dict[str, Any]) -> tuple[float | None, str | None]:
    results = Results(tmp_path)
    folder = put(results, "ABCD"[: len(records)])
    for name, more in zip("ABCD", records, strict=False):
        place = folder.record(name)
        write_json(place, read_object(place) | more)
    found = facts(results)
    return found.speed, found.device


def record(utc: int, forwarded: int, seconds: float, **more: Any) -> dict[str, Any]:
    phases = [
        {"name": "Encoding samples 1", "start": 1.0, "end": 1.0 + seconds},
        {"name": "Scoring", "start": 50.0, "end": 90.0},
    ]
    counts = {"encoded_so_far": {"forwarded": forwarded}}
    return {"utc": f"2026-01-01T00:00:0{utc}", "phases": phases, "device": "cpu", **counts, **more}


def test_a_speed_is_what_each_task_adds(tmp_path: Path) -> None:
    """The first task's texts may have been computed before its clock began."""
    found = speed_of(
        tmp_path, record(1, 9000, 0.01), record(2, 10000, 10.0), record(3, 14000, 15.0)
    )
    assert found == (pytest.approx(5000 / 25), "cpu")


@pytest.mark.parametrize(
    "records",
    [
        [record(1, 9000, 0.01)],
        [record(1, 9000, 0.01), record(2, 9500, 10.0)],  # too few texts
        [record(1, 9000, 0.01), record(2, 19000, 0.5)],  # too short a time
        [record(1, 9000, 0.01), record(2, 19000, 10.0, command=["another"])],
        [
            record(1, 0, 0.01),
            record(2, 9000, 9.0),
            record(3, 19000, 9.0, device="cuda:0"),
        ],
    ],
)
def test_no_speed_where_none_was_measured(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    assert speed_of(tmp_path, *records) == (None, None)


def test_the_front_is_what_nothing_beats() -> None:
    points = [(-1.0, 5.0), (-2.0, 4.0), (-2.0, 7.0), (-3.0, 6.9), (-3.0, 8.0), (-3.0, 8.0)]
    brute = {
        at
        for at, (x, y) in enumerate(points)
        if all(not (a >= x and b >= y) or (a, b) == (x, y) for a, b in points)
    }
    assert front(points) == brute == {0, 2, 4, 5}


def test_a_plot_has_what_is_known_of_both() -> None:
    made = board(row("a", 0.5, 0.7), row("b", 0.6, 0.8), row("c", 0.9, None), row("d", 0.2, 0.4))
    known = {
        "a": ModelFacts(parameters=10_000_000, dimensions=384),
        "b": ModelFacts(parameters=20_000_000, dimensions=384),
        "c": ModelFacts(parameters=1_000_000, dimensions=384),
        "d": ModelFacts(dimensions=384),
    }
    (only,) = scatter_plots(made, known)  # one size of vectors is no axis
    assert (only.key, only.missing) == ("parameters", 2)
    assert [(point.label, point.cost, point.score) for point in only.points] == [
        ("a", "10M", "60.00"),
        ("b", "20M", "70.00"),
    ]
    assert [point.front for point in only.points] == [True, True]
    assert only.points[0].x < only.points[1].x
    assert only.points[0].y > only.points[1].y


def test_an_axis_is_even_and_its_ticks_are_round() -> None:
    axis = Axis.over([-0.37, 1.21])
    assert axis.at(-0.37) == 3
    assert axis.at(1.21) == 97
    assert axis.at((1.21 - 0.37) / 2) == 50
    assert all(round(tick, 6) == tick and -0.37 <= tick <= 1.21 for tick in axis.ticks)
    assert Axis.over([5.0, 5.0]).at(5.0) == 50
    ratios = Axis.logarithmic_over([10, 100, 1000])
    assert ratios.at(100) == 50
    assert Axis.logarithmic_over([7]).at(7) == 50
