"""The module that is trained: a transformer and its pooling."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from angle_bench.checkpoints.loading.pooling import pool, without_first
from angle_bench.checkpoints.loading.torch_internals import DROPOUTS, unsplit_classes
from angle_bench.checkpoints.spec import Pooling
from angle_bench.training.model.grouping import Groups
from angle_bench.training.model.shared_embedding import looked_up_once

# a rate that a module hands to a function, such as attention_dropout or resid_pdrop
_RATE = re.compile(r"(.+_)?(dropout|p?drop)(_prob|_rate|_p)?")
_LAYERS = "layerdrop"  # whole layers at random


class ForwardOutput(NamedTuple):
    """What a forward pass gives of a batch, in float32.

    Attributes:
        layers: Pooled vectors, (texts, dimension) each: of the last layer alone, or of the
            embeddings and of every layer.
        tokens: Vectors of all tokens, (texts, tokens, width), where they are asked for.
    """

    layers: tuple[Tensor, ...]
    tokens: Tensor | None

    @property
    def vectors(self) -> Tensor:
        """Of the last layer, (texts, dimension)."""
        return self.layers[-1]


class Trainable(nn.Module):
    """A transformer with its pooling and what follows that; vectors are not normalised.

    Args:
        transformer: Without its head.
        dense: What follows the pooling.
        pooling: Of every layer.
        every_layer: Whether all layers are pooled, for Espresso.
        tokens: Whether token vectors are given, too, for a teacher.
        kept: How many leading dimensions the checkpoint keeps; None is all of them.
        include_prompt: Whether the tokens of prompts are pooled, too.
    """

    def __init__(
        self,
        transformer: nn.Module,
        dense: Sequence[nn.Module],
        pooling: Pooling,
        every_layer: bool,
        tokens: bool,
        kept: int | None = None,
        include_prompt: bool = True,
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self.dense = nn.ModuleList(dense)
        self._pooling: Pooling = pooling
        self._every_layer = every_layer
        self._tokens = tokens
        self._kept = kept
        self._include_prompt = include_prompt

    @property
    def _no_split_modules(self) -> list[str]:
        """The classes that get a shard each: accelerate asks for them by this name."""
        there = {type(module).__name__ for module in self.transformer.modules()}
        return sorted(there & unsplit_classes(self.transformer))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, prompts: Tensor, groups: Groups
    ) -> ForwardOutput:
        """Vectors of a batch, in its order.

        Args:
            input_ids: (texts, tokens), padded on the right.
            attention_mask: 1 on real tokens, (texts, tokens).
            prompts: How many of the first tokens of each text are those of its prompt, (texts,).
            groups: Which texts go through the transformer together.
        """
        parts = []
        with looked_up_once(self.transformer, input_ids):
            for places, longest in zip(groups.texts, groups.longest, strict=True):
                at = places.to(input_ids.device)
                mask = attention_mask[at, :longest]
                parts.append(self.group(input_ids[at, :longest], mask, prompts[at]))
        return joined(parts, groups, input_ids.shape[1])

    def group(self, input_ids: Tensor, attention_mask: Tensor, prompts: Tensor) -> ForwardOutput:
        """Vectors of texts that go through the transformer together."""
        output: Any = self.transformer(
            input_ids=input_ids,
            attention_mask=attention_mask,
            output_hidden_states=self._every_layer,
        )
        last = output.last_hidden_state
        hidden = output.hidden_states if self._every_layer else (last,)
        mask = attention_mask
        pooled = mask if self._include_prompt else without_first(mask, prompts)
        layers = tuple(self._vectors(each.float(), pooled) for each in hidden)
        return ForwardOutput(layers, last.float() if self._tokens else None)

    def _vectors(self, hidden: Tensor, mask: Tensor) -> Tensor:
        vectors = pool(hidden, mask, self._pooling)
        for module in self.dense:
            vectors = module(vectors)
        return vectors[:, : self._kept]


def joined(parts: Sequence[ForwardOutput], groups: Groups, width: int) -> ForwardOutput:
    """What was found of groups, in the order of the batch.

    Args:
        parts: Of each group.
        groups: Which texts they hold.
        width: The tokens of the batch's longest text.
    """
    order = groups.order.to(parts[0].vectors.device)
    layers = tuple(
        torch.cat(layer)[order] for layer in zip(*(part.layers for part in parts), strict=True)
    )
    if parts[0].tokens is None:
        return ForwardOutput(layers, None)
    padded = [
        pad(part.tokens, (0, 0, 0, width - part.tokens.shape[1]))
        for part in parts
        if part.tokens is not None
    ]
    return ForwardOutput(layers, torch.cat(padded)[order])


def set_dropout(transformer: nn.Module, rate: float) -> None:
    """Give every dropout of a transformer this rate; adapters keep theirs."""
    for name, module in transformer.named_modules():
        if isinstance(module, DROPOUTS):
            if not name.endswith(".default"):  # peft's name of an adapter
                module.p = rate
            continue
        for attribute in _rates(module):
            setattr(module, attribute, rate)


def draws(module: nn.Module) -> bool:
    """Whether a module drops anything at random while it is trained."""
    for each in module.modules():
        if isinstance(each, DROPOUTS) and each.p > 0:
            return True
        rates = [*_rates(each).values(), getattr(each, _LAYERS, 0.0)]
        if any(rate > 0 for rate in rates):
            return True
    return False


def _rates(module: nn.Module) -> dict[str, float]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, float) and _RATE.fullmatch(name)
    }
