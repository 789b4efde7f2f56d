"""What models were trained on: declared by name and measured by text, which stay apart."""

import json
from pathlib import Path
from typing import Any

import pytest

import angle_bench
from angle_bench.errors import UsageError
from angle_bench.files.atomic import write_json
from angle_bench.reporting.comparison.compare import How, compare
from angle_bench.reporting.comparison.pairing import Side
from angle_bench.results.layout import ModelFolder
from angle_bench.results.result_file import read_object
from angle_bench.suites.select import select
from tests.result_files import put
from tests.stored import Pairs, Results, put_training

DECLARES = "intfloat/e5-mistral-7b-instruct"  # FEVER and HotpotQA, among others
SILENT = "openai/text-embedding-ada-002"
TASKS = "FEVER,HotpotQA,STS12"
NOTE = "not declared is not 100 %"


def public(root: Path, model: str) -> None:
    for task in TASKS.split(","):
        put(root / model.replace("/", "__") / "r", task, 0.5)


def own(root: Path, name: str, task: str = "STS12", **model: Any) -> ModelFolder:
    """A checkpoint that was run here, with what its record says beside the usual."""
    pairs = Pairs(task)
    folder = Results(root).put(f"local/{name}", task, pairs.part(pairs.scores(0.3, 1)))
    record = read_object(folder.record(task))
    record["model"] |= model
    write_json(folder.record(task), record)
    return folder


def board(root: Path, tasks: str = TASKS, **how: Any) -> angle_bench.Leaderboard:
    return angle_bench.leaderboard(root, tasks=tasks, zero_shot=True, **how)


def told(found: angle_bench.Leaderboard) -> dict[str, Any]:
    return {row["model"]: row["trained_on"] for row in found.to_dict()["rows"]}


def shown(found: angle_bench.Leaderboard, column: str = "zero-shot") -> dict[str, str]:
    """A column of the table as it is printed in markdown."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in found.to_markdown().splitlines()
        if line.startswith("|")
    ]
    at = lines[0].index(column)
    return {line[0]: line[at] for line in lines[2:] if len(line) == len(lines[0])}


def test_declared_silent_and_unknown_are_three_things(tmp_path: Path) -> None:
    for model in (DECLARES, SILENT, "org/nobody-knows"):
        public(tmp_path, model)
    found = board(tmp_path)
    by_model = told(found)
    declares = by_model["e5-mistral-7b-instruct"]
    assert declares["zero_shot"] == 33
    assert {name: each["declared"] for name, each in declares["tasks"].items()} == {
        "FEVER": True,
        "HotpotQA": True,
        "STS12": False,
    }
    for model in ("text-embedding-ada-002", "nobody-knows"):
        assert by_model[model]["zero_shot"] is None
        assert {each["declared"] for each in by_model[model]["tasks"].values()} == {None}
    nothing = {each["seen"] for row in by_model.values() for each in row["tasks"].values()}
    assert nothing == {None}
    texts = shown(found)
    assert texts["e5-mistral-7b-instruct"] == "33 %"
    assert texts["text-embedding-ada-002"] == texts["nobody-knows"] == "not declared"
    assert NOTE in found.to_text()


@pytest.mark.parametrize("key", ["made_from", "base"])
def test_the_base_s_declarations_count_and_it_is_said(tmp_path: Path, key: str) -> None:
    own(tmp_path, "ft", **{key: DECLARES})
    found = board(tmp_path)
    (row,) = told(found).values()
    assert (row["zero_shot"], row["declared_by"]) == (33, [DECLARES])
    assert shown(found) == {"ft": "33 % (base)"}
    assert f"zero-shot of ft: as declared of the base, {DECLARES}" in found.to_text()


def test_a_base_of_which_nothing_is_declared_says_nothing(tmp_path: Path) -> None:
    for name, base in (("of-silent", SILENT), ("of-folder", "/somewhere/base"), ("of-none", None)):
        own(tmp_path, name, made_from=base)
    found = board(tmp_path)
    assert {row["zero_shot"] for row in told(found).values()} == {None}
    assert "as declared of the base" not in found.to_text()


def test_a_model_that_mteb_knows_speaks_for_itself(tmp_path: Path) -> None:
    """mteb says nothing of a silent model whatever it was made from, and neither do we."""
    pairs = Pairs("STS12")
    folder = Results(tmp_path).put(SILENT, "STS12", pairs.part(pairs.scores(0.3, 1)))
    record = read_object(folder.record("STS12"))
    record["model"] |= {"made_from": DECLARES}
    write_json(folder.record("STS12"), record)
    (row,) = told(board(tmp_path)).values()
    assert (row["zero_shot"], row["declared_by"]) == (None, None)


def seeds(root: Path, *bases: str | None) -> dict[str, Any]:
    for at, base in enumerate(bases):
        own(root, f"s{at}", made_from=base)
    found = board(root, models="ft=" + ",".join(f"s{at}" for at in range(len(bases))))
    (row,) = told(found).values()
    return dict(row)


def test_of_several_runs_every_base_counts(tmp_path: Path) -> None:
    empty = "sentence-transformers/all-MiniLM-L6-v2"
    made = seeds(tmp_path / "known", DECLARES, empty)
    assert (made["zero_shot"], made["declared_by"]) == (33, [DECLARES, empty])
    assert seeds(tmp_path / "unknown", DECLARES, None)["zero_shot"] is None


def trained(root: Path, count: int) -> tuple[Path, Pairs]:
    """A checkpoint whose training had the first pairs of STS12, beside its base."""
    pairs, checkpoint = Pairs("STS12"), root / "ft"
    checkpoint.mkdir(parents=True)
    results = Results(root / "results")
    results.put("local/base", "STS12", pairs.part(pairs.scores(0.4, 2)))
    results.put("local/ft", "STS12", pairs.part(pairs.scores(0.3, 1)), checkpoint=checkpoint)
    had = list(zip(pairs.text1, pairs.text2, strict=True))[:count]
    put_training(checkpoint, had, [text.upper() for pair in had for text in pair])
    return root / "results", pairs


def test_the_share_seen_is_that_of_compare(tmp_path: Path) -> None:
    results, pairs = trained(tmp_path, 40)
    found = board(results)
    seen = told(found)["ft"]["tasks"]["STS12"]["seen"]
    stored = Results(results)
    sides = [Side.of(name, [stored.model(name)], []) for name in ("base", "ft")]
    compared = compare(sides[0], sides[1:], select(["STS12"]), How(seen=True)).rows[0].seen
    assert compared is not None
    (of_task,) = compared.tasks
    assert seen == pytest.approx(100 * of_task.seen / of_task.items)
    assert 40 <= of_task.seen < len(pairs.gold)
    assert told(found)["base"]["seen"] is None
    column = shown(found, "texts seen")
    assert column["base"] == "not recorded"
    assert column["ft"] == f"{round(seen)} %"
    assert f"texts seen by ft: STS12 {round(seen)} % (1 of 3 tasks are measured)" in found.to_text()


def test_both_kinds_stand_beside_one_another(tmp_path: Path) -> None:
    """What is declared of the base does not become what was measured, nor the other way."""
    results, _ = trained(tmp_path, 40)
    record = next(results.glob("local__ft/*/.angle-bench/STS12.json"))
    made = json.loads(record.read_text())
    made["model"]["made_from"] = DECLARES
    write_json(record, made)
    row = told(board(results))["ft"]
    assert row["zero_shot"] == 33
    assert row["tasks"]["STS12"]["declared"] is False
    assert row["tasks"]["STS12"]["seen"] > 30
    assert row["tasks"]["FEVER"] == {"declared": True, "seen": None}


def test_hashes_in_the_place_of_texts_give_the_same_share(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from angle_bench.results.predictions import read_predictions, without_texts

    results, _ = trained(tmp_path, 40)
    before = told(board(results))["ft"]["seen"]
    place = next(results.glob("local__ft/*/.angle-bench/STS12.parquet"))
    pq.write_table(without_texts(read_predictions(place)), place)
    assert told(board(results))["ft"]["seen"] == before > 0


def test_an_item_of_several_experiments_counts_once(tmp_path: Path) -> None:
    task, checkpoint = "Banking77Classification", tmp_path / "ft"
    checkpoint.mkdir()
    texts = ["a dog", "a cat", "a cow", "a hen"]
    rows = {
        "subset": ["default"] * 6,
        "split": ["test"] * 6,
        "experiment": [0, 0, 0, 0, 1, 1],
        "index": [0, 1, 2, 3, 0, 0],
        "text": [*texts, texts[0], texts[0]],
        "gold": ["x"] * 6,
        "predicted": ["x"] * 6,
    }
    results = Results(tmp_path / "results")
    folder = results.put_table("local/ft", task, rows, 1.0)
    results.record(folder, task, checkpoint=checkpoint)
    put_training(checkpoint, [], ["A  dog"])
    (row,) = told(board(results.root, task)).values()
    assert row["tasks"][task] == {"declared": None, "seen": 25.0}


def test_queries_have_no_texts_to_be_seen(tmp_path: Path) -> None:
    checkpoint = tmp_path / "ft"
    checkpoint.mkdir()
    rows = {
        "subset": ["default"],
        "split": ["test"],
        "query_id": ["q"],
        "metric": ["ndcg_at_10"],
        "value": [1.0],
    }
    results = Results(tmp_path / "results")
    folder = results.put_table("local/ft", "FEVER", rows, 1.0)
    results.record(folder, "FEVER", checkpoint=checkpoint)
    put_training(checkpoint, [], ["q"])
    found = board(results.root, "FEVER")
    (row,) = told(found).values()
    assert (row["seen"], row["tasks"]["FEVER"]["seen"]) == (None, None)
    assert "texts seen" not in found.to_text()


def test_damaged_predictions_are_named(tmp_path: Path) -> None:
    results, _ = trained(tmp_path, 40)
    place = next(results.glob("local__ft/*/.angle-bench/STS12.parquet"))
    place.write_bytes(b"PAR1 no more")
    with pytest.warns(UserWarning, match="cannot be read"):
        found = board(results)
    assert told(found)["ft"]["seen"] is None


def test_tasks_that_mteb_does_not_have_are_neither(tmp_path: Path) -> None:
    public(tmp_path, DECLARES)
    put(tmp_path / DECLARES.replace("/", "__") / "r", "AngleBenchDemo", 0.5)
    (row,) = told(board(tmp_path, "FEVER,demo")).values()
    assert row["tasks"]["AngleBenchDemo"]["declared"] is None
    assert row["zero_shot"] == 0  # of FEVER alone
    found = board(tmp_path, "demo")
    (row,) = told(found).values()
    assert row["zero_shot"] is None
    assert shown(found) == {"e5-mistral-7b-instruct": "not declared"}


def test_rows_can_be_sorted_by_it(tmp_path: Path) -> None:
    for model in (DECLARES, SILENT, "sentence-transformers/all-MiniLM-L6-v2"):
        public(tmp_path, model)
    order = ["all-MiniLM-L6-v2", "e5-mistral-7b-instruct", "text-embedding-ada-002"]
    for name in ("zero-shot", "zero_shot", "Zero-Shot"):
        assert board(tmp_path, sort=name).labels == order
    with pytest.raises(UsageError, match="no column zero-shot"):
        angle_bench.leaderboard(tmp_path, tasks=TASKS, sort="zero-shot")


def test_every_format_has_it(tmp_path: Path) -> None:
    results, _ = trained(tmp_path, 40)
    public(results, DECLARES)
    found = board(results)
    seen = told(found)["ft"]["seen"]
    frame = found.to_dataframe().set_index("label")
    assert frame.loc["e5-mistral-7b-instruct", "zero_shot"] == 33
    assert frame["zero_shot"].isna().sum() == 2
    assert frame.loc["ft", "seen"] == seen
    head, *lines = [line.split(",") for line in found.to_csv().splitlines()]
    rows = {line[0]: dict(zip(head, line, strict=False)) for line in lines}
    assert rows["e5-mistral-7b-instruct"]["zero_shot"] == "33"
    assert (rows["ft"]["zero_shot"], float(rows["ft"]["seen"])) == ("", seen)
    latex, rst, typst = found.to_latex(), found.to_rst(), found.to_typst()
    assert r"33 \%" in latex
    for text in (latex, rst, typst, found.to_html(), found.to_text()):
        assert "zero-shot" in text
        assert "not declared" in text
        assert "texts seen" in text


def test_it_stands_only_where_it_is_asked_for(tmp_path: Path) -> None:
    public(tmp_path, DECLARES)
    found = angle_bench.leaderboard(tmp_path, tasks=TASKS)
    assert "trained_on" not in found.to_dict()["rows"][0]
    assert "zero" not in found.to_text() + found.to_csv()
    assert "zero_shot" not in found.to_dataframe()


def test_a_published_row_is_known_by_its_name(tmp_path: Path) -> None:
    public(tmp_path, SILENT)
    found = angle_bench.leaderboard(tmp_path, tasks="STS", published=True, zero_shot=True)
    published = [row for row in found.to_dict()["rows"] if row["kind"] == "published"]
    assert published
    assert any(row["trained_on"]["zero_shot"] is not None for row in published)
