"""Decoders that come with their own code: made bidirectional against brute force, or refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoTokenizer

import angle_bench
from angle_bench.checkpoints.loading.bidirectional import make_bidirectional
from angle_bench.checkpoints.loading.own_mask import looking_ahead
from angle_bench.errors import ModelError
from tests import decoder_code
from tests.checkpoints import build_tokenizer
from tests.conftest import Cli
from tests.decoder_code import SmallElmConfig, SmallElmForCausalLM, SmallElmModel

Floats = NDArray[np.float64]

IDS = [5, 17, 3, 99, 42, 8, 61]


def whole_model(**keys: Any) -> Any:
    torch.manual_seed(0)
    model = SmallElmForCausalLM(SmallElmConfig(**keys))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.dim() == 1), std=0.3)
    return model.eval()


def decoder(**keys: Any) -> SmallElmModel:
    found: SmallElmModel = whole_model(**keys).transformer
    return found


@torch.inference_mode()
def states(model: Any, ids: torch.Tensor, real: torch.Tensor | None = None) -> torch.Tensor:
    found: torch.Tensor = model(input_ids=ids, attention_mask=real).last_hidden_state
    return found


# brute force, one pair of tokens at a time


def normed(hidden: Floats, weight: Floats) -> Floats:
    return hidden / np.sqrt((hidden**2).mean(axis=1, keepdims=True) + 1e-6) * weight


def turned(vector: Floats, place: int) -> Floats:
    half = len(vector) // 2
    angles = place * 10000.0 ** (-np.arange(half) / half)
    as_complex = (vector[:half] + 1j * vector[half:]) * np.exp(1j * angles)
    return np.concatenate([as_complex.real, as_complex.imag])


def attended(rows: Floats, config: SmallElmConfig, ahead: bool) -> Floats:
    """What each token gets of those that it sees; rows hold queries, keys and values."""
    size, queries, keys = config.head_dim, config.query_heads, config.key_heads
    heads = rows.reshape(len(rows), queries + 2 * keys, size)
    mixed = np.zeros((len(rows), queries, size))
    for head in range(queries):
        shared = queries + head // (queries // keys)
        for token in range(len(rows)):
            seen = range(len(rows)) if ahead else range(token + 1)
            query = turned(heads[token, head], token)
            scores = [query @ turned(heads[other, shared], other) / size**0.5 for other in seen]
            weights = np.exp(np.array(scores) - max(scores))
            weights /= weights.sum()
            for weight, other in zip(weights, seen, strict=True):
                mixed[token, head] += weight * heads[other, shared + keys]
    return mixed.reshape(len(rows), -1)


def brute_force(model: SmallElmModel, ids: list[int], start: int) -> Floats:
    weights = {name: each.double().numpy() for name, each in model.state_dict().items()}
    hidden = weights["token_embeddings.weight"][ids]
    for number in range(model.config.num_transformer_layers):
        own = {
            name.removeprefix(f"layers.{number}."): each
            for name, each in weights.items()
            if name.startswith(f"layers.{number}.")
        }
        rows = normed(hidden, own["attn_norm.weight"]) @ own["attn.qkv_proj.weight"].T
        ahead = number >= start
        hidden = hidden + attended(rows, model.config, ahead) @ own["attn.out_proj.weight"].T
        inner = normed(hidden, own["ffn_norm.weight"]) @ own["proj_1.weight"].T
        hidden = hidden + (inner / (1 + np.exp(-inner))) @ own["proj_2.weight"].T
    return normed(hidden, weights["norm.weight"])


@pytest.mark.parametrize("mask", ["additive", "boolean", "opened"])
@pytest.mark.parametrize("start", [0, 1, 2])
def test_equal_to_brute_force(start: int, mask: str) -> None:
    model = decoder(mask=mask)
    causal = brute_force(model, IDS, start=3)
    ids = torch.tensor([IDS])
    np.testing.assert_allclose(states(model, ids)[0].numpy(), causal, atol=2e-5)
    make_bidirectional(model, start)
    expected = brute_force(model, IDS, start)
    assert np.abs(expected - causal).max() > 0.1
    for real in (None, torch.ones_like(ids)):
        np.testing.assert_allclose(states(model, ids, real)[0].numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("mask", ["additive", "boolean", "opened"])
@pytest.mark.parametrize("start", [0, 2])
def test_a_padded_batch_equals_its_rows(start: int, mask: str, side: str) -> None:
    model = decoder(mask=mask)
    make_bidirectional(model, start)
    rows = [IDS, IDS[:1], IDS[2:6]]
    ids, real = torch.full((3, 7), 1), torch.zeros(3, 7, dtype=torch.long)
    for number, row in enumerate(rows):
        place = slice(0, len(row)) if side == "right" else slice(7 - len(row), 7)
        ids[number, place], real[number, place] = torch.tensor(row), 1
    found = states(model, ids, real)
    for number, row in enumerate(rows):
        expected = brute_force(model, row, start)
        np.testing.assert_allclose(found[number][real[number] == 1].numpy(), expected, atol=2e-5)


def test_a_sliding_window_is_opened_as_well() -> None:
    places = torch.arange(6)
    apart = places[:, None] - places
    real = torch.tensor([True, True, True, True, True, False])
    window = ((apart >= 0) & (apart < 2) & real)[None, None]
    assert torch.equal(looking_ahead(window, 6)[0, 0], real.expand(6, 6))
    lowest = torch.finfo(torch.float32).min
    additive = torch.zeros(window.shape).masked_fill(~window, lowest)
    assert torch.equal(looking_ahead(additive, 6)[0, 0], torch.where(real, 0, lowest).expand(6, 6))


def test_a_layer_that_is_computed_again_for_its_gradient_finds_its_own_mask() -> None:
    gradients = []
    for again in (False, True):
        model = decoder()
        make_bidirectional(model, 1)
        if again:
            model.activation_checkpointing_enable({"use_reentrant": False})
        model.train()
        passes = [
            model(torch.tensor([ids]), torch.tensor([real])).last_hidden_state[0, 0]
            for ids, real in ((IDS, [1] * 7), (IDS[::-1], [1] * 4 + [0] * 3))
        ]
        sum(each.square().sum() for each in passes).backward()  # type: ignore[union-attr]
        gradients.append([weight.grad for weight in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        ("inside", "its tokens do not see those after them"),
        ("flat", "its layers get a mask of 2 axes"),
        ("graded", "its attention_mask is not 0 or True where"),
        ("blocked", "its attention_mask is not 0 or True where"),
    ],
)
def test_what_is_not_known_is_refused_by_name(mask: str, why: str) -> None:
    with pytest.raises(ModelError, match=r"SmallElmModel \(small-elm\) cannot be made") as raised:
        make_bidirectional(decoder(mask=mask), 0)
    assert why in raised.value.what
    assert "LLaMA, Mistral and Qwen2, and such as OpenELM" in raised.value.fix


class NoMask(torch.nn.Module):
    def forward(self, hidden_states: torch.Tensor) -> tuple[torch.Tensor]:
        return (hidden_states,)


def test_layers_without_a_mask_are_refused() -> None:
    model = decoder()
    model.layers[2] = NoMask()
    with pytest.raises(ModelError, match="its NoMask takes no attention_mask"):
        make_bidirectional(model, 1)


# as a checkpoint


def write_folder(folder: Path, mask: str = "additive") -> Any:
    folder.mkdir()
    build_tokenizer(folder)
    model = whole_model(mask=mask)
    model.save_pretrained(folder)
    name = Path(decoder_code.__file__)
    shutil.copy(name, folder)
    place = folder / "config.json"
    auto = {
        "AutoConfig": f"{name.stem}.SmallElmConfig",
        "AutoModelForCausalLM": f"{name.stem}.SmallElmForCausalLM",
    }
    place.write_text(json.dumps({**json.loads(place.read_text()), "auto_map": auto}))
    return model.transformer


@pytest.mark.process
def test_its_vectors_by_trust_remote_code(tmp_path: Path) -> None:
    model = write_folder(tmp_path / "elm")
    given: dict[str, Any] = {"pooling": "mean", "prompt": "none", "device": "cpu:1"}
    texts = ["a dog runs in the water", "two cats", "the red piano and the blue guitar"]
    ids = AutoTokenizer.from_pretrained(tmp_path / "elm")(texts)["input_ids"]
    trusted = angle_bench.load(
        str(tmp_path / "elm"), trust_remote_code=True, bidirectional_start=1, **given
    )
    with trusted as encoder:
        found = encoder.encode(texts)
    for vector, row in zip(found, ids, strict=True):
        expected = brute_force(model, row, start=1).mean(axis=0)
        np.testing.assert_allclose(vector, expected, atol=2e-5)


@pytest.mark.process
def test_a_run_says_in_two_lines_what_is_refused(tmp_path: Path, cli: Cli) -> None:
    write_folder(tmp_path / "elm", mask="inside")
    (tmp_path / "angle-bench.toml").write_text(
        '[[model]]\nname = "elm"\npath = "elm"\npooling = "mean"\nbidirectional_start = 1\n'
        '[model.prompts]\ndefault = ""\n'
    )
    ended = cli("run", "-m", "elm", "-t", "demo", "-d", "cpu:1", "--trust-remote-code")
    assert ended.code == 1
    assert len(ended.errors) == 2
    assert "SmallElmModel (small-elm) cannot be made bidirectional" in ended.errors[0]
    assert "no bidirectional_start" in ended.errors[1]
