"""Word embeddings of a step are looked up once, whatever the groups."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.functional import embedding as look_up


@contextmanager
def looked_up_once(transformer: Any, input_ids: Tensor) -> Iterator[None]:
    """Meanwhile a transformer takes word embeddings from those of some texts, looked up together.

    The gradient of an embedding is as large as the vocabulary: here it is made once, and not for
    each group of texts. The values are the same.

    Args:
        transformer: The model that has the embedding.
        input_ids: Of all texts that go through it meanwhile.
    """
    module = transformer.get_input_embeddings()
    if not _plain(module) or not module.weight.requires_grad or not torch.is_grad_enabled():
        yield
        return
    ids = torch.unique(input_ids)
    table = module(ids)
    rows = torch.empty(module.num_embeddings, dtype=torch.long, device=ids.device)
    rows[ids] = torch.arange(len(ids), device=ids.device)

    def instead(_: nn.Module, given: tuple[Tensor], _output: Tensor) -> Tensor:
        return look_up(rows[given[0]], table)

    hook = module.register_forward_hook(instead)
    try:
        yield
    finally:
        hook.remove()


def _plain(module: Any) -> bool:
    """Whether a module does nothing but look up, and has its weights by itself."""
    if type(module) is not nn.Embedding or isinstance(module.weight, DTensor):
        return False  # subclasses scale or adapt; a shard is gathered by the module around it
    return module.max_norm is None and not module.sparse
