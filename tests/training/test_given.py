"""Rows that a caller from Python hands over: any holder of them, known by their content."""

from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow as pa
import pytest

import angle_bench
from angle_bench.errors import AngleBenchError, DataError, UsageError
from angle_bench.python_words import in_python
from angle_bench.training.data.given import first_unlike, parts_of, table_of
from tests.checkpoints import write_rows
from tests.training.test_api import pairs
from tests.training.trainings import assert_same_weights, rows_of

SHORT: dict[str, Any] = {
    "device": "cpu",
    "model": {"pooling": "mean"},
    "train": {"max_steps": 3, "batch_size": 8, "learning_rate": 1e-3},
    "select": {"suite": ""},
}


def holders(folder: Path) -> dict[str, Any]:
    rows = rows_of("A")
    whole = datasets.Dataset.from_list(rows)
    write_rows(folder / "rows.jsonl", rows)
    return {
        "list": rows,
        "Dataset": whole,
        "selected": datasets.Dataset.from_list([*rows[:3], *rows]).select(range(3, 27)),
        "IterableDataset": whole.to_iterable_dataset(),
        "frame": pd.DataFrame(rows),
        "DatasetDict": datasets.DatasetDict(train=whole),
        "path": folder / "rows.jsonl",
    }


def test_every_holder_has_the_same_rows(tmp_path: Path) -> None:
    expected = table_of(rows_of("A"), "rows")
    for name, given in holders(tmp_path).items():
        rows, _ = parts_of(given)
        assert table_of(rows, "rows").to_pylist() == expected.to_pylist(), name


def test_every_holder_trains_to_the_same_weights(tmp_path: Path, tiny_bert: Path) -> None:
    found = holders(tmp_path)
    angle_bench.train(tiny_bert, found["list"], output=tmp_path / "list", **SHORT)
    for name in ("DatasetDict", "path", "frame"):
        angle_bench.train(tiny_bert, found[name], output=tmp_path / name, **SHORT)
        assert_same_weights(tmp_path / "list", tmp_path / name)


@pytest.mark.process
def test_the_validation_of_a_dict_chooses(tmp_path: Path, tiny_bert: Path) -> None:
    given = datasets.DatasetDict(train=datasets.Dataset.from_list(rows_of("A")), validation=pairs())
    done = angle_bench.train(tiny_bert, given, output=tmp_path / "out", **SHORT)
    encoder = angle_bench.load(str(done.folder), device="cpu:1")
    found = angle_bench.evaluate(encoder, pairs())
    encoder.close()
    assert found["cosine"]["spearman"] == pytest.approx(done.score, abs=1e-6)
    with pytest.raises(DataError, match=r"train_ds has no train \(there: test\)"):
        angle_bench.train(tiny_bert, datasets.DatasetDict(test=pairs()), output=tmp_path / "o")


def test_a_negative_that_the_first_row_lacks_is_there() -> None:
    first, second = rows_of("C", 2)
    del first["negative"]
    table = table_of([first, second], "rows")
    assert table["negative"].to_pylist() == [None, second["negative"]]


def test_a_second_attempt_trains_on_its_own_rows(tmp_path: Path, tiny_bert: Path) -> None:
    """The first one failed before a checkpoint: as many rows, but others."""
    bad = rows_of("A", seed=5)
    bad[7]["label"] = 7.0
    with pytest.raises(DataError, match="row 7 of train_ds has the label 7"):
        angle_bench.train(tiny_bert, bad, output=tmp_path / "out", **SHORT)
    good = rows_of("A", seed=6)
    angle_bench.train(tiny_bert, good, output=tmp_path / "out", **SHORT)
    angle_bench.train(tiny_bert, good, output=tmp_path / "new", **SHORT)
    assert_same_weights(tmp_path / "out", tmp_path / "new")
    other = rows_of("A", seed=6)
    other[4]["text1"] += "."
    with pytest.raises(UsageError, match="train_ds is not what checkpoint-3 was made with: row 4"):
        angle_bench.train(tiny_bert, other, output=tmp_path / "out", resume=True, **SHORT)


def test_equal_rows_are_equal_whatever_their_types() -> None:
    one = pa.table({"label": [1.0, float("nan")], "text1": ["a", None]})
    other = pa.table(
        {"text1": pa.array(["a", None], pa.large_string()), "label": [1.0, float("nan")]}
    )
    assert not one.equals(other)
    assert first_unlike(one, other) is None
    assert first_unlike(one, one.drop_columns(["label"])) == 0


def test_errors_are_of_python(tmp_path: Path, tiny_bert: Path) -> None:
    def refused(rows: Any, **more: Any) -> str:
        with pytest.raises(AngleBenchError) as error:
            angle_bench.train(tiny_bert, rows, output=tmp_path / "out", **{**SHORT, **more})
        return str(error.value)

    words = rows_of("A")
    words[0]["label"] = "high"
    for row in words[1:]:
        row["label"] = str(row["label"])
    assert refused(words).startswith("row 0 of train_ds has the label 'high', which is no number")
    mixed = rows_of("A")
    mixed[3]["label"] = "high"
    assert (
        "label of train_ds holds values that do not go together: float in row 0, str in row 3"
        in (refused(mixed))
    )
    scaled = [{**row, "label": 5 * row["label"]} for row in rows_of("A")]
    assert 'pass: data={"label_range": [0, 5]}' in refused(scaled)
    names = [{"sentence1": row["text1"], "text2": row["text2"], "label": 1} for row in scaled]
    assert 'pass: data={"columns": {"sentence1": "text1"}}' in refused(names)
    halves = [{**row, "label": 0.5 * row["label"]} for row in rows_of("A")]
    assert 'pass: loss={"ibn_w": 0}' in refused(halves)
    assert "row 2 of train_ds is a str, not a dict" in refused([*rows_of("A", 2), "row"])
    for text in map(refused, (words, mixed, scaled, names, halves)):
        assert "type:" not in text
        assert "--" not in text
        assert str(tmp_path) not in text


def test_what_rows_are_called_can_be_said(tmp_path: Path, tiny_bert: Path) -> None:
    rows = rows_of("A")
    theirs = [{"a": row["text1"], "b": row["text2"], "label": 5 * row["label"]} for row in rows]
    said = {"data": {"columns": {"a": "text1", "b": "text2"}, "label_range": [0, 5]}}
    angle_bench.train(tiny_bert, theirs, output=tmp_path / "theirs", **SHORT, **said)
    angle_bench.train(tiny_bert, rows, output=tmp_path / "ours", **SHORT)
    assert_same_weights(tmp_path / "theirs", tmp_path / "ours")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--set 'model.frozen=[]'", 'model={"frozen": []}'),
        ("--set lora.targets='[\"q_proj\"]'", 'lora={"targets": ["q_proj"]}'),
        ("--set 'select.suite=\"\"', which keeps", 'select={"suite": ""}, which keeps'),
        ("--set train.precision=bf16, or float32", 'train={"precision": "bf16"}, or float32'),
        ("--set loss.angle_w=VALUE", 'loss={"angle_w": VALUE}'),
        ("--set data.train.0.limit=9", 'data={"limit": 9}'),
        ("--resume, or -o FOLDER of a new name", "resume=True, or output=FOLDER of a new name"),
        ("--mirror DIR that holds it", "mirror=DIR that holds it"),
        ("-m ./bert", "./bert as the model"),
        ("--trust-remote-code, if you trust them", "trust_remote_code=True, if you trust them"),
        (
            "--cache-dir DIR on a local disk, or --no-cache",
            "cache_dir=DIR on a local disk, or cache=False",
        ),
        ("-d auto, or -d cpu", 'device="auto", or device="cpu"'),
        ("-r FOLDER that can be written", "results=FOLDER that can be written"),
        ("--limit 20", "limit=20"),
        ("--prompt 'query: {text}'", 'prompt="query: {text}"'),
        ("-t STS, or another text task", 'tasks="STS", or another text task'),
        ("angle-bench run -m a -m 'b c' -t STS12", 'angle_bench.run(["a", "b c"], tasks="STS12")'),
        ("angle-bench download -m a -t STS", 'angle_bench.download("a", tasks="STS")'),
        ("angle-bench models list", "angle_bench.models()"),
        ("angle-bench tasks list --all", "angle_bench.tasks(everything=True)"),
        ("angle-bench tasks show STS, or -t STS", 'angle_bench.tasks("STS"), or tasks="STS"'),
        ("angle-bench compare BASE OTHER", "angle_bench.compare(BASE, OTHER)"),
        ("angle-bench compare a b --seen", 'angle_bench.compare("a", "b", seen=True)'),
    ],
)
def test_options_are_arguments(typed: str, said: str) -> None:
    assert in_python(typed) == said


def test_labels_must_be_numbers(tiny_bert: Path) -> None:
    rows = [{"text1": "a", "text2": "b", "label": label} for label in ("high", "low")]
    with pytest.raises(DataError, match="labels must be numbers, got str in row 0"):
        angle_bench.evaluate(None, rows)
    mixed = [{**rows[0], "label": 1.0}, {**rows[0], "label": None}]
    with pytest.raises(DataError, match="labels must be numbers, got NoneType in row 1"):
        angle_bench.evaluate(None, mixed)


@pytest.mark.process
def test_a_name_can_be_evaluated(tiny_bert: Path) -> None:
    encoder = angle_bench.load(str(tiny_bert), device="cpu:1")
    expected = angle_bench.evaluate(encoder, pairs())
    encoder.close()
    found = angle_bench.evaluate(str(tiny_bert), pairs())
    for name, correlations in expected.items():
        assert found[name] == pytest.approx(correlations, abs=1e-3), name
