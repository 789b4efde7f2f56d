"""Scores as the hub and mteb read them."""

import json
from pathlib import Path
from typing import Any

import mteb
import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from mteb._hf_integration.eval_result_model import HFEvalResults
from mteb.results import TaskResult

from angle_bench.evaluation.hub_results import HubScore, hub_scores, model_index, result_files
from angle_bench.results.find.stored_models import StoredModel, stored_models
from angle_bench.suites.select import select
from tests.result_files import put, put_record

REVISION = {task.name: task.revision for task in select(["STS12,STS17,SICK-R"]).task}


def stored(root: Path, task: str, scores: Any, **data: Any) -> StoredModel:
    folder = root / "org__m" / "0123abcd"
    put(folder, task, scores, revision=REVISION.get(task, "r"))
    put_record(folder, task, {"name": "org/m", "revision": "0123abcd"}, **data)
    (model,) = stored_models(root)
    return model


def found(model: StoredModel, tasks: str) -> tuple[list[HubScore], list[str]]:
    warnings: list[str] = []
    return hub_scores(model, select([tasks]).task, warnings), warnings


def entries(text: str) -> dict[tuple[str, str, str], float]:
    read = HFEvalResults.model_validate(yaml.safe_load(text))  # mteb's own model of such a file
    return {
        (one.dataset.id, one.dataset.task_id, one.dataset.revision or ""): one.value
        for one in read.root
    }


@pytest.mark.parametrize("task", ["STS12", "SICK-R"])
def test_the_file_is_what_mteb_would_push(tmp_path: Path, task: str) -> None:
    model = stored(tmp_path, task, 0.7512345, origin="hub")
    scores, warnings = found(model, task)
    (text,) = result_files(scores).values()
    place = model.folders[0].path / f"{task}.json"
    raw = json.loads(place.read_text())
    raw["scores"]["test"][0] |= {"cosine_spearman": 0.7512345}
    raw |= {"evaluation_time": 1.0, "kg_co2_emissions": None}
    theirs = TaskResult.from_dict(raw)._to_hf_benchmark_result().to_yaml()
    assert entries(text) == entries(theirs)
    assert warnings == []
    assert [*result_files(scores)] == [f".eval_results/{task}.yaml"]


def test_the_hub_s_own_parsers_read_both_forms(tmp_path: Path) -> None:
    scores, _ = found(stored(tmp_path, "STS12", 0.75, origin="hub"), "STS12")
    (text,) = result_files(scores).values()
    parts = parse_eval_result_entries(yaml.safe_load(text))
    assert [(one.task_id, one.value) for one in parts] == [
        ("STS12_default_test", 75.0),
        ("STS12", 75.0),
    ]
    assert parts[0].dataset_id == mteb.get_task("STS12").metadata.dataset["path"]
    head = yaml.safe_dump({"model-index": model_index("m", scores)})
    (result,) = ModelCard(f"---\n{head}---\nwords").data.eval_results
    assert (result.dataset_type, result.metric_type) == ("mteb/sts12-sts", "cosine_spearman")
    assert (result.metric_value, result.dataset_split) == (75.0, "test")
    assert result.dataset_revision == REVISION["STS12"]
    assert "MTEB v2.0.0" in result.source_name


@pytest.mark.parametrize(
    ("task", "data", "said"),
    [
        ("STS12", {"origin": "mirror", "verification": {"verdict": "equal"}}, ""),
        ("STS12", {"origin": "mirror", "verification": {"verdict": "differs"}}, "(differs)"),
        ("STS12", {"origin": "mirror"}, "(no reference)"),
        ("AngleBenchDemo", {"origin": "package"}, "not one of mteb's data sets"),
    ],
)
def test_scores_over_other_data_are_left_out_and_named(
    tmp_path: Path, task: str, data: dict[str, Any], said: str
) -> None:
    model = stored(tmp_path, task, 0.5, **data)
    scores, warnings = found(model, "demo" if task == "AngleBenchDemo" else task)
    assert bool(scores) == (not said)
    assert (said in warnings[0]) if said else warnings == []


def test_a_task_without_a_score_is_named(tmp_path: Path) -> None:
    _, warnings = found(stored(tmp_path, "STS12", 0.5, origin="hub"), "STS12,STS13")
    assert warnings == ["STS13 is not put into the card: it has no stored score"]
