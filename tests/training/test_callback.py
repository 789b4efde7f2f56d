"""`EvaluateCallback` in the real trainers of sentence-transformers and transformers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from angle_bench import EvaluateCallback
from angle_bench.checkpoints.resolve import resolve
from angle_bench.errors import AngleBenchError, UsageError
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.outcome import ModelOutcome
from angle_bench.evaluation.run.run_options import Computing, Options
from angle_bench.evaluation.run.runner import run
from angle_bench.results.result_file import read_result
from angle_bench.suites.select import find_all, joined
from angle_bench.training.callback import _Warnings
from tests.checkpoints import (
    add_sentence_transformers_files,
    build_tiny,
    build_tiny_bert,
    sts_rows,
    write_rows,
)
from tests.training.trainings import rows_of

pytestmark = pytest.mark.process


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(60, seed=1))
    return tmp_path / "mirror"


def st_checkpoint(tmp_path: Path) -> None:
    if not (tmp_path / "st").exists():
        build_tiny_bert(tmp_path / "st")
        add_sentence_transformers_files(tmp_path / "st")


def st_trainer(tmp_path: Path, out: str, callback: Any = None, **more: Any) -> Any:
    """Two steps of a tiny checkpoint, unless more are asked for."""
    st_checkpoint(tmp_path)
    model = SentenceTransformer(str(tmp_path / "st"), device="cpu")
    rows = rows_of("B", 16)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path / out),
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        **{"save_strategy": "no", "max_steps": 2, **more},
    )
    return SentenceTransformerTrainer(
        model,
        arguments,
        train_dataset=Dataset.from_list(rows),
        loss=MultipleNegativesRankingLoss(model),
        callbacks=[] if callback is None else [callback],
    )


def logged(trainer: Any, name: str = "eval_STS12") -> dict[int, float]:
    return {each["step"]: each[name] for each in trainer.state.log_history if name in each}


@pytest.mark.long
def test_scores_are_those_of_the_saved_steps(tmp_path: Path, mirror: Path) -> None:
    """And of what training starts from; the same content is not computed again."""
    callback = EvaluateCallback("STS12", every=2, mirror=mirror, results=tmp_path / "results")
    trainer = st_trainer(tmp_path, "out", callback, save_strategy="steps", save_steps=2)
    trainer.train()
    found = logged(trainer)
    assert list(found) == [0, 2]
    suite = joined(find_all(["STS12"]))
    for step, score in list(found.items())[1:]:
        spec = resolve(str(tmp_path / f"out/checkpoint-{step}"))
        # the same content: what was stored of the live model answers for the saved step
        outcome = ModelOutcome.of(spec, tmp_path / "results")
        stored = read_result(outcome.folder.result("STS12"))
        assert stored is not None
        assert stored.main_score(suite.task[0]) == score
        options = Options(tmp_path / "results", mirror, Computing("cpu:1"))
        run([Job([outcome], suite)], options, _Warnings())
        assert (outcome.kept, outcome.scored) == (["STS12"], [])
        # and is what a run of its own computes
        fresh = ModelOutcome.of(spec, tmp_path / "fresh")
        run(
            [Job([fresh], suite)],
            Options(tmp_path / "fresh", mirror, Computing("cpu:1")),
            _Warnings(),
        )
        again = read_result(fresh.folder.result("STS12"))
        assert again is not None
        assert again.main_score(suite.task[0]) == pytest.approx(score, abs=1e-6)
    assert found[2] != found[0]


@pytest.mark.long
def test_training_is_as_without_it(tmp_path: Path, mirror: Path) -> None:
    callback = EvaluateCallback("STS12", every=3, mirror=mirror, results=tmp_path / "results")
    with_it = st_trainer(tmp_path, "a", callback, max_steps=4)
    with_it.train()
    without = st_trainer(tmp_path, "b", max_steps=4)
    without.train()
    mine, its = with_it.model.state_dict(), without.model.state_dict()
    assert all(torch.equal(mine[name], its[name]) for name in its)
    assert list(logged(with_it)) == [0, 3, 4]  # and the last step


class Heard(TrainerCallback):
    """What a report would get."""

    def __init__(self) -> None:
        self.logs: list[dict[str, float]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.logs.append(dict(logs))


@pytest.mark.long
def test_the_trainers_reports_are_told(tmp_path: Path, mirror: Path) -> None:
    trainer, heard = st_trainer(tmp_path, "out"), Heard()
    trainer.add_callback(heard)
    callback = EvaluateCallback("STS12", every=2, mirror=mirror, results=tmp_path / "results")
    trainer.add_callback(callback.logging_to(trainer))
    trainer.train()
    said = [logs["eval_STS12"] for logs in heard.logs if "eval_STS12" in logs]
    assert list(logged(trainer).items()) == [(0, said[0]), (2, said[1])]


def mlm_checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "mlm"
    return folder if folder.exists() else build_tiny(folder, "bert", head=True)


def mlm_trainer(tmp_path: Path, callback: Any) -> Trainer:
    folder = mlm_checkpoint(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("a man plays the guitar .")["input_ids"]
    rows = [{"input_ids": ids, "attention_mask": [1] * len(ids), "labels": ids}] * 8
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "out"),
        max_steps=2,
        per_device_train_batch_size=4,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    model = AutoModelForMaskedLM.from_pretrained(folder)
    return Trainer(
        model,
        arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[] if callback is None else [callback],
    )


@pytest.mark.long
def test_in_transformers_own_trainer(tmp_path: Path, mirror: Path) -> None:
    more = {"mirror": mirror, "results": tmp_path / "results"}
    trainer = mlm_trainer(tmp_path, EvaluateCallback("STS12", 2, pooling="mean", **more))
    trainer.train()
    score = logged(trainer)[2]
    trainer.model.save_pretrained(tmp_path / "after")
    trainer.processing_class.save_pretrained(tmp_path / "after")
    from angle_bench.checkpoints.overrides import Overrides

    spec = resolve(str(tmp_path / "after"), Overrides(pooling="mean"))
    outcome = ModelOutcome.of(spec, tmp_path / "fresh")
    suite = joined(find_all(["STS12"]))
    run(
        [Job([outcome], suite)],
        Options(tmp_path / "fresh", mirror, Computing("cpu:1")),
        _Warnings(),
    )
    again = read_result(outcome.folder.result("STS12"))
    assert again is not None
    assert again.main_score(suite.task[0]) == pytest.approx(score, abs=1e-6)


@pytest.mark.long
def test_what_is_missing_is_said_before_the_first_step(tmp_path: Path, mirror: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for callback, said in (
        (EvaluateCallback("STS12", pooling="mean", mirror=empty), "STS12: "),
        (EvaluateCallback("STS12", pooling="mean", max_length=999, mirror=mirror), "positions for"),
        (EvaluateCallback("STS12", pooling="avrage", mirror=mirror), "avrage"),
    ):
        trainer = mlm_trainer(tmp_path, callback)
        with pytest.raises(AngleBenchError, match=said):
            trainer.train()
        assert trainer.state.global_step == 0


def test_what_cannot_be_meant(tmp_path: Path, mirror: Path) -> None:
    for words, said in (
        ({"tasks": "STS12", "poling": "mean"}, "Did you mean pooling"),
        ({"tasks": "STS12", "every": 0}, "every is 0"),
        ({"tasks": "STS1212"}, "STS12"),
        ({"tasks": "STS12", "device": "gpu"}, "no device"),
    ):
        with pytest.raises(UsageError, match=said):
            EvaluateCallback(**words)


@pytest.mark.long
def test_divided_weights_are_refused(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = mlm_trainer(tmp_path, EvaluateCallback("STS12", pooling="mean", mirror=mirror))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")  # what accelerate's launcher sets
    with pytest.raises(UsageError, match="divided over processes"):
        trainer.train()
    assert trainer.state.global_step == 0
