"""The same vectors, however they are computed: budgets, workers, the store, layers and sizes.

Texts that went through a model are counted, so that a warm store cannot pass for equality.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import Output
from angle_bench.checkpoints.variants import variants
from angle_bench.encoding.store.interface import Store
from angle_bench.encoding.store.lmdb_store import VectorStore
from angle_bench.encoding.store.memory import MemoryStore
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.encoding.workers.forward import Forward
from angle_bench.encoding.workers.inline import InlineWorker
from angle_bench.evaluation.encoders.load import load_variants, store_identity
from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
from angle_bench.evaluation.run.run_options import Computing
from tests.checkpoints import build_tiny_bert, build_tiny_llama
from tests.encoding.encoders import assert_close, varied_texts

TEXTS = varied_texts(150)
DISTINCT = len(set(TEXTS))


@pytest.fixture(scope="module", params=["bert", "llama padded right", "llama padded left"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model") / "tiny"
    if request.param == "bert":
        build_tiny_bert(made)
    else:
        build_tiny_llama(made, padding_side=request.param.rpartition(" ")[2])
    return made


def loaded(
    folder: Path,
    device: str = "",
    budget: int | None = None,
    store: Store | None = None,
    **typed: bool,
) -> MtebEncoder:
    """An encoder with worker processes, or in this process where no device is named."""
    spec = resolve(str(folder), Overrides(pooling="mean", prompt="none", **typed))
    made = load_variants([spec], Computing(device or "cpu", budget), store)[0]
    return made if device else in_process([made], folder)[0]


def in_process(encoders: list[MtebEncoder], folder: Path) -> list[MtebEncoder]:
    layers = dict.fromkeys(one.spec.required_settings().layer for one in encoders)
    settings = encoders[0].spec.required_settings()

    def start() -> InlineWorker:
        backbone = load_backbone(CheckpointPaths(folder), settings, torch.device("cpu"))
        return InlineWorker(
            Forward(backbone, settings, tuple(Output(n, settings.pooling) for n in layers))
        )

    encoders[0].encoder.start = start
    return encoders


def encoded(encoder: MtebEncoder, texts: Sequence[str] = TEXTS) -> tuple[Vectors, int]:
    """Vectors, and how many texts were forwarded for them."""
    before = encoder.encoder.counts.forwarded
    try:
        vectors = encoder.encode(texts)
    finally:
        encoder.close()
    return vectors, encoder.encoder.counts.forwarded - before


@pytest.fixture(scope="module")
def alone(folder: Path) -> Vectors:
    """Each text alone through the library itself."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    rows = []
    for text in TEXTS:
        inputs = tokenizer([text], truncation=True, max_length=64, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            rows.append(model(**inputs).last_hidden_state[0].mean(0))
    whole: Vectors = torch.stack(rows).numpy()
    return whole


@pytest.mark.parametrize("budget", [1, 100, 1024, 100_000])
def test_the_batch_budget_changes_no_vector(folder: Path, alone: Vectors, budget: int) -> None:
    vectors, forwarded = encoded(loaded(folder, budget=budget))
    assert_close(vectors, alone)
    assert forwarded == DISTINCT


@pytest.mark.process
@pytest.mark.parametrize(
    "device", ["cpu:2", *(pytest.param(each, marks=pytest.mark.long) for each in ("cpu", "cpu:3"))]
)
def test_the_number_of_workers_changes_no_vector(folder: Path, alone: Vectors, device: str) -> None:
    vectors, forwarded = encoded(loaded(folder, device, budget=64))
    assert_close(vectors, alone)
    assert forwarded == DISTINCT


def disk(place: Path) -> VectorStore:
    return VectorStore(place, 1 << 30)


def memory(place: Path) -> MemoryStore:
    return MemoryStore(1 << 30)


@pytest.mark.parametrize("kind", [disk, memory])
def test_a_store_gives_the_same_vectors_cold_half_full_and_warm(
    folder: Path, alone: Vectors, kind: Callable[[Path], Store], tmp_path: Path
) -> None:
    store = kind(tmp_path)
    half = list(dict.fromkeys(TEXTS))[::2]
    _, forwarded = encoded(loaded(folder, store=store), half)
    assert forwarded == len(half)
    vectors, forwarded = encoded(loaded(folder, store=store))
    assert_close(vectors, alone)
    assert forwarded == DISTINCT - len(half)
    encoder = loaded(folder, store=store)
    vectors, forwarded = encoded(encoder)
    assert_close(vectors, alone)
    assert forwarded == 0
    assert encoder.encoder.counts.stored == DISTINCT
    assert encoder.encoder.device is None  # no worker was even started
    store.close()


@pytest.mark.parametrize(
    "other",
    [
        Overrides(pooling="cls"),
        Overrides(pooling="mean", max_length=8),
        Overrides(pooling="mean", dtype="bfloat16"),
        Overrides(pooling="mean", attention="eager"),
        Overrides(pooling="mean", compile=True),
    ],
    ids=lambda other: str(other.given()),
)
def test_other_settings_never_answer(other: Overrides, tmp_path: Path) -> None:
    build_tiny_bert(tmp_path / "tiny")
    store = disk(tmp_path / "store")
    encoded(loaded(tmp_path / "tiny", store=store))
    changed = load_variants([resolve(str(tmp_path / "tiny"), other)], Computing("cpu:1"), store)[0]
    assert not changed.encoder.known()
    found, _ = store.get(changed.encoder.identities[0], _keys(changed), 32)
    assert not found.any()
    store.close()


def _keys(encoder: MtebEncoder) -> list[bytes]:
    return encoder.encoder.identities[0].keys(TEXTS)


def test_other_weights_under_the_same_name_never_answer(tmp_path: Path) -> None:
    store = disk(tmp_path / "store")
    build_tiny_bert(tmp_path / "tiny", seed=1)
    first, _ = encoded(loaded(tmp_path / "tiny", store=store))
    build_tiny_bert(tmp_path / "tiny", seed=2)
    second, forwarded = encoded(loaded(tmp_path / "tiny", store=store))
    assert forwarded == DISTINCT
    assert np.abs(first - second).max() > 0.1
    store.close()


def test_a_prompt_and_its_tail_are_part_of_the_key(tmp_path: Path) -> None:
    build_tiny_bert(tmp_path / "tiny")
    store = disk(tmp_path / "store")
    encoder = loaded(tmp_path / "tiny", store=store).encoder
    for template in ("", "a {text}", "a {text} b", "a {text}."):
        before = encoder.counts.forwarded
        encoder.encode(["cat"], template)
        assert encoder.counts.forwarded == before + 1
    # the same rendered text, cut elsewhere when it is long
    long = "dog " * 100
    first = encoder.encode([long + " b"])
    second = encoder.encode([long], "{text} b")
    assert np.abs(first - second).max() > 1e-3
    encoder.close()
    store.close()


def test_a_new_setting_at_its_default_orphans_no_stored_vector(tmp_path: Path) -> None:
    build_tiny_bert(tmp_path / "tiny")
    spec = resolve(str(tmp_path / "tiny"), Overrides(pooling="mean", prompt="none"))
    output = spec.required_settings().output
    text = store_identity(spec, "0" * 64, output).settings
    assert text == (  # as the first version with checksums wrote it
        '{"attention":"auto","bidirectional_start":null,"compile":false,"dense":[],'
        '"dtype":"float32","layer":null,"lowercase":false,"max_length":64,"merge_adapter":false,'
        '"normalize":false,"pooling":"mean","prepare_sentence":false,'
        '"prompts":{"default":"","role":{},"task":{},"type":{}},"quantization":null,'
        '"similarity":"cosine","size":null,"truncate_dim":null}'
    )
    without = resolve(str(tmp_path / "tiny"), Overrides(pooling="mean", include_prompt=False))
    assert store_identity(without, "0" * 64, output).settings != text


def test_where_an_unpooled_prompt_ends_is_part_of_the_key(tmp_path: Path) -> None:
    build_tiny_bert(tmp_path / "tiny")
    store = disk(tmp_path / "store")
    encoder = loaded(tmp_path / "tiny", store=store, include_prompt=False).encoder
    found = [
        encoder.encode([text], template)[0]
        for text, template in (("a dog cat", ""), ("dog cat", "a {text}"), ("cat", "a dog {text}"))
    ]
    assert encoder.counts.forwarded == 3
    for one, other in combinations(found, 2):
        assert np.abs(one - other).max() > 1e-3
    encoder.close()
    store.close()


@pytest.mark.parametrize("kept", [True, False], ids=["stored", "not stored"])
def test_layers_and_sizes_of_one_pass_are_those_of_a_pass_each(
    folder: Path, kept: bool, tmp_path: Path
) -> None:
    store = disk(tmp_path / "store") if kept else None
    spec = resolve(str(folder), Overrides(pooling="mean", prompt="none"))
    grid = variants(spec, [0, 2], [8, 32])
    together = in_process(load_variants(grid, Computing(batch_tokens=64), store), folder)
    vectors = [encoder.encode(TEXTS) for encoder in together]
    together[0].close()
    assert together[0].encoder.counts.forwarded == (DISTINCT if kept else len(grid) * DISTINCT)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    for variant, found in zip(grid, vectors, strict=True):
        settings = variant.required_settings()
        layer = spec.shape.layers if settings.layer is None and spec.shape else settings.layer
        for at in (0, 40, 80):
            inputs = tokenizer([TEXTS[at]], truncation=True, max_length=64, return_tensors="pt")
            inputs.pop("token_type_ids", None)
            with torch.inference_mode():
                states = model(**inputs, output_hidden_states=True).hidden_states
            expected = states[layer][0].mean(0)[: settings.size].numpy()
            np.testing.assert_allclose(found[at], expected, atol=1e-5, rtol=0)
    if store is not None:
        store.close()


@pytest.mark.process
@pytest.mark.long
def test_a_real_model_over_budgets_workers_and_the_store(minilm: Path, tmp_path: Path) -> None:
    texts = varied_texts(60, seed=3)
    spec = resolve("all-MiniLM-L6-v2")
    store = disk(tmp_path / "store")
    tried = [
        in_process([load_variants([spec], Computing("cpu", 1), None)[0]], minilm)[0],
        in_process([load_variants([spec], Computing("cpu", 4096), None)[0]], minilm)[0],
        load_variants([spec], Computing("cpu:2", 256), store)[0],
        load_variants([spec], Computing("cpu:2", 256), store)[0],
    ]
    first, *others = (encoded(encoder, texts) for encoder in tried)
    for vectors, _ in others:
        assert_close(vectors, first[0])
    distinct = len(set(texts))
    assert [first[1], *(forwarded for _, forwarded in others)] == [distinct] * 3 + [0]
    store.close()
