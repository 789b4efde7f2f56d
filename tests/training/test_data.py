"""Rows, draws, order, batches: formats, bad data, workers, epochs."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import DataError
from angle_bench.training.data.dataset import TrainingRows, draw, load_rows
from angle_bench.training.data.order import EpochSampler, sampler_of
from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import write_rows

PAIRS: list[dict[str, object]] = [
    {"text1": f"a {n}", "text2": f"b {n}", "label": n % 2} for n in range(9)
]
TRIPLETS: list[dict[str, object]] = [
    {"query": f"q {n}", "positive": [f"p {n} {k}" for k in range(5)], "negative": f"n {n}"}
    for n in range(7)
]


def recipe(*sources: dict[str, Any], **sections: dict[str, Any]) -> Recipe:
    data = {"train": sources, **sections.pop("data", {})}
    return Recipe.model_validate({"model": {"name": "m"}, "data": data, **sections})


def loaded(folder: Path, rows: list[dict[str, object]], **sections: Any) -> TrainingRows:
    source = sections.pop("source", {})
    write_rows(folder / "a.jsonl", rows)
    return load_rows(recipe({"path": str(folder / "a.jsonl"), **source}, **sections))


@pytest.mark.parametrize(("rows", "format"), [(PAIRS, "A"), (TRIPLETS, "C")])
def test_the_columns_say_the_format(tmp_path: Path, rows: Any, format: str) -> None:
    assert loaded(tmp_path, rows).format == format
    pairs = [{"query": r["query"], "positive": r["positive"]} for r in TRIPLETS]
    assert loaded(tmp_path, pairs).format == "B"


@pytest.mark.parametrize("pattern", ["*", "part-*.jsonl"])
def test_a_glob_is_one_source(tmp_path: Path, pattern: str) -> None:
    for number in range(0, len(PAIRS), 2):
        write_rows(tmp_path / f"part-{number}.jsonl", PAIRS[number : number + 2])
    found = load_rows(recipe({"path": str(tmp_path / pattern)}))
    write_rows(tmp_path / "whole/a.jsonl", PAIRS)
    whole = load_rows(recipe({"path": str(tmp_path / "whole/a.jsonl")}))
    assert (len(found), found.digest) == (len(PAIRS), whole.digest)
    with pytest.raises(DataError, match="has no train") as raised:
        load_rows(recipe({"path": str(tmp_path)}))
    assert raised.value.fix.startswith(f'path = "{tmp_path}/*", or split = "part-0"')


def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path) -> None:
    import datasets

    write_rows(tmp_path / "a.jsonl", PAIRS)
    write_rows(tmp_path / "a.parquet", PAIRS)
    write_rows(tmp_path / "folder/train.jsonl", PAIRS)
    write_rows(tmp_path / "mirror/org/name/train.jsonl", PAIRS)
    lines = ["text1,text2,label", *(f"{r['text1']},{r['text2']},{r['label']}" for r in PAIRS)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    datasets.Dataset.from_list(PAIRS).save_to_disk(str(tmp_path / "saved"))
    names = ("a.jsonl", "a.parquet", "a.csv", "folder", "saved")
    sources: list[dict[str, Any]] = [{"path": str(tmp_path / name)} for name in names]
    for source in [*sources, {"hub": "org/name"}]:
        rows = load_rows(recipe(source), tmp_path / "mirror")
        assert [rows.row(n).texts for n in range(9)] == [
            ((f"a {n}",), (f"b {n}",)) for n in range(9)
        ]
        assert rows.labels is not None
        assert rows.labels.tolist() == [n % 2 for n in range(9)]


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ([{"sentence1": "a", "sentence2": "b", "score": 1}], {}, 'sentence1 = "text1"'),
        ([{**PAIRS[0], "label": 3.5}, *PAIRS], {}, r"label_range = \[0, 5\]"),
        ([{**PAIRS[0], "label": 6}], {"source": {"label_range": [0, 5]}}, "outside label_range"),
        ([{**PAIRS[0], "label": "x"}], {}, "line 1 has the label 'x'"),
        ([{**PAIRS[0], "text1": 3}], {}, "line 1 has 3 in text1"),
        ([{**row, "label": 1} for row in PAIRS], {}, "the label 1 in all of its 9"),
        ([{**row, "label": 0.5 * int(str(row["label"]))} for row in PAIRS], {}, "no label of"),
        ([PAIRS[0]] * 3, {}, "the same texts in all"),
        ([], {}, "has no rows"),
        ([{**PAIRS[0], "text1": " "}], {}, "no row that can be trained on .1 empty text1"),
        (PAIRS, {"source": {"columns": {"txt1": "text1"}}}, "Did you mean text1"),
        (PAIRS, {"source": {"columns": {"txt1": "text1"}}}, "without txt1, since text1 is there"),
        (PAIRS, {"prompts": {"query": "q: {text}"}}, "prompts.query is for data of another"),
        (PAIRS, {"train": {"batch_size": 1}}, "nothing to compare it with"),
        (PAIRS, {"loss": {"ibn_w": 0, "angle_w": 0}}, "nothing would be learned"),
        (TRIPLETS, {"source": {"label_range": [0, 5]}}, "no labels to rescale"),
    ],
)
def test_bad_data_is_refused(tmp_path: Path, rows: Any, more: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as told:
        loaded(tmp_path, rows, **more)
    import re

    assert re.search(said, str(told.value)), str(told.value)


def test_drops_are_counted_by_reason(tmp_path: Path) -> None:
    bad = [{**PAIRS[0], "text1": ""}, {**PAIRS[0], "label": None}, {**PAIRS[0], "text2": None}]
    rows = loaded(tmp_path, [*PAIRS, *bad, PAIRS[0]], data={"drop_duplicates": True})
    ((_, counts),) = rows.counts
    assert (counts.read, counts.kept, len(rows)) == (13, 9, 9)
    assert counts.dropped == {"empty text1": 1, "no label": 1, "no text2": 1, "stands twice": 1}


def test_labels_are_rescaled_and_columns_renamed(tmp_path: Path) -> None:
    theirs: list[dict[str, object]] = [
        {"s1": f"a {n}", "s2": "b", "score": float(n)} for n in range(6)
    ]
    names = {"s1": "text1", "s2": "text2", "score": "label"}
    rows = loaded(tmp_path, theirs, source={"columns": names, "label_range": [0, 5]})
    assert rows.labels is not None
    assert rows.labels.tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])


def test_draws_depend_on_epoch_row_and_column_alone(tmp_path: Path) -> None:
    import random

    rows = loaded(tmp_path, TRIPLETS)
    first = [rows[n].texts for n in range(7)]
    random.seed(1)
    assert [rows[n].texts for n in reversed(range(7))] == first[::-1]
    assert [rows[7 + n].texts for n in range(7)] != first
    assert {draw(0, e, 0, 0, 5) for e in range(50)} == set(range(5))


@pytest.mark.process
@pytest.mark.parametrize("workers", [0, 2])
def test_workers_of_an_earlier_epoch_draw_as_any_other(tmp_path: Path, workers: int) -> None:
    from torch.utils.data import DataLoader

    rows = loaded(tmp_path, TRIPLETS)
    sampler = EpochSampler(rows.sizes, None, 2, 0)
    loader = DataLoader(
        rows,  # type: ignore[arg-type]
        batch_size=2,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=list,
    )
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        seen = [example for batch in loader for example in batch]
        assert seen == [rows[epoch * 7 + example.row] for example in seen]
        assert len(seen) == 6  # 7 rows by twos: the last alone is left out


def test_an_epoch_is_every_row_once_in_another_order() -> None:
    sampler = EpochSampler([5, 5], None, 5, 3)
    orders = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        order = [index - 10 * epoch for index in sampler]
        assert sorted(order) == list(range(10))
        orders.append(order)
    assert orders[0] != orders[1]


def test_weights_share_an_epoch_and_use_a_source_up_before_it_repeats() -> None:
    sampler = EpochSampler([90, 10], [1, 1], 10, 0)
    seen: list[int] = []
    for epoch in range(9):
        sampler.set_epoch(epoch)
        order = [index - 100 * epoch for index in sampler]
        large = [number for number in order if number < 90]
        assert len(large) == 50
        assert all(order.count(number) == 5 for number in range(90, 100))
        seen += large
    assert all(seen.count(number) == 5 for number in range(90))


def test_sources_of_two_formats_are_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", PAIRS)
    write_rows(tmp_path / "c.jsonl", TRIPLETS)
    both = [{"path": str(tmp_path / name)} for name in ("a.jsonl", "c.jsonl")]
    with pytest.raises(DataError, match="a batch has one"):
        load_rows(recipe(*both))


def test_a_duplicate_of_an_earlier_source_is_dropped(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", PAIRS)
    write_rows(tmp_path / "b.jsonl", [PAIRS[3], {**PAIRS[3], "text1": "new"}])
    both = [{"path": str(tmp_path / name)} for name in ("a.jsonl", "b.jsonl")]
    rows = load_rows(recipe(*both, data={"drop_duplicates": True}))
    assert rows.sizes == (9, 1)
    assert len(list(sampler_of(rows, recipe(*both)))) == 10


def test_a_stream_is_the_same_each_time_and_never_ends(tmp_path: Path) -> None:
    from itertools import islice

    from angle_bench.training.data.stream import Stream

    write_rows(tmp_path / "c.jsonl", TRIPLETS)
    made = recipe(
        {"path": str(tmp_path / "c.jsonl")},
        data={"streaming": True},
        train={"max_steps": 9},
    )
    first, second = (list(islice(Stream(made), 40)) for _ in range(2))
    assert first == second
    assert {example.row for example in first} == set(range(7))
    texts = {example.texts[1] for example in first if example.row == 0}
    assert len(texts) > 1  # drawn anew in each round


def test_a_batch_is_as_the_trainer_needs_it(tmp_path: Path, tiny_bert: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    from angle_bench.checkpoints.prompts import PromptPolicy
    from angle_bench.checkpoints.spec import Settings
    from angle_bench.training.data.collate import Collator

    rows = loaded(tmp_path, TRIPLETS)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    long = "a " * 60
    policy = PromptPolicy(role={"query": 'the {text} and"', "document": "d {text}"})
    settings = Settings(pooling="mean", max_length=12, prompts=policy)
    collate = Collator(tokenizer, settings)
    from angle_bench.training.data.dataset import Example

    batch = collate([rows[3], Example(9, (long, "p 3 0", "n 3"), None)])
    assert batch["texts_per_row"] == 3
    assert batch["row_ids"].tolist() == [3, 9]
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (6, 12)
    assert batch["text_ids"][2] == batch["text_ids"][5]
    assert batch["text_ids"][0] != batch["text_ids"][3]
    assert "labels" not in batch
    tail = tokenizer('and"', add_special_tokens=False)["input_ids"]
    assert batch["input_ids"][3].tolist()[-1 - len(tail) : -1] == tail
    assert not batch["input_ids"][0][batch["attention_mask"][0] == 0].any()
    (tmp_path / "more").mkdir()
    pairs = Collator(tokenizer, settings)([loaded(tmp_path / "more", PAIRS)[1]])
    assert pairs["labels"].dtype == torch.float32
    assert pairs["texts_per_row"] == 2
    assert json.dumps(pairs["labels"].tolist()) == "[1.0]"


def test_skipped_batches_of_a_later_epoch_leave_the_same_rest(tmp_path: Path) -> None:
    from accelerate import Accelerator, skip_first_batches
    from torch.utils.data import DataLoader

    rows = loaded(tmp_path, TRIPLETS)
    sampler = EpochSampler(rows.sizes, None, 2, 0)
    loader = DataLoader(rows, batch_size=2, sampler=sampler, collate_fn=list)  # type: ignore[arg-type]
    prepared = Accelerator(cpu=True).prepare(loader)
    prepared.set_epoch(1)
    whole = list(prepared)
    sampler.set_epoch(0)
    resumed = skip_first_batches(prepared, 2)
    resumed.set_epoch(1)
    assert list(resumed) == whole[2:]
