"""Grids of layers and sizes."""

from angle_bench.reporting.tables.grid import Grid
from angle_bench.reporting.tables.signature import joined
from angle_bench.reporting.tables.table import Table, TableCell, TableRow
from angle_bench.suites.task import Suite, Task


def suite(*names: str, average: str = "tasks") -> Suite:
    tasks = [
        Task(
            name=name,
            type="STS",
            dataset=f"mteb/{name}",
            revision="r",
            splits=("test",),
            metric="cosine_spearman",
        )
        for name in names
    ]
    return Suite.model_validate(
        {"name": "s", "version": "1", "average": average, "task": [t.model_dump() for t in tasks]}
    )


def row(*scores: float | None, data: str = "hub", signature: str = "") -> TableRow:
    return TableRow("m", tuple(TableCell(score, data) for score in scores), signature)


def grid(rows: list[TableRow], axes: list[tuple[int, int]], *names: str) -> Grid:
    whole = [(layer, size, "float32") for layer, size in axes]
    return Grid("m", Table(suite(*names), tuple(rows)), whole)


def test_layers_are_rows_and_sizes_columns_whatever_the_order() -> None:
    rows = [row(0.4, 0.5), row(0.1, 0.2), row(0.3, 0.4), row(0.2, 0.3)]
    text = grid(rows, [(6, 64), (2, 32), (6, 32), (2, 64)], "A", "B").text(80)
    assert text.splitlines() == [
        "m",
        "mean of 2 · size     32     64",
        "layer 2           15.00  25.00",
        "layer 6           35.00  45.00",
    ]


def test_precisions_are_rows_with_the_bytes_of_a_vector() -> None:
    rows = [row(0.4), row(0.3), row(0.2), row(0.1)]
    axes = [(6, 12, "float32"), (6, 12, "binary"), (6, 100, "float32"), (6, 100, "binary")]
    text = Grid("m", Table(suite("A"), tuple(rows)), axes).text(80)
    assert text.splitlines()[1:] == [
        "A · size                     12    100",
        "layer 6 float32           40.00  20.00",
        "layer 6 binary            30.00  10.00",
        "bytes per vector float32     48    400",
        "bytes per vector binary       2     13",
    ]


def test_a_single_task_is_named() -> None:
    text = grid([row(0.0), row(0.2)], [(1, 8), (2, 8)], "A").text(80)
    assert text.splitlines()[1:] == ["A · size      8", "layer 1    0.00", "layer 2   20.00"]


def test_only_tasks_that_every_variant_has_are_averaged() -> None:
    rows = [row(0.4, None, 0.6), row(0.2, 0.9, 0.4)]
    lines = grid(rows, [(1, 8), (2, 8)], "A", "B", "C").text(80).splitlines()
    assert lines[1].startswith("mean of 2, 2 of 3 tasks · size")
    assert [line.split()[-1] for line in lines[2:]] == ["50.00", "30.00"]


def test_without_a_common_task_there_is_no_number() -> None:
    lines = grid([row(0.4, None), row(None, 0.9)], [(1, 8), (2, 8)], "A", "B").text(80)
    assert [line.split()[-1] for line in lines.splitlines()[2:]] == ["–", "–"]


def test_the_footer_names_tasks_of_other_data_and_all_variants_in_one_line() -> None:
    rows = [
        TableRow(
            "m", (TableCell(0.5, "differs"), TableCell(0.0, "hub")), "model:m|layer:2|size:full"
        ),
        TableRow(
            "m",
            (TableCell(0.5, "differs"), TableCell(0.0, "equal")),
            "model:m|layer:last|size:full",
        ),
    ]
    assert grid(rows, [(2, 8), (6, 8)], "A", "B").footer().splitlines() == [
        "✓ local data, as many samples and characters as mteb's own: B",
        "≠ local data, whose samples or characters differ from mteb's own: A",
        "model:m|layer:2,last|size:full",
    ]


def test_signatures_are_joined_part_by_part() -> None:
    assert joined(["a:1|b:x:y", "a:1|b:z"]) == "a:1|b:x:y,z"
    assert joined(["a:1|c:2", "a:1|precision:int8|c:2"]) == "a:1|precision:float32,int8|c:2"
