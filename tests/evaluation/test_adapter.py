"""`load` and its encoder: roles, dimensions, inputs of every kind, progress, warnings."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

import angle_bench
from angle_bench.encoding.workers.local import LocalWorkers
from angle_bench.errors import ModelError, UsageError
from tests.checkpoints import build_tiny_llama
from tests.encoding.encoders import varied_texts

pytestmark = pytest.mark.process

TEXTS = varied_texts(40)


@pytest.fixture
def encoder(tiny_bert: Path) -> "angle_bench.evaluation.encoders.mteb_encoder.MtebEncoder":  # type: ignore[name-defined]
    made = angle_bench.load(str(tiny_bert), device="cpu:2", pooling="mean", batch_tokens=64)
    yield made
    made.close()


def test_dimensions_are_cut_out_of_whole_vectors(encoder) -> None:
    whole = encoder.encode(TEXTS)
    np.testing.assert_array_equal(encoder.encode(TEXTS, embedding_size=8), whole[:, :8])
    part = encoder.encode(TEXTS, embedding_start=8, embedding_size=16)
    np.testing.assert_array_equal(part, whole[:, 8:24])
    np.testing.assert_array_equal(encoder.encode(TEXTS, embedding_start=30), whole[:, 30:])


def test_what_is_cut_out_is_normalised_again_where_the_model_normalises(minilm: Path) -> None:
    encoder = angle_bench.load("all-MiniLM-L6-v2", device="cpu:1")
    part = encoder.encode(["a cat", "a dog"], embedding_start=10, embedding_size=20)
    encoder.close()
    np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(("start", "size"), [(-1, None), (32, None), (0, 0), (0, -3)])
def test_dimensions_that_are_not_there_are_refused(encoder, start: int, size: int | None) -> None:
    with pytest.raises(UsageError, match="no dimensions"):
        encoder.encode(["a cat"], embedding_start=start, embedding_size=size)


def test_every_kind_of_input_gives_the_same_vectors(encoder) -> None:
    import datasets

    expected = encoder.encode(TEXTS)
    rows = datasets.Dataset.from_dict({"text": TEXTS})
    wide = rows.add_column("label", list(range(len(TEXTS))))
    inputs = [
        tuple(TEXTS),
        (text for text in TEXTS),
        [{"text": TEXTS[:7]}, {"text": TEXTS[7:]}],
        DataLoader(rows, batch_size=7),
        DataLoader(wide, batch_size=7),
    ]
    for given in inputs:
        np.testing.assert_allclose(encoder.encode(given), expected, atol=1e-5, rtol=0)


def test_a_loader_that_shuffles_is_read_as_it_goes(encoder) -> None:
    import datasets
    import torch

    rows = datasets.Dataset.from_dict({"text": TEXTS})

    def shuffled() -> DataLoader:
        order = torch.Generator().manual_seed(3)
        return DataLoader(rows, batch_size=7, shuffle=True, generator=order)

    expected = encoder.encode([text for batch in shuffled() for text in batch["text"]])
    np.testing.assert_allclose(encoder.encode(shuffled()), expected, atol=1e-5, rtol=0)


def test_a_role_chooses_the_prompt(tiny_bert: Path) -> None:
    (tiny_bert / "config_sentence_transformers.json").write_text(
        '{"prompts": {"query": "big "}, "default_prompt_name": null}'
    )
    (tiny_bert / "modules.json").write_text(
        '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},'
        ' {"idx": 1, "name": "1", "path": "1", "type": "sentence_transformers.models.Pooling"}]'
    )
    (tiny_bert / "1").mkdir()
    (tiny_bert / "1/config.json").write_text(
        '{"word_embedding_dimension": 32, "pooling_mode_mean_tokens": true}'
    )
    encoder = angle_bench.load(str(tiny_bert), device="cpu:1")
    asked, written = encoder.encode("cat", role="query"), encoder.encode("big cat")
    plain = encoder.encode("cat", role="document")
    encoder.close()
    np.testing.assert_allclose(asked, written, atol=1e-6)
    assert np.abs(asked - plain).max() > 1e-3


def test_a_bar_counts_every_text(encoder, capfd: pytest.CaptureFixture[str]) -> None:
    encoder.encode(TEXTS)
    assert "text" not in capfd.readouterr().err
    encoder.encode(TEXTS, show_progress_bar=True)
    assert f"{len(TEXTS)}/{len(TEXTS)}" in capfd.readouterr().err


def test_a_worker_that_died_is_a_warning(encoder) -> None:
    expected = encoder.encode(TEXTS)
    workers = encoder.encoder.workers
    assert isinstance(workers, LocalWorkers)
    os.kill(workers.pids[0], signal.SIGKILL)
    with pytest.warns(UserWarning, match="was killed by signal 9"):
        found = encoder.encode(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


@pytest.mark.long
def test_a_closed_encoder_starts_again(encoder) -> None:
    expected = encoder.encode(["a cat"])
    encoder.close()
    np.testing.assert_allclose(encoder.encode(["a cat"]), expected, atol=1e-6)


def test_a_model_of_mteb_is_mtebs_to_load() -> None:
    with pytest.raises(ModelError, match="loaded by mteb"):
        angle_bench.load("intfloat/e5-small")


def test_a_wrong_device_or_address_is_refused_before_anything_is_looked_for() -> None:
    with pytest.raises(UsageError, match="there is no device 'gpu'"):
        angle_bench.load("no such model", device="gpu")
    with pytest.raises(UsageError, match="no address"):
        angle_bench.load("no such model", ray="nowhere")


def test_a_decoder_that_looks_ahead(tmp_path: Path) -> None:
    build_tiny_llama(tmp_path / "llama")
    asked = dict(device="cpu:1", pooling="cls", prompt="none")
    causal = angle_bench.load(str(tmp_path / "llama"), **asked)
    both = angle_bench.load(str(tmp_path / "llama"), bidirectional_start=1, **asked)
    texts = ["the cat sings", "the cat runs and eats bread"]
    first, second = causal.encode(texts), both.encode(texts)
    np.testing.assert_allclose(both.encode(texts[:1]), second[:1], atol=1e-5)  # no pad is seen
    causal.close()
    both.close()
    assert np.abs(first[0] - first[1]).max() < 1e-5  # the first token sees itself alone
    assert np.abs(second[0] - second[1]).max() > 1e-3
    assert both.spec.settings_id is not None
    assert "bidirectional from layer 1" in both.spec.header([])
