"""Matryoshka: the leading dimensions learn, too; 2D: every layer and its leading dimensions.

Kusupati et al., "Matryoshka Representation Learning" (NeurIPS 2022); Li et al., "2D Matryoshka
Sentence Embeddings" (2024), as sentence-transformers' MatryoshkaLoss and Matryoshka2dLoss.
"""

import random
from collections.abc import Callable, Sequence
from math import log

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from angle_bench.errors import ModelError
from angle_bench.training.loss.combined import Loss
from angle_bench.training.loss.objectives import unit
from angle_bench.training.recipe.loss_sections import Matryoshka

Objective = Callable[[Tensor], Loss]


def matryoshka(
    layers: Sequence[Tensor],
    objective: Objective,
    settings: Matryoshka,
    draw: int,
    normalize: bool = False,
) -> Loss:
    """The objective on leading dimensions of the last layer, and of earlier ones where asked.

    The parts of the last layer keep their names, summed over the sizes; `mat_layers` are the
    earlier layers, `mat_kl` is their divergence from the last one.

    Args:
        layers: Pooled vectors, (texts, dimension) each: of the last layer alone, or of the
            embeddings and every layer.
        objective: Of vectors in row order.
        settings: Sizes, layers, weights.
        draw: What sizes and layers are drawn from, the same in every process.
        normalize: Whether the checkpoint normalises its vectors, which the divergence sees.

    Raises:
        ModelError: A size is larger than the vectors.
    """
    generator = random.Random(draw)
    last, earlier = layers[-1].float(), layers[:-1]
    parts = _scaled(_sized(last, objective, settings, generator), settings.last_layer_weight)
    if not settings.layers or not earlier:
        return Loss(parts)
    numbers = _drawn(len(earlier), settings.layers_per_step, generator)
    losses, divergences = [], []
    for number in numbers:
        vectors = earlier[number].float()
        found = Loss(_sized(vectors, objective, settings, generator)).total
        losses.append(found * _layer_weight(number, settings))
        divergences.append(_divergence(vectors, last, settings, normalize))
    parts["mat_layers"] = torch.stack(losses).mean() * settings.prior_layers_weight
    if settings.kl_temperature and settings.kl_weight:
        parts["mat_kl"] = torch.stack(divergences).sum() * settings.kl_weight
    return Loss(parts)


def _sized(
    vectors: Tensor, objective: Objective, settings: Matryoshka, generator: random.Random
) -> dict[str, Tensor]:
    """The weighted sum over sizes of each part."""
    weights = settings.weights or [1.0] * len(settings.sizes)
    parts: dict[str, Tensor] = {}
    for number in _drawn(len(settings.sizes), settings.sizes_per_step, generator):
        size = settings.sizes[number]
        if size > vectors.shape[1]:
            raise ModelError(
                f"matryoshka's size {size} is larger than the vectors: {vectors.shape[1]}.",
                f"--set 'matryoshka.sizes=[{vectors.shape[1]}]', or smaller ones",
            )
        found = _scaled(objective(vectors[:, :size]).parts, weights[number])
        for name, part in found.items():
            parts[name] = parts[name] + part if name in parts else part
    return parts


def _scaled(parts: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
    return {name: weight * part for name, part in parts.items()}


def _drawn(count: int, of_a_step: int | None, generator: random.Random) -> Sequence[int]:
    if of_a_step is None or of_a_step >= count:
        return range(count)
    return generator.sample(range(count), of_a_step)


def _layer_weight(number: int, settings: Matryoshka) -> float:
    if settings.layer_weighting == "log":
        return 1 / (1 + log(1 + number))
    return 1 / (1 + number) if settings.layer_weighting == "linear" else 1.0


def _divergence(vectors: Tensor, last: Tensor, settings: Matryoshka, normalize: bool) -> Tensor:
    """Of a layer from the last one, which gets no gradient, in whole vectors."""
    temperature = settings.kl_temperature
    if not temperature:
        return vectors.new_zeros(())
    mine, target = (unit(each) if normalize else each for each in (vectors, last.detach()))
    own = torch.log_softmax(mine / temperature, dim=1)
    return temperature * kl_div(own, torch.softmax(target / temperature, 1), reduction="batchmean")
