"""Masks of decoders that come with their own code, turned so that a layer looks ahead.

Such a decoder makes a causal mask in the form that its own attention takes and hands it to its
layers as `attention_mask`. What is real and what is padding is read off that mask, so that a layer
which is computed again for its gradient needs nothing else.
"""

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from angle_bench.checkpoints.loading.look_ahead import not_bidirectional

NAME = "attention_mask"


class OwnMask:
    """The hook before a layer that turns the mask which the layer is given.

    Args:
        model: The decoder, for errors.
        layer: Its layer.

    Raises:
        ModelError: The layer takes no `attention_mask`.
    """

    def __init__(self, model: Any, layer: nn.Module) -> None:
        names = list(inspect.signature(layer.forward).parameters)
        if NAME not in names:
            raise not_bidirectional(model, f"its {type(layer).__name__} takes no {NAME}")
        self._model = model
        self._first, self._place = names[0], names.index(NAME)
        self._known = False

    def __call__(
        self, _layer: Any, args: tuple[Any, ...], given: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The layer's arguments with the turned mask in the place of the causal one."""
        hidden = args[0] if args else given[self._first]
        if self._place < len(args):
            turned = self._turned(args[self._place], hidden)
            return (*args[: self._place], turned, *args[self._place + 1 :]), given
        return args, {**given, NAME: self._turned(given.get(NAME), hidden)}

    def _turned(self, mask: Any, hidden: Tensor) -> Tensor:
        if mask is None:  # a batch without padding
            texts, tokens, _ = hidden.shape
            return hidden.new_zeros(texts, 1, tokens, tokens)
        if not isinstance(mask, Tensor) or mask.dim() != 4:
            what = type(mask).__name__ if not isinstance(mask, Tensor) else f"{mask.dim()} axes"
            raise not_bidirectional(
                self._model, f"its layers get a mask of {what}, not one by text, query and key"
            )
        if not self._known:  # the first is that of `check_look_ahead`: three real tokens or more
            self._refuse_unlike(mask)
            self._known = True
        return looking_ahead(mask, hidden.shape[1])

    def _refuse_unlike(self, mask: Tensor) -> None:
        """A mask that is not causal, has True where nothing is seen, or weighs what is near."""
        sees = seen_pairs(mask[..., :3, :3])
        if not bool((sees == torch.ones_like(sees).tril()).all()):
            raise not_bidirectional(
                self._model,
                f"its {NAME} is not 0 or True where a token sees an earlier one, and nowhere else",
            )


def seen_pairs(mask: Tensor) -> Tensor:
    """Whether a query sees a key: True, or as a number 0."""
    return mask if mask.dtype == torch.bool else mask == 0


def looking_ahead(mask: Tensor, tokens: int) -> Tensor:
    """A mask of the same form in which every token sees all real ones.

    Args:
        mask: A causal one, (texts, heads or 1, queries, keys), as `seen_pairs` reads it. There may
            be more queries and keys than tokens.
        tokens: How many there are in the batch.

    Returns:
        (texts, heads or 1, tokens, tokens).
    """
    sees = seen_pairs(mask[..., :tokens, :tokens])
    # the rows of pads before a text are often opened, so that no softmax is empty
    looks_back = ~sees.triu(1).any(dim=-1, keepdim=True)
    ahead = (sees & looks_back).any(dim=-2, keepdim=True).expand_as(sees)
    if mask.dtype == torch.bool:
        return ahead
    blocked = torch.finfo(mask.dtype).min
    return torch.zeros_like(ahead, dtype=mask.dtype).masked_fill(~ahead, blocked)
