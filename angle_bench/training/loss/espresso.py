"""Espresso (ESE): every layer and the leading dimensions of its vectors learn, too.

Li et al., "ESE: Espresso Sentence Embeddings" (ICLR 2025), as angle-emb 0.6.1 computes it.
"""

from collections.abc import Callable, Sequence
from math import log, sqrt

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from angle_bench.errors import ModelError
from angle_bench.training.loss.combined import Loss
from angle_bench.training.loss.objectives import kl_divergence
from angle_bench.training.recipe.loss_sections import Espresso


def espresso(
    layers: Sequence[Tensor], objective: Callable[[Tensor], Loss], settings: Espresso
) -> Loss:
    """The objective on the last layer and on the leading dimensions of all, and their alignment.

    The parts of the last layer's whole vectors keep their names; `ese_small` are those of its
    leading dimensions, `ese_layers` those of the earlier layers, each with its alignment.

    Args:
        layers: Pooled vectors of the embeddings and of every layer, (texts, dimension) each.
        objective: Of vectors in row order.
        settings: Size and temperature.

    Raises:
        ModelError: The size is larger than the vectors.
    """
    last = layers[-1]
    if settings.size > last.shape[1]:
        raise ModelError(
            f"Espresso's size {settings.size} is larger than the vectors: {last.shape[1]}.",
            f"size = {last.shape[1] // 2} under [espresso], or less",
        )
    parts = dict(objective(last).parts)
    parts["ese_small"] = _small(last, objective, settings)
    earlier = layers[: len(layers) - 2]
    if earlier:
        small = [
            _small(layer, objective, settings) / (1 + log(1 + number))
            for number, layer in enumerate(earlier)
        ]
        parts["ese_layers"] = torch.stack(small).sum() / len(earlier)
    return Loss(parts)


def principal(vectors: Tensor, size: int) -> Tensor:
    """The vectors on their first principal directions, (texts, size), without gradient.

    `svd_lowrank` draws from torch's global generator.
    """
    with torch.no_grad():
        similar = torch.softmax(vectors.T @ vectors / sqrt(vectors.shape[1]), dim=-1)
        directions, strengths, _ = torch.svd_lowrank(similar, q=size)
        return vectors @ directions * strengths


def divergence(vectors: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Mean squared error, and the Kullback-Leibler divergence between softmaxes."""
    return mse_loss(vectors, target) + kl_divergence(vectors, target, temperature)


def _small(layer: Tensor, objective: Callable[[Tensor], Loss], settings: Espresso) -> Tensor:
    vectors = layer.float()
    leading = vectors[:, : settings.size]
    target = principal(vectors, settings.size)
    return objective(leading).total + divergence(leading, target, settings.temperature)
