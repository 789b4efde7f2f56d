"""What is stored, from Python: scores, predictions, runs."""

import gzip
import json
import warnings
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

import angle_bench as ab
from angle_bench.errors import ResultsError, UsageError
from tests.stored import Pairs, Results

TASKS = ("STS12", "STS13")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.chdir(tmp_path)
    made = Results(tmp_path / "results")
    for seed, name in enumerate(("org/base", "org/tuned")):
        for task in TASKS:
            pairs = Pairs(task)
            made.put(name, task, pairs.part(pairs.scores(0.2, seed)), revision="abc")
    return made


def test_scores_are_tidy_and_in_points(results: Results) -> None:
    frame = ab.scores("results")
    assert frame.attrs["unit"] == "points"
    assert list(frame["label"].unique()) == ["base", "tuned"]
    main = frame[frame["main"]]
    assert len(main) == 4
    stored = json.loads((results.root / "org__base/abc/STS12.json").read_text())
    expected = 100 * stored["scores"]["test"][0]["main_score"]
    (found,) = main.query("label == 'base' and task == 'STS12'")["score"]
    assert found == pytest.approx(expected, abs=1e-12)
    assert set(main["metric"]) == {"cosine_spearman"}
    assert set(main["type"]) == {"STS"}
    assert all(main["signature"].str.startswith("model:org/"))


def test_scores_of_some_models_and_tasks(results: Results) -> None:
    frame = ab.scores("results", tasks="STS13", models="tuned")
    assert set(zip(frame["label"], frame["task"], strict=True)) == {("tuned", "STS13")}
    with pytest.raises(UsageError, match="Did you mean"):
        ab.scores("results", models="tund")


def test_a_file_that_cannot_be_read_is_warned_of(results: Results) -> None:
    (results.root / "org__base/abc/STS12.json").write_text("{", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"STS12.json cannot be read"):
        frame = ab.scores("results")
    assert len(frame[frame["main"]]) == 3


def test_every_metric_of_the_results_repository(shared: Path) -> None:
    """A second reading, file by file; where a subset stands twice, both rows are there."""
    root = shared / "results_repo" / "results"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = ab.scores(root)
    expected: Counter[str] = Counter()
    for place in [*root.rglob("*.json"), *root.rglob("*.json.gz")]:
        data = gzip.decompress(place.read_bytes()) if place.suffix == ".gz" else place.read_bytes()
        raw = json.loads(data)
        for split, rows in raw.get("scores", {}).items() if "task_name" in raw else ():
            for row in rows:
                where = (raw["task_name"], split, row["hf_subset"], place.parent.name)
                if row["main_score"] is not None:
                    expected[f"{where} {100 * row['main_score']:.8f}"] += 1
    main = frame[frame["main"]]
    columns = (main[name] for name in ("task", "split", "subset", "revision", "score"))
    found = Counter(f"{tuple(where)} {score:.8f}" for *where, score in zip(*columns, strict=True))
    assert expected.total() > 1000
    assert not expected - found
    more = {key.partition(",")[0].strip("('") for key in found - expected}
    assert more  # files from before mteb 1.11 have no such rows
    old = {json.loads(p.read_bytes()).get("mteb_dataset_name") for p in root.rglob("*.json")}
    assert more <= old


def test_predictions_are_pairs_with_texts(results: Results) -> None:
    frame = ab.predictions("tuned", "STS12")
    assert {"text1", "text2", "gold", "score"} <= set(frame.columns)
    rho = frame["gold"].corr(frame["score"], method="spearman")
    (main,) = ab.scores("results", tasks="STS12", models="tuned").query("main")["score"]
    assert 100 * rho == pytest.approx(main, abs=1e-6)


def test_predictions_that_are_not_there(results: Results) -> None:
    with pytest.raises(ResultsError) as error:
        ab.predictions("base", "STS14")
    assert 'tasks="STS14"' in error.value.fix_python
    assert "pass: " in str(error.value)


def test_runs_are_what_was_run(results: Results) -> None:
    assert ab.runs("results").empty
    runs = results.root / ".runs"
    runs.mkdir()
    said = {
        "command": ["angle-bench", "run", "-m", "a b"],
        "asked": {"models": ["a b"], "checkpoints": [], "suite": "STS/1"},
        "outcome": {"a b": {"scored": ["STS12"], "kept": [], "failed": {"STS13": "why"}}},
        "exit_code": 1,
        "started": "2026-11-02T10:00:00+00:00",
        "ended": "2026-11-02T10:05:00+00:00",
    }
    (runs / "2.json").write_text(json.dumps(said), encoding="utf-8")
    earlier = said | {"started": "2026-11-01T10:00:00+00:00", "exit_code": None}
    (runs / "3.json").write_text(json.dumps(earlier), encoding="utf-8")
    (runs / "4.json").write_text("{}", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"4.json is no record of a run"):
        frame = ab.runs("results")
    assert list(frame["exit_code"].isna()) == [True, False]
    last = frame.iloc[-1]
    assert last["command"] == "angle-bench run -m 'a b'"
    assert (last["scored"], last["failed"], last["exit_code"]) == (1, 1, 1)
    assert last["ended"] - last["started"] == pd.Timedelta(minutes=5)
