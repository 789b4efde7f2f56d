"""Lower layers learn more slowly: a learning rate for each layer (Howard and Ruder, 2018)."""

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer


def below(names: Iterable[str]) -> dict[str, int]:
    """How many layers each weight lies below the last one, by its name.

    What comes before the layers, such as embeddings, lies below the first; what comes after them
    is as the last.

    Args:
        names: Of all weights, in the order of the model.
    """
    found = {name: _number(name) for name in names}
    layers = 1 + max((number for number in found.values() if number is not None), default=-1)
    last = -1
    said = {}
    for name, number in found.items():
        last = last if number is None else number
        said[name] = layers - 1 - (last if last < 0 or number is not None else layers - 1)
    return said


def _number(name: str) -> int | None:
    if name.startswith("dense."):  # layers after the pooling, whose numbers are their own
        return None
    return next((int(word) for word in name.split(".") if word.isdecimal()), None)


def slow_down(optimizer: Optimizer, module: nn.Module, decay: float) -> None:
    """Multiply the learning rate of a weight by `decay` for each layer that it lies below the last.

    Args:
        optimizer: Fresh; its groups are divided, those of the last layer first.
        module: Whose weights it has.
        decay: Of a layer.
    """
    places = below(name for name, _ in module.named_parameters())
    by_weight = {weight: places[name] for name, weight in module.named_parameters()}
    groups: list[dict[str, Any]] = []
    for group in optimizer.param_groups:
        for place in sorted({by_weight[weight] for weight in group["params"]}):
            weights = [weight for weight in group["params"] if by_weight[weight] == place]
            groups.append({**group, "params": weights, "lr": group["lr"] * decay**place})
    optimizer.param_groups[:] = groups
