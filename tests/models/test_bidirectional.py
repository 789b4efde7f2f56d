"""BiLLM: equal to billm 0.1.6 without padding, and a padded batch equals its rows."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    Gemma3TextConfig,
    Gemma3TextModel,
    GPT2Config,
    GPT2Model,
    GPTNeoXConfig,
    GPTNeoXModel,
    OPTConfig,
    OPTModel,
    Qwen3Config,
    Qwen3Model,
)

from angle_bench.checkpoints.loading.bidirectional import make_bidirectional
from angle_bench.errors import ModelError

ARCHITECTURES = ["llama", "mistral", "qwen2"]
STARTS = [-1, 0, 2]
ATTENTIONS = ["sdpa", "eager"]


def load(folder: Path, start: int, attention: str) -> Any:
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention)
    if start >= 0:
        make_bidirectional(model, start)
    return model.eval()


@torch.inference_mode()
def states(model: Any, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    found: torch.Tensor = model(input_ids=ids, attention_mask=mask).last_hidden_state
    return found


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equal_to_the_published_package(
    shared: Path, architecture: str, start: int, attention: str
) -> None:
    folder = shared / "reference" / "billm" / architecture
    expected = np.load(folder / "expected.npz")
    ids = torch.from_numpy(expected["input_ids"])
    model = load(folder, start, attention)
    for mask in (None, torch.ones_like(ids)):
        found = states(model, ids, mask).numpy()
        np.testing.assert_allclose(
            found, expected[f"last_hidden_state.start{start}"], atol=1e-4, rtol=0
        )


TINY = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
# the layers of the second have a sliding window, narrower than the texts
BUILT: dict[str, Callable[[], Any]] = {
    "qwen3": lambda: Qwen3Model(Qwen3Config(**TINY)),
    "gemma3": lambda: Gemma3TextModel(Gemma3TextConfig(**TINY, sliding_window=3)),
}


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize("architecture", [*ARCHITECTURES, *BUILT])
def test_a_padded_batch_equals_its_rows(
    request: pytest.FixtureRequest, architecture: str, start: int, attention: str, side: str
) -> None:
    torch.manual_seed(0)
    if architecture in ARCHITECTURES:
        shared: Path = request.getfixturevalue("shared")
        model = load(shared / "reference" / "billm" / architecture, start, attention)
    else:
        model = BUILT[architecture]().eval()
        model.set_attn_implementation(attention)
        make_bidirectional(model, start)
    rows = [torch.randint(5, 60, (length,)) for length in (9, 1, 4)]
    ids, mask = torch.full((3, 9), 1), torch.zeros(3, 9, dtype=torch.long)
    for number, row in enumerate(rows):
        place = slice(0, len(row)) if side == "right" else slice(9 - len(row), 9)
        ids[number, place], mask[number, place] = row, 1
    # rotary positions are relative, so that a shift by padding on the left changes nothing
    found = states(model, ids, mask)
    for number, row in enumerate(rows):
        alone = states(model, row[None])
        torch.testing.assert_close(found[number][mask[number] == 1], alone[0], atol=1e-5, rtol=0)


def test_only_the_layers_from_the_start_on_look_ahead(shared: Path) -> None:
    model = load(shared / "reference" / "billm" / "llama", 2, "sdpa")
    ids = torch.randint(5, 60, (1, 6))
    other = ids.clone()
    other[0, -1] = (ids[0, -1] + 1) % 60
    with torch.inference_mode():
        first, second = (
            model(input_ids=each, output_hidden_states=True).hidden_states for each in (ids, other)
        )
    assert torch.equal(first[2][0, 0], second[2][0, 0])  # after two causal layers
    assert not torch.allclose(first[3][0, 0], second[3][0, 0])


def test_gradients_flow_through_every_layer(shared: Path) -> None:
    model = load(shared / "reference" / "billm" / "llama", 0, "sdpa")
    vectors = model(input_ids=torch.randint(5, 60, (2, 6))).last_hidden_state[:, 0]
    vectors.square().sum().backward()
    assert all(weight.grad is not None for weight in model.layers.parameters())


@pytest.mark.parametrize("start", [-2, 4, 31])
def test_a_start_beyond_the_layers_is_refused(shared: Path, start: int) -> None:
    model = AutoModel.from_pretrained(shared / "reference" / "billm" / "llama")
    with pytest.raises(ModelError, match="beyond the"):
        make_bidirectional(model, start)


SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
REFUSED: dict[str, Callable[[], Any]] = {
    "BertModel (bert)": lambda: BertModel(BertConfig(**SMALL, intermediate_size=8)),
    "GPT2Model (gpt2)": lambda: GPT2Model(GPT2Config(n_embd=8, n_layer=1, n_head=2)),
    "GPTNeoXModel (gpt_neox)": lambda: GPTNeoXModel(GPTNeoXConfig(**SMALL, intermediate_size=8)),
    "OPTModel (opt)": lambda: OPTModel(OPTConfig(**SMALL, ffn_dim=8, word_embed_proj_dim=8)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_others_are_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError, match="no list of decoder layers") as raised:
        make_bidirectional(REFUSED[name](), 0)
    assert raised.value.what.startswith(f"{name} cannot be made bidirectional")
    assert raised.value.fix.startswith("no bidirectional_start; known are decoders of transformers")


def test_a_decoder_that_does_not_look_ahead_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = BUILT["qwen3"]()
    for layer in model.layers:  # whatever mask it gets
        attend = partial(causal_alone, layer.self_attn.forward)
        monkeypatch.setattr(layer.self_attn, "forward", attend)
    with pytest.raises(ModelError, match="its tokens do not see those after them"):
        make_bidirectional(model.eval(), 0)


def causal_alone(forward: Any, hidden_states: Any, attention_mask: Any = None, **given: Any) -> Any:
    count = hidden_states.shape[1]
    mask = torch.ones(1, 1, count, count, dtype=torch.bool).tril()
    return forward(hidden_states, attention_mask=mask, **given)
