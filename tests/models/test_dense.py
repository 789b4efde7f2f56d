"""sentence-transformers folders with Dense modules, against that library itself."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import angle_bench
from angle_bench.checkpoints.folder.read_folder import read_folder
from angle_bench.errors import ModelError
from tests.checkpoints import add_sentence_transformers_files
from tests.encoding.encoders import varied_texts


def with_dense(folder: Path, *widths: int, activation: str = "Tanh") -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    torch.manual_seed(0)
    transformer = Transformer(str(folder), max_seq_length=32)
    modules: list[torch.nn.Module] = [transformer, Pooling(32, pooling_mode="mean")]
    before = 32
    for width in widths:
        modules.append(Dense(before, width, activation_function=getattr(torch.nn, activation)()))
        before = width
    modules.append(Normalize())
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))


@pytest.mark.process
@pytest.mark.parametrize(
    ("widths", "activation"), [((16,), "Tanh"), ((48, 8), "Identity"), ((24,), "GELU")]
)
def test_equal_to_sentence_transformers(
    tiny_bert: Path, widths: tuple[int, ...], activation: str
) -> None:
    from sentence_transformers import SentenceTransformer

    with_dense(tiny_bert, *widths, activation=activation)
    texts = [text for text in varied_texts(60) if text.strip()]
    expected = SentenceTransformer(str(tiny_bert), device="cpu").encode(texts)
    encoder = angle_bench.load(str(tiny_bert), device="cpu:1")
    found = encoder.encode(texts)
    encoder.close()
    assert encoder.dimension == widths[-1] == found.shape[1]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_dense_modules_are_part_of_the_content(tiny_bert: Path) -> None:
    with_dense(tiny_bert, 16)
    before = angle_bench.load(tiny_bert).spec.revision
    with_dense(tiny_bert, 24)
    assert angle_bench.load(str(tiny_bert)).spec.revision != before


def test_a_dense_module_of_another_kind_is_left_to_its_library(tiny_bert: Path) -> None:
    with_dense(tiny_bert, 16)
    place = tiny_bert / "2_Dense/config.json"
    config = json.loads(place.read_text())
    place.write_text(json.dumps({**config, "activation_function": "torch.nn.Hardtanh"}))
    assert read_folder(tiny_bert).loader == "sentence-transformers"


@pytest.mark.process
def test_a_cut_off_dense_module_is_named(tiny_bert: Path) -> None:
    with_dense(tiny_bert, 16)
    place = tiny_bert / "2_Dense/model.safetensors"
    place.write_bytes(place.read_bytes()[:40])
    encoder = angle_bench.load(str(tiny_bert), device="cpu:1")
    with pytest.raises(ModelError, match="2_Dense cannot be loaded"):
        encoder.encode(["a"])


@pytest.mark.process
@pytest.mark.long
def test_minilm_equals_sentence_transformers(minilm: Path, shared: Path) -> None:
    """1,000 sentences of STS."""
    import pyarrow.parquet as pq
    from sentence_transformers import SentenceTransformer

    rows = pq.read_table(next((shared / "data/mteb/stsbenchmark-sts").glob("test.*")))
    texts = list(dict.fromkeys(rows["sentence1"].to_pylist()))[:1000]
    assert len(texts) == 1000
    expected = SentenceTransformer(str(minilm), device="cpu").encode(texts)
    encoder = angle_bench.load(str(minilm))
    found = encoder.encode(texts)
    encoder.close()
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_plain_files_stay_readable(tiny_bert: Path) -> None:
    add_sentence_transformers_files(tiny_bert)
    assert read_folder(tiny_bert).settings.dense == ()
