"""Trainings from their start to a candidate, through the real Trainer."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from angle_bench.checkpoints.resolve import resolve
from angle_bench.errors import AngleBenchError, ModelError, UsageError
from angle_bench.results.text_hash import pair_hash, text_hash
from angle_bench.results.training_texts import read_training_texts
from angle_bench.training.recipe.to_toml import recipe_toml
from tests.checkpoints import build_tiny
from tests.training.checkpoint_vectors import assert_equal, ours, theirs
from tests.training.trainings import (
    Seen,
    assert_same_weights,
    dev_mirror,
    recipe_of,
    rows_of,
    trained,
    weights,
)

FORMATS = ("A", "B", "C")


@pytest.mark.parametrize("format", FORMATS)
def test_the_candidate_is_what_others_load(format: str, tmp_path: Path, tiny_bert: Path) -> None:
    done, seen = trained(recipe_of(tmp_path, tiny_bert, format), tmp_path / "out")
    assert (done.finished, done.steps) == (True, 6)
    assert len(seen.losses) == 6
    assert seen.saved_at == ["checkpoint-3", "checkpoint-6"]
    assert not np.allclose(ours(done.folder), ours(tiny_bert))
    assert_equal(ours(done.folder), theirs(done.folder))
    assert_equal(ours(done.folder), ours(done.folder / "checkpoint-6"))
    assert "```toml" in (done.folder / "README.md").read_text()
    assert json.loads((done.folder / "training.json").read_text())["steps"] == 6


def test_the_record_holds_what_was_used(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(tmp_path, tiny_bert, "C", train={"max_steps": 2})
    done, _ = trained(recipe, tmp_path / "out")
    record = read_training_texts(done.folder)
    assert record is not None
    assert len(record.texts) == 2 * 8 * 3
    assert len(record.pairs) == 2 * 8 * 2
    for row in rows_of("C"):
        used = text_hash(row["query"]) in record.texts
        for name in ("positive", "negative"):
            pair = pair_hash(text_hash(row["query"]), text_hash(row[name]))
            assert (pair in record.pairs) is used


def test_a_second_training_inherits_the_record(tmp_path: Path, tiny_bert: Path) -> None:
    first, _ = trained(recipe_of(tmp_path, tiny_bert, "B"), tmp_path / "first")
    second, _ = trained(recipe_of(tmp_path, first.folder, "A"), tmp_path / "second")
    one, both = read_training_texts(first.folder), read_training_texts(second.folder)
    assert one is not None
    assert both is not None
    assert one.texts < both.texts
    assert one.pairs < both.pairs


MORE = {"train": {"save_steps": 2, "keep": 9, "epochs": 3}}


LONG = pytest.mark.long


@pytest.mark.process
@pytest.mark.parametrize(
    "stop_after", [pytest.param(1, marks=LONG), pytest.param(3, marks=LONG), 4]
)
@pytest.mark.parametrize(
    "sections",
    [{}, {"espresso": {"size": 16}}, {"lora": {"r": 4}}],
    ids=["whole", "espresso", "lora"],
)
def test_going_on_is_as_if_nothing_had_been(
    sections: dict[str, Any], stop_after: int, tmp_path: Path, tiny_bert: Path
) -> None:
    recipe = recipe_of(tmp_path, tiny_bert, "A", lists=True, **sections, **MORE)
    whole, _ = trained(recipe, tmp_path / "whole")
    stopped, _ = trained(recipe, tmp_path / "stopped", Seen(stop_after))
    assert (stopped.finished, stopped.steps) == (False, stop_after)
    ended, seen = trained(recipe, tmp_path / "stopped", resume=True)
    assert len(seen.losses) == 9 - stop_after
    assert_same_weights(whole.folder, ended.folder)
    one, other = read_training_texts(whole.folder), read_training_texts(ended.folder)
    assert one == other


def test_a_stream_goes_on_too(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(tmp_path, tiny_bert, "C", lists=True, train={"max_steps": 7})
    data = recipe.data.model_copy(update={"streaming": True})
    recipe = recipe.model_copy(update={"data": data})
    whole, _ = trained(recipe, tmp_path / "whole")
    trained(recipe, tmp_path / "stopped", Seen(4))
    ended, _ = trained(recipe, tmp_path / "stopped", resume=True)
    assert_same_weights(whole.folder, ended.folder)


def test_seeds_and_evaluations(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(tmp_path, tiny_bert, "A", lists=True)
    first, _ = trained(recipe, tmp_path / "first")
    chosen = recipe.model_copy(
        update={"select": recipe.select.model_copy(update={"suite": "STSB-dev", "steps": 1})}
    )
    mirror = dev_mirror(tmp_path / "mirror")
    again, _ = trained(chosen, tmp_path / "again", mirror=mirror)
    other, _ = trained(recipe.with_seed(1), tmp_path / "other")
    # how often a candidate is scored changes no weight
    assert_same_weights(first.folder / "checkpoint-6", again.folder / "checkpoint-6")
    mine, its = weights(first.folder), weights(other.folder)
    assert any(not torch.equal(mine[name], its[name]) for name in mine)


def test_the_best_is_kept_and_patience_ends(tmp_path: Path, tiny_bert: Path) -> None:
    mirror = dev_mirror(tmp_path / "mirror")
    recipe = recipe_of(
        tmp_path,
        tiny_bert,
        "A",
        train={"epochs": 20, "learning_rate": 5e-3},
        select={"suite": "STSB-dev", "steps": 2, "patience": 2},
    )
    done, seen = trained(recipe, tmp_path / "out", mirror=mirror)
    best = max(seen.scores, key=lambda each: each[1])
    assert (done.best_step, done.score) == (best[0], pytest.approx(best[1]))
    assert done.steps == best[0] + 4 < 60
    assert_same_weights(done.folder, done.folder / f"checkpoint-{best[0]}")
    record = read_training_texts(done.folder)
    rows = [json.loads(line) for line in next(mirror.rglob("*.jsonl")).read_text().splitlines()]
    assert record is not None
    for row in rows:  # what it was chosen by is no unseen pair
        assert record.holds(text_hash(row["sentence1"]), text_hash(row["sentence2"]))
    assert resolve(str(done.folder)).selected_on_test == ()


@LONG
@pytest.mark.process
def test_the_score_is_that_of_run(tmp_path: Path, tiny_bert: Path, cli: Any) -> None:
    mirror = dev_mirror(tmp_path / "mirror")
    recipe = recipe_of(tmp_path, tiny_bert, "A", select={"suite": "STSB-dev"})
    done, _ = trained(recipe, tmp_path / "out", mirror=mirror)
    ended = cli("run", "-m", done.folder, "-t", "STSB-dev", "--mirror", mirror, "--json")
    (row,) = json.loads(ended.out)["models"]
    assert row["scores"]["STSBenchmarkDev"] == pytest.approx(100 * done.score, abs=1e-4)


def test_a_decoder_says_how_its_texts_are_put(tmp_path: Path) -> None:
    model = build_tiny(tmp_path / "llama", "llama")
    with pytest.raises(UsageError, match="without recorded") as refused:
        trained(recipe_of(tmp_path, model), tmp_path / "out")
    assert "prompts.text" in refused.value.fix
    prompts = {"text": 'the "{text}" is'}
    done, _ = trained(recipe_of(tmp_path, model, prompts=prompts), tmp_path / "out")
    used = resolve(str(done.folder)).required_settings()
    assert used.prompts.template_for("STS12", "STS", None) == prompts["text"]


def test_choosing_by_a_test_split_is_refused_or_marked(tmp_path: Path, tiny_bert: Path) -> None:
    mirror = dev_mirror(tmp_path / "mirror")
    (mirror / "mteb/stsbenchmark-sts/validation.jsonl").rename(
        mirror / "mteb/stsbenchmark-sts/test.jsonl"
    )
    recipe = recipe_of(tmp_path, tiny_bert, "A", select={"suite": "STSBenchmark"})
    with pytest.raises(UsageError, match="STSBenchmark test") as refused:
        trained(recipe, tmp_path / "out", mirror=mirror)
    assert "--select-on-test" in refused.value.fix
    assert not (tmp_path / "out").exists()
    done, _ = trained(recipe, tmp_path / "out", mirror=mirror, select_on_test=True)
    assert resolve(str(done.folder)).selected_on_test == ("STSBenchmark test",)
    again, _ = trained(recipe_of(tmp_path, done.folder, "B"), tmp_path / "again")
    assert resolve(str(again.folder)).selected_on_test == ("STSBenchmark test",)


def test_a_checkpoint_with_weights_that_are_not_finite_is_not_saved(
    tmp_path: Path, tiny_bert: Path
) -> None:
    rate = {"learning_rate": 1e39, "max_steps": 1, "warmup": 0, "max_grad_norm": 0}
    recipe = recipe_of(tmp_path, tiny_bert, "A", train=rate)
    with pytest.raises(ModelError, match=r"weights are not finite, .* is not saved") as refused:
        trained(recipe, tmp_path / "done")
    assert "train.learning_rate" in refused.value.fix
    assert not [*(tmp_path / "done").rglob("*.safetensors")]


def test_a_loss_that_is_not_finite_names_its_batch(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(
        tmp_path,
        tiny_bert,
        "A",
        train={"learning_rate": 1e30, "save_steps": 1, "warmup": 0, "max_grad_norm": 0},
        data={
            "train": [{"path": str(tmp_path / "rows-A.jsonl")}],
            "shuffle": False,
        },
    )
    with pytest.raises(ModelError, match="step 2 is not finite") as refused:
        trained(recipe, tmp_path / "out")
    assert "rows 8, 9, 10" in refused.value.what
    assert "checkpoint-1 is untouched" in refused.value.what


def test_the_folder_is_its_own(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(tmp_path, tiny_bert)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="something else"):
        trained(recipe, tmp_path / "foreign")
    trained(recipe, tmp_path / "out", Seen(2))
    with pytest.raises(UsageError, match="was not finished") as refused:
        trained(recipe, tmp_path / "out")
    assert "--resume" in refused.value.fix
    other = recipe_of(tmp_path, tiny_bert, loss={"ibn_w": 2.0})
    with pytest.raises(UsageError, match=r"loss.ibn_w is 1.0 there and 2.0 now"):
        trained(other, tmp_path / "out", resume=True)
    done, _ = trained(recipe, tmp_path / "out", resume=True)
    with pytest.raises(UsageError, match="a finished training"):
        trained(recipe, tmp_path / "out")
    again, seen = trained(recipe, tmp_path / "out", resume=True)
    assert (again.steps, again.finished, seen.losses) == (done.steps, True, [])


FULL_DISK = """
import resource, sys
from pathlib import Path
from angle_bench.errors import ResultsError
from angle_bench.training.loop.fine_tune import fine_tune
from angle_bench.training.loop.training_request import TrainingRequest
from angle_bench.training.recipe.read_recipe import read_recipe
from tests.training.trainings import Seen

class Filling(Seen):
    def saved(self, place):
        limit = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

asked = TrainingRequest(Path(sys.argv[2]), device="cpu")
try:
    fine_tune(read_recipe(sys.argv[1]), asked, Filling())
except ResultsError as error:
    print(error.what)
"""


@pytest.mark.process
@pytest.mark.parametrize(
    "limit", [pytest.param(1_000, marks=LONG), pytest.param(60_000, marks=LONG)]
)
def test_no_space_leaves_the_previous_checkpoint(
    limit: int, tmp_path: Path, tiny_bert: Path
) -> None:
    recipe = recipe_of(tmp_path, tiny_bert)
    (tmp_path / "r.toml").write_text(recipe_toml(recipe))
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "r.toml", tmp_path / "out", str(limit)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert "checkpoint-6 cannot be written" in ended.stdout
    assert "checkpoint-3 is untouched" in ended.stdout
    whole, _ = trained(recipe, tmp_path / "whole")
    done, _ = trained(recipe, tmp_path / "out", resume=True)
    assert_same_weights(done.folder, whole.folder)


@pytest.mark.process
@pytest.mark.long
def test_a_killed_training_goes_on(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(
        tmp_path, tiny_bert, "A", lists=True, train={"epochs": 60, "save_steps": 5, "keep": 2}
    )
    (tmp_path / "r.toml").write_text(recipe_toml(recipe))
    words = [sys.executable, "-m", "angle_bench", "train", str(tmp_path / "r.toml"), "-d", "cpu"]
    words += ["-o", str(tmp_path / "killed")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert any("checkpoint-" in line for line in running.stderr)
        running.kill()
    done = subprocess.run([*words, "--resume"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    whole, _ = trained(recipe, tmp_path / "whole")
    assert_same_weights(tmp_path / "killed", whole.folder)


def test_what_trains_is_what_was_asked(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(tmp_path, tiny_bert, model={"trainable": ["layer.1"], "frozen": ["bias"]})
    done, _ = trained(recipe, tmp_path / "out")
    before, after = weights(tiny_bert), weights(done.folder)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("layer.1" in name and "bias" not in name for name in moved)
    with pytest.raises(UsageError, match="no weight has layr in its name"):
        trained(recipe_of(tmp_path, tiny_bert, model={"frozen": ["layr"]}), tmp_path / "other")


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"espresso": {"size": 64}}, "size 64 is larger than the vectors: 32"),
        ({"espresso": {"size": 15}}, "espresso.size is 15"),
        ({"lora": {"r": 4, "targets": ["qurey"]}}, "no such linear layers"),
        ({"train": {"precision": "fp16"}}, "fp16 needs a GPU"),
        ({"model": {"name": "no-such-model"}}, "no-such-model"),
        ({"select": {"suite": "STSB-dve"}}, "Did you mean"),
        ({"teacher": {"model": "no-such-model"}}, "no-such-model"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    sections: dict[str, Any], said: str, tmp_path: Path, tiny_bert: Path
) -> None:
    with pytest.raises(AngleBenchError, match=said):
        trained(recipe_of(tmp_path, tiny_bert, **sections), tmp_path / "out")


def test_half_precision_keeps_whole_weights(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(tmp_path, tiny_bert, train={"precision": "bf16"})
    done, seen = trained(recipe, tmp_path / "out")
    assert all(weight.dtype == torch.float32 for weight in weights(done.folder).values())
    _, whole = trained(recipe_of(tmp_path, tiny_bert), tmp_path / "whole")
    assert seen.losses != whole.losses
    assert seen.losses[:2] == pytest.approx(whole.losses[:2], rel=0.02)


def test_computing_activations_again_changes_nothing(tmp_path: Path) -> None:
    model = build_tiny(tmp_path / "llama", "llama")
    start = {"bidirectional_start": 1, "pooling": "last"}
    plain, _ = trained(recipe_of(tmp_path, model, model=start, prompts={}), tmp_path / "plain")
    again, _ = trained(
        recipe_of(tmp_path, model, model={**start, "gradient_checkpointing": True}, prompts={}),
        tmp_path / "again",
    )
    for name, weight in weights(plain.folder).items():
        torch.testing.assert_close(weights(again.folder)[name], weight, atol=1e-6, rtol=0)


def test_dropout_can_be_set(tmp_path: Path) -> None:
    from angle_bench.checkpoints.folder.read_folder import read_folder
    from angle_bench.checkpoints.loading.backbone import load_base
    from angle_bench.checkpoints.spec import NO_TRUST
    from angle_bench.training.model.trainable import set_dropout

    ids = torch.arange(5, 15).reshape(2, 5)
    for architecture in ("bert", "roberta", "modernbert", "llama", "qwen3"):
        folder = build_tiny(tmp_path / architecture, architecture)
        settings = read_folder(folder).settings.with_changes(pooling="mean")
        model = load_base(folder, NO_TRUST, settings, torch.device("cpu")).train()
        mask = torch.ones_like(ids)

        def vectors(model: Any = model, mask: Any = mask) -> torch.Tensor:
            found: torch.Tensor = model(input_ids=ids, attention_mask=mask).last_hidden_state
            return found

        set_dropout(model, 0.5)
        if architecture in ("bert", "roberta"):
            assert not torch.equal(vectors(), vectors())
        set_dropout(model, 0.0)
        assert torch.equal(vectors(), vectors())
        torch.testing.assert_close(vectors(), vectors(model.eval()))


def test_what_a_killed_training_left_is_no_other_training(tmp_path: Path, tiny_bert: Path) -> None:
    """Killed before its recipe was there, and while the candidate was put in place."""
    asked = recipe_of(tmp_path, tiny_bert)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / ".recipe.toml.c0ffee.tmp").write_text("[mod")
    done, _ = trained(asked, folder)
    assert done.finished
    (folder / ".angle_bench.json.tmp").mkdir()
    assert trained(asked, folder, resume=True)[0].steps == done.steps
    assert not (folder / ".angle_bench.json.tmp").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / ".thesis.tmp").write_text("of somebody else")
    with pytest.raises(UsageError, match="holds something else"):
        trained(asked, other)
    assert (other / ".thesis.tmp").exists()
