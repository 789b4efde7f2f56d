"""Word embeddings looked up once for all groups: the same values and gradients, made once."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModel, BertConfig, BertModel

from angle_bench.training.model.grouping import grouped
from angle_bench.training.model.shared_embedding import looked_up_once
from angle_bench.training.model.trainable import Trainable
from tests.checkpoints import build_tiny

LENGTHS = (3, 12, 4, 30, 12, 5)


class Gradients(TorchDispatchMode):
    """Counts the gradients of embeddings as large as a vocabulary."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary, self.made = vocabulary, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.embedding_dense_backward.default and args[2] == self.vocabulary:
            self.made += 1
        return func(*args, **(kwargs or {}))


def tiny(folder: Path, name: str) -> Any:
    torch.manual_seed(0)
    if name != "bert":
        return AutoModel.from_pretrained(build_tiny(folder / name, name)).eval()
    sizes = {"vocab_size": 99, "hidden_size": 32, "num_attention_heads": 2}
    return BertModel(BertConfig(num_hidden_layers=2, intermediate_size=40, **sizes)).eval()


def batch_of(vocabulary: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    mask = torch.tensor([[1] * n + [0] * (max(LENGTHS) - n) for n in LENGTHS])
    return torch.randint(1, vocabulary, mask.shape) * mask, mask


@contextmanager
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        name = "angle_bench.training.model.trainable.looked_up_once"
        patch.setattr(name, lambda *_: nullcontext())
        yield


def gradients(model: Any, groups: Any, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, int]:
    """Vectors, the gradient of the word embeddings, and how many such gradients were made."""
    module = Trainable(model, [], "mean", every_layer=False, tokens=False)
    module.zero_grad()
    weight = model.get_input_embeddings().weight
    with Gradients(len(weight)) as counted:
        vectors = module(ids, mask, torch.zeros(len(ids)), groups).vectors
        (vectors * torch.linspace(-1, 1, vectors.numel()).view_as(vectors)).sum().backward()
    return vectors.detach(), weight.grad.clone(), counted.made


@pytest.mark.parametrize("name", ["bert", "llama", "qwen2"])
def test_values_and_gradients_are_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny(tmp_path, name)
    ids, mask = batch_of(model.config.vocab_size)
    groups = grouped(LENGTHS, overhead=1)
    assert len(groups.texts) > 2
    with untouched(monkeypatch):
        vectors, gradient, each = gradients(model, groups, ids, mask)
    once_vectors, once_gradient, once = gradients(model, groups, ids, mask)
    assert (each, once) == (len(groups.texts), 1)
    assert torch.equal(vectors, once_vectors)
    torch.testing.assert_close(gradient, once_gradient, atol=1e-6, rtol=1e-5)


def test_a_padding_row_gets_no_gradient(tmp_path: Path) -> None:
    model = tiny(tmp_path, "bert")
    ids, mask = batch_of(99)
    _, gradient, _ = gradients(model, grouped(LENGTHS, overhead=1), ids, mask)
    assert model.get_input_embeddings().padding_idx == 0
    assert not gradient[0].any()
    assert gradient[1:].any()


class Scaled(nn.Embedding):
    def forward(self, input: Tensor) -> Tensor:
        return 3 * super().forward(input)


def test_what_is_more_than_a_look_up_is_left_alone(tmp_path: Path) -> None:
    model = tiny(tmp_path, "bert")
    model.set_input_embeddings(Scaled.from_pretrained(model.get_input_embeddings().weight.detach()))
    for weight in model.parameters():
        weight.requires_grad_(True)
    ids, _ = batch_of(99)
    with looked_up_once(model, ids):
        assert not model.get_input_embeddings()._forward_hooks


def test_frozen_embeddings_are_left_alone(tmp_path: Path) -> None:
    model = tiny(tmp_path, "bert")
    ids, _ = batch_of(99)
    with looked_up_once(model, ids):
        assert model.get_input_embeddings()._forward_hooks
    model.get_input_embeddings().weight.requires_grad_(False)
    with looked_up_once(model, ids):
        assert not model.get_input_embeddings()._forward_hooks
