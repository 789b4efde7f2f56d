"""A candidate saved, and loaded by each of the libraries that should."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.angle_bench_json import FILE_NAME
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.loading.pooling import pool
from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import POOLINGS, Settings
from angle_bench.checkpoints.templates import render
from angle_bench.errors import ModelError, UsageError
from angle_bench.training.checkpoint.candidate import TrainedCheckpoint, save_checkpoint
from angle_bench.training.checkpoint.st_files import inexpressible
from tests.checkpoints import build_lora, build_tiny
from tests.training.checkpoint_vectors import TEXTS, Found, assert_equal, ours, theirs

CPU = torch.device("cpu")


def candidate(
    folder: Path, settings: Settings, base: Path | None = None, **more: Any
) -> TrainedCheckpoint:
    """A model as training would hold it: loaded with its settings, an adapter by peft's hand."""
    bare = settings.model_copy(update={"dense": ()})
    if base is None:
        loaded = load_backbone(CheckpointPaths(folder), bare, CPU)
        return TrainedCheckpoint(loaded.model, loaded.tokenizer, settings, **more)
    from peft import PeftModel

    loaded = load_backbone(CheckpointPaths(base), bare, CPU)
    adapted = PeftModel.from_pretrained(loaded.model, str(folder))
    return TrainedCheckpoint(adapted, loaded.tokenizer, settings, str(base), **more)


@torch.inference_mode()
def in_memory(one: TrainedCheckpoint, texts: list[str] = TEXTS) -> Found:
    """The candidate's vectors, each text for itself."""
    found = []
    for text in texts:
        rendered = render(one.settings.prompts.default, text)
        ids = one.tokenizer(
            rendered, return_tensors="pt", truncation=True, max_length=one.settings.max_length
        )
        hidden = one.model(
            input_ids=ids["input_ids"], attention_mask=ids["attention_mask"]
        ).last_hidden_state.float()
        vector = pool(hidden, ids["attention_mask"], one.settings.pooling)
        for module in one.dense:
            vector = module(vector)
        if one.settings.normalize:
            vector = torch.nn.functional.normalize(vector, dim=1)
        found.append(vector[0].numpy())
    return np.stack(found)


@pytest.mark.parametrize("architecture", ["bert", pytest.param("llama", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "pooling", [*(p for p in POOLINGS if p not in ("all", "cls_avg_v0")), 0, 2]
)
def test_every_pooling_comes_back(tmp_path: Path, architecture: str, pooling: Any) -> None:
    build_tiny(tmp_path / "start", architecture, "left" if architecture == "llama" else "right")
    made = candidate(tmp_path / "start", Settings(pooling=pooling, max_length=24))
    save_checkpoint(tmp_path / "saved", made)
    expected = in_memory(made)
    assert_equal(ours(tmp_path / "saved"), expected)
    assert resolve(str(tmp_path / "saved")).note is None
    if pooling != 2:
        assert_equal(theirs(tmp_path / "saved"), expected)


@pytest.mark.parametrize("pooling", ["last", "cls_avg"])
def test_an_adapter_stays_one(tmp_path: Path, pooling: Any) -> None:
    base = build_tiny(tmp_path / "base", "llama", head=True)
    build_lora(tmp_path / "lora", base)
    settings = Settings(
        pooling=pooling, max_length=24, normalize=True, prompts=PromptPolicy(default="say: {text}")
    )
    made = candidate(tmp_path / "lora", settings, base)
    save_checkpoint(tmp_path / "saved", made)
    expected = in_memory(made)
    assert not (tmp_path / "saved/model.safetensors").exists()
    config = json.loads((tmp_path / "saved/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base)
    assert_equal(ours(tmp_path / "saved"), expected)
    assert_equal(theirs(tmp_path / "saved"), expected)


def test_transformers_gives_the_same_token_vectors(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    base = build_tiny(tmp_path / "llama", "llama")
    build_lora(tmp_path / "lora", base)
    settings = Settings(pooling="last", max_length=24)
    for start, on in ((base, None), (tmp_path / "lora", base)):
        made = candidate(start, settings, on)
        saved = tmp_path / f"saved-{start.name}"
        save_checkpoint(saved, made)
        model = AutoModel.from_pretrained(saved).eval()
        loaded = TrainedCheckpoint(model, AutoTokenizer.from_pretrained(saved), settings)
        assert_equal(in_memory(loaded), in_memory(made))


def test_what_only_our_file_can_say_needs_no_typing(tmp_path: Path) -> None:
    base = build_tiny(tmp_path / "base", "llama")
    settings = Settings(
        pooling="last",
        max_length=24,
        prompts=PromptPolicy(default='Say "{text}" in a word:"', type={"Retrieval": "q: {text}"}),
        bidirectional_start=1,
        prepare_sentence=True,
    )
    save_checkpoint(tmp_path / "saved", candidate(base, settings))
    spec = resolve(str(tmp_path / "saved"))
    assert (spec.settings, spec.defaults, spec.settings_id) == (settings, settings, None)
    assert len(inexpressible(settings)) == 4
    # sentence-transformers would give other vectors, so it finds nothing of its own
    assert not (tmp_path / "saved/modules.json").exists()
    plain = Settings(pooling="last", max_length=24)
    save_checkpoint(tmp_path / "plain", candidate(base, plain))
    assert np.abs(ours(tmp_path / "saved") - ours(tmp_path / "plain")).max() > 1e-3


def test_prompts_of_roles_are_prefixes_there(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = PromptPolicy(default="text: {text}", role={"query": "ask: {text}"})
    build_tiny(tmp_path / "bert", "bert")
    settings = Settings(pooling="mean", max_length=32, prompts=prompts)
    save_checkpoint(tmp_path / "saved", candidate(tmp_path / "bert", settings))
    model = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    assert_equal(model.encode(TEXTS), ours(tmp_path / "saved"))
    assert_equal(model.encode_document(TEXTS), ours(tmp_path / "saved"))
    plain = Settings(pooling="mean", max_length=32)
    save_checkpoint(tmp_path / "plain", candidate(tmp_path / "bert", plain))
    asked = ours(tmp_path / "plain", [f"ask: {text}" for text in TEXTS])
    assert_equal(model.encode_query(TEXTS), asked)


@pytest.mark.parametrize("pooling", ["mean", "cls_max"])
def test_dense_modules_are_saved(tmp_path: Path, pooling: Any) -> None:
    from torch import nn

    build_tiny(tmp_path / "bert", "bert")
    torch.manual_seed(3)
    dense = (
        nn.Sequential(nn.Linear(32, 12), nn.Tanh()),
        nn.Sequential(nn.Linear(12, 8), nn.GELU()),
    )
    settings = Settings(
        pooling=pooling, max_length=24, normalize=True, dense=("2_Dense", "3_Dense")
    )
    made = candidate(tmp_path / "bert", settings, dense=dense)
    save_checkpoint(tmp_path / "saved", made)
    assert resolve(str(tmp_path / "saved")).shape is not None
    for found in (ours(tmp_path / "saved"), theirs(tmp_path / "saved")):
        assert found.shape[1] == 8
        assert_equal(found, in_memory(made))


def test_weights_keep_their_dtype_and_are_computed_with_the_settings(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    build_tiny(tmp_path / "bert", "bert")
    made = candidate(tmp_path / "bert", Settings(pooling="mean", max_length=24))
    made.model.to(torch.bfloat16)
    save_checkpoint(tmp_path / "saved", made)
    kept = load_file(tmp_path / "saved/model.safetensors")
    assert {weight.dtype for weight in kept.values()} == {torch.bfloat16}
    assert_equal(theirs(tmp_path / "saved"), ours(tmp_path / "saved"))


def test_other_settings_are_another_identity(tmp_path: Path) -> None:
    build_tiny(tmp_path / "bert", "bert")
    revisions = []
    for name, settings, chosen in (
        ("a", Settings(pooling="cls_avg", max_length=24), ()),
        ("b", Settings(pooling="cls_avg", max_length=25), ()),
        ("c", Settings(pooling="cls_avg", max_length=24), ("STSBenchmark test",)),
    ):
        made = candidate(tmp_path / "bert", settings, selected_on_test=chosen)
        save_checkpoint(tmp_path / name, made)
        revisions.append(resolve(str(tmp_path / name)).revision)
    assert len(set(revisions)) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ('{"made_by": "train", "settings": {"pooling": "men", "max_length": 9}}', "pooling"),
        ('{"format": 2, "made_by": "train"}', "format"),
        (
            '{"made_by": "train", "settings": {"pooling": "cls", "max_length": 9, "size": 4}}',
            "size",
        ),
    ],
)
def test_a_broken_file_of_ours_is_named(tiny_bert: Path, text: str, said: str) -> None:
    (tiny_bert / FILE_NAME).write_text(text)
    with pytest.raises(ModelError, match=said) as caught:
        resolve(str(tiny_bert))
    assert FILE_NAME in caught.value.what


def test_only_its_own_folder_is_written_over(tmp_path: Path, tiny_bert: Path) -> None:
    made = candidate(tiny_bert, Settings(pooling="cls", max_length=24))
    with pytest.raises(UsageError, match="something else"):
        save_checkpoint(tiny_bert, made)
    (tmp_path / "empty").mkdir()
    save_checkpoint(tmp_path / "empty", made)
    again = TrainedCheckpoint(made.model, made.tokenizer, Settings(pooling="mean", max_length=24))
    save_checkpoint(tmp_path / "empty", again)
    found = resolve(str(tmp_path / "empty")).settings
    assert found == again.settings
    with pytest.raises(UsageError, match="something else"):
        save_checkpoint(tmp_path / "empty", made, made_by="export")
    assert [place.name for place in tmp_path.iterdir() if place.name.startswith(".")] == []


# a file size limit makes the kernel refuse writes in the middle of a file, as a full disk does
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import torch
from angle_bench.errors import ResultsError
from angle_bench.checkpoints.spec import Settings
from angle_bench.training.checkpoint.candidate import save_checkpoint
from tests.training.test_folder import candidate

made = candidate(Path(sys.argv[1]), Settings(pooling="mean", max_length=20))
made.tokenizer.add_tokens([f"new{n}" for n in range(5_000)])  # its file is the largest
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    save_checkpoint(Path(sys.argv[2]), made)
except ResultsError as error:
    print(error.what)
"""


LONG = pytest.mark.long


@pytest.mark.process
@pytest.mark.parametrize(
    "limit",
    [100, *(pytest.param(size, marks=LONG) for size in (5_000, 20_000, 200_000))],
)
def test_no_space_leaves_the_previous_checkpoint(
    tmp_path: Path, tiny_bert: Path, limit: int
) -> None:
    save_checkpoint(
        tmp_path / "saved", candidate(tiny_bert, Settings(pooling="cls", max_length=24))
    )
    before = {p: p.read_bytes() for p in (tmp_path / "saved").rglob("*") if p.is_file()}
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tiny_bert, tmp_path / "saved", str(limit)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "saved cannot be written" in done.stdout
    assert "untouched" in done.stdout
    assert {p: p.read_bytes() for p in (tmp_path / "saved").rglob("*") if p.is_file()} == before
    assert sorted(place.name for place in tmp_path.iterdir()) == ["saved", "tiny-bert"]
