"""Checkpoints in other forms, loaded again by the libraries that they are for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.errors import UsageError
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import FILE_NAME as TRAINING_TEXTS
from angle_bench.training.checkpoint.candidate import save_checkpoint
from angle_bench.training.checkpoint.export import Form, export, push
from tests.checkpoints import build_lora, build_tiny
from tests.training.checkpoint_vectors import TEXTS, assert_equal, ours, theirs
from tests.training.test_folder import candidate


def spec_of(folder: Path, **typed: Any) -> ModelSpec:
    return resolve(str(folder), Overrides(**typed))


def saved(tmp_path: Path, *, lora: bool = True, **settings: Any) -> Path:
    """A trained LLaMA, or an adapter of one."""
    base = build_tiny(tmp_path / "base", "llama", head=True)
    used = Settings(**{"pooling": "last", "max_length": 24, **settings})
    start = build_lora(tmp_path / "lora", base) if lora else base
    save_checkpoint(tmp_path / "trained", candidate(start, used, base if lora else None))
    return tmp_path / "trained"


@pytest.mark.parametrize("architecture", ["bert", pytest.param("llama", marks=pytest.mark.long)])
@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "last", "cls_avg", "cls_max"])
def test_for_sentence_transformers(tmp_path: Path, architecture: str, pooling: str) -> None:
    """A plain folder, whose pooling is typed."""
    folder = build_tiny(tmp_path / "plain", architecture)
    spec = spec_of(folder, pooling=pooling, max_length=24, prompt="say: {text}")
    made = export(spec, "sentence-transformers", tmp_path / "st")
    prompted = theirs(made)
    assert_equal(ours(made), prompted)
    # by hand: its own poolings on what transformers gives for the prompted text
    bare = theirs(made, [f"say: {text}" for text in TEXTS], prompt="")
    assert_equal(prompted, bare)
    other = spec_of(folder, pooling=pooling, max_length=24, prompt="none")
    plain = export(other, "sentence-transformers", tmp_path / "plain-st")
    # what a decoder's first token sees is the same whatever follows
    first = (architecture, pooling) == ("llama", "cls")
    assert (np.abs(theirs(plain) - prompted).max() > 1e-3) != first


@pytest.mark.parametrize("form", ["sentence-transformers", "merged", "adapter"])
@pytest.mark.parametrize("pooling", ["last", "cls_avg"])
def test_an_adapter_in_every_form(tmp_path: Path, form: Form, pooling: str) -> None:
    trained = saved(tmp_path, pooling=pooling, normalize=True)
    made = export(spec_of(trained), form, tmp_path / "made")
    assert_equal(ours(made), ours(trained))
    assert_equal(theirs(made), ours(trained))
    whole = form != "adapter"
    assert (made / "adapter_config.json").exists() != whole
    assert len(list(made.glob("model*.safetensors"))) == whole
    assert resolve(str(made)).settings == resolve(str(trained)).settings


def test_merged_keeps_what_only_our_file_holds(tmp_path: Path) -> None:
    trained = saved(
        tmp_path,
        prompts=PromptPolicy(default='Say "{text}" in one word:"'),
        bidirectional_start=1,
    )
    made = export(spec_of(trained), "merged", tmp_path / "made")
    assert_equal(ours(made), ours(trained))
    assert not (made / "modules.json").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bidirectional_start": 0}, "BiLLM"),
        ({"pooling": 3}, "the pooling 3"),
        ({"pooling": "cls_avg_v0"}, "cls_avg_v0"),
        ({"prompts": PromptPolicy(default='"{text}":"')}, "a prompt with a tail"),
        ({"prompts": PromptPolicy(task={"ArguAna": "q: {text}"})}, "prompts by task"),
        ({"prepare_sentence": True}, "prepare_sentence"),
    ],
)
def test_what_the_format_lacks_is_refused_by_name(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    trained = saved(tmp_path, lora=False, **settings)
    with pytest.raises(UsageError, match=said) as caught:
        export(spec_of(trained), "sentence-transformers", tmp_path / "made")
    assert "--to merged" in caught.value.fix
    assert not (tmp_path / "made").exists()


def test_a_quantised_base_is_not_merged(tmp_path: Path) -> None:
    trained = saved(tmp_path, quantization=None)
    spec = spec_of(trained, quantization="4bit")
    for form in ("sentence-transformers", "merged"):
        with pytest.raises(UsageError, match="4bit") as caught:
            export(spec, form, tmp_path / "made")
        assert "--to adapter" in caught.value.fix


def test_a_whole_model_is_no_adapter(tmp_path: Path, tiny_bert: Path) -> None:
    with pytest.raises(UsageError, match="whole model"):
        export(spec_of(tiny_bert), "adapter", tmp_path / "made")


def test_shards_are_put_together(tmp_path: Path) -> None:
    from transformers import AutoModel

    folder = build_tiny(tmp_path / "plain", "llama")
    model = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    spec = spec_of(folder, pooling="last", prompt="none")
    made = export(spec, "sentence-transformers", tmp_path / "made")
    assert [place.name for place in made.glob("*.safetensors")] == ["model.safetensors"]
    assert load_file(made / "model.safetensors").keys() == model.state_dict().keys()


def test_nothing_of_others_is_written_over(tmp_path: Path) -> None:
    trained = saved(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    for place in (tmp_path / "mine", trained, trained / "st", tmp_path, tmp_path / "base/x"):
        with pytest.raises(UsageError):
            export(spec_of(trained), "merged", place)
    save_checkpoint(
        tmp_path / "other",
        candidate(tmp_path / "lora", Settings(pooling="cls", max_length=9), tmp_path / "base"),
    )
    with pytest.raises(UsageError, match="something else"):  # a trained checkpoint, too
        export(spec_of(trained), "merged", tmp_path / "other")
    assert (tmp_path / "mine/notes.txt").read_text() == "mine"
    export(spec_of(trained), "merged", tmp_path / "made")
    export(spec_of(trained), "sentence-transformers", tmp_path / "made")  # its own


def test_record_card_and_mark_come_along(tmp_path: Path) -> None:
    base = build_tiny(tmp_path / "base", "bert")
    settings = Settings(pooling="cls_avg", max_length=24)
    made = candidate(base, settings, selected_on_test=("STSBenchmark test",))
    record = TrainingRecord()
    record.pair("a", "b")
    card = "---\nlibrary_name: peft\n---\n# Mine\n\nTrained with care.\n"
    beside = {
        "README.md": lambda place: place.write_text(card),
        TRAINING_TEXTS: record.write,
    }
    save_checkpoint(tmp_path / "trained", made, beside)
    out = export(spec_of(tmp_path / "trained"), "sentence-transformers", tmp_path / "out")
    text = (out / "README.md").read_text()
    assert "Trained with care." in text
    assert 'library_name: "sentence-transformers"' in text
    assert "peft" not in text
    first, second = (tmp_path / "trained" / TRAINING_TEXTS, out / TRAINING_TEXTS)
    assert first.read_bytes() == second.read_bytes()
    assert spec_of(out).selected_on_test == ("STSBenchmark test",)


def test_an_adapter_of_a_local_base_is_not_pushed(tmp_path: Path) -> None:
    trained = saved(tmp_path)
    made = export(spec_of(trained), "adapter", tmp_path / "made")
    with pytest.raises(UsageError, match="only this machine"):
        push(made, "org/name")
    place = made / "adapter_config.json"
    config = json.loads(place.read_text()) | {"base_model_name_or_path": "org/base"}
    place.write_text(json.dumps(config))
    with pytest.raises(Exception, match="offline"):
        push(made, "org/name")
