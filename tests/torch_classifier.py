"""SentEval's classifier in PyTorch, written from its description."""

import copy

import numpy as np
import torch
from torch import nn

Part = tuple[np.ndarray, np.ndarray]
Weights = list[np.ndarray]


def network(first: Weights) -> nn.Sequential:
    """The layers of SentEval's MLP with these weights."""
    layers: list[nn.Module] = []
    for at in range(0, len(first), 2):
        layer = nn.Linear(*first[at].shape, dtype=torch.tensor(first[at]).dtype)
        with torch.no_grad():
            layer.weight.set_(torch.tensor(first[at].T.copy()))
            layer.bias.set_(torch.tensor(first[at + 1].copy()))
        layers += [layer, nn.Sigmoid()]
    return nn.Sequential(*layers[:-1])


def of_torch(first: Weights, train: Part, held_out: Part, decay: float) -> tuple[nn.Module, float]:
    """SentEval's `fit` with `epoch_size` 4, `max_epoch` 200, `tenacity` 5, `batch_size` 64."""
    random_ = np.random.RandomState(1111)
    model, best, rounds, worse = network(first), -1.0, 0, 0
    optimiser = torch.optim.Adam(model.parameters(), weight_decay=decay)
    features, labels = map(torch.tensor, train)
    kept: nn.Module = model
    while 4 * rounds <= 200:
        for _ in range(4):
            order = torch.tensor(random_.permutation(len(features)))
            for rows in order.split(64):
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(features[rows]), labels[rows]).backward()
                optimiser.step()
        rounds += 1
        right = np.mean(said_by(model, held_out[0]) == held_out[1])
        if right > best:
            best, kept = float(right), copy.deepcopy(model)
        elif worse >= 5:
            break
        else:
            worse += 1
    return kept, best


def said_by(model: nn.Module, features: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(torch.tensor(features)).argmax(1).numpy()
