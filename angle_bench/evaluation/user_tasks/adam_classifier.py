"""A linear layer or a perceptron on frozen vectors, learnt by Adam as SentEval's own classifier.

What `senteval/tools/classifier.py` of https://github.com/facebookresearch/SentEval does with
PyTorch, in its default settings: cross-entropy, Adam with L2 regularisation in the gradient (Kingma
and Ba, 2015), batches of 64 in a new order each pass, seed 1111. Every fourth pass the held-out
part is predicted; the weights of the best accuracy are kept, and the sixth time without a better
one is the last. It is numpy here, so the first weights are other draws of the same distribution.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from angle_bench.evaluation.user_tasks.logistic_regression import (
    SEED,
    Features,
    Labels,
    Predicted,
    one_thread_each,
)

DECAYS = (1e-5, 1e-4, 1e-3, 1e-2)
HIDDEN = 50
BATCH = 64
PASSES = 4  # between two looks at the held-out part
MOST_PASSES = 200
TENACITY = 5
RATE, MOMENTUM, SQUARES, TINY = 1e-3, 0.9, 0.999, 1e-8

# of each layer its matrix (in, out) and its bias (out,), the first layer first
Weights = list[NDArray[np.float32]]


def tuned_by_decay(
    train: Features,
    labels: Labels,
    held_out: Features,
    held_out_labels: Labels,
    test: Features,
    hidden: int,
) -> Predicted:
    """Learn with the L2 regularisation that does best on a held-out part.

    Args:
        train: (rows, dimension).
        labels: Numbers from 0.
        held_out: What decides when to stop, and between the regularisations.
        held_out_labels: Numbers from 0.
        test: What is predicted.
        hidden: Sigmoid units between vectors and labels; 0 is none.
    """
    first = initial_weights(train.shape[1], int(labels.max()) + 1, hidden)
    with one_thread_each() as each:
        found = each(
            lambda decay: learnt(first, train, labels, held_out, held_out_labels, decay), DECAYS
        )
    # rounded as SentEval compares them; of equals the weakest regularisation
    rounded = [round(100 * right, 2) for _, right in found]
    best = int(np.argmax(rounded))
    rows = np.arange(len(test))
    return Predicted(rows, predicted(found[best][0], test), DECAYS[best])


def initial_weights(dimension: int, labels: int, hidden: int) -> Weights:
    """Even draws between ±1/√in, as PyTorch's linear layers begin."""
    random = np.random.RandomState(SEED)
    made: Weights = []
    for before, after in pairwise([dimension, *([hidden] if hidden else []), labels]):
        bound = 1 / math.sqrt(before)
        for shape in ((before, after), (after,)):
            made.append(random.uniform(-bound, bound, shape).astype(np.float32))
    return made


def learnt(
    first: Weights,
    train: Features,
    labels: Labels,
    held_out: Features,
    held_out_labels: Labels,
    decay: float,
) -> tuple[Weights, float]:
    """The weights of the best accuracy on the held-out part, and that accuracy."""
    random = np.random.RandomState(SEED)
    weights = [each.copy() for each in first]
    adam = _Adam(weights, decay)
    best, kept, behind = -1.0, weights, 0
    # SentEval looks whether it is at 200 passes before four more of them
    for _ in range(0, MOST_PASSES + 1, PASSES):
        for _ in range(PASSES):
            order = random.permutation(len(train))
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                adam.step(gradients(weights, train[rows], labels[rows]))
        right = float(np.mean(predicted(weights, held_out) == held_out_labels))
        if right > best:
            best, kept = right, [each.copy() for each in weights]
        elif behind >= TENACITY:
            break
        else:
            behind += 1
    return kept, best


class _Adam:
    """Changes weights in place."""

    def __init__(self, weights: Weights, decay: float) -> None:
        self._weights = weights
        self._decay = decay
        self._means = [np.zeros_like(each) for each in weights]
        self._squares = [np.zeros_like(each) for each in weights]
        self._steps = 0

    def step(self, gradient: Weights) -> None:
        self._steps += 1
        rate = RATE / (1 - MOMENTUM**self._steps)
        root = math.sqrt(1 - SQUARES**self._steps)
        parts = zip(self._weights, gradient, self._means, self._squares, strict=True)
        for weight, slope, mean, square in parts:
            slope += self._decay * weight
            mean *= MOMENTUM
            mean += (1 - MOMENTUM) * slope
            square *= SQUARES
            square += (1 - SQUARES) * slope * slope
            weight -= rate * mean / (np.sqrt(square) / root + TINY)


def gradients(weights: Weights, features: Features, labels: Labels) -> Weights:
    """Of the mean cross-entropy of a batch, in the order of the weights."""
    hidden, logits = _forward(weights, features)
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    share[np.arange(len(labels)), labels] -= 1
    share /= len(labels)
    last = [hidden.T @ share, share.sum(axis=0)]
    if len(weights) == 2:
        return last
    back = (share @ weights[2].T) * hidden * (1 - hidden)
    return [features.T @ back, back.sum(axis=0), *last]


def predicted(weights: Weights, features: Features) -> Labels:
    """The label of each row, (rows,)."""
    found: Labels = _forward(weights, features)[1].argmax(axis=1)
    return found


def _forward(
    weights: Sequence[NDArray[np.float32]], features: Features
) -> tuple[Features, Features]:
    """What enters the last layer, and what leaves it."""
    hidden = features
    if len(weights) == 4:
        # the logistic function, by a form of it that does not overflow
        hidden = 0.5 * (1 + np.tanh(0.5 * (features @ weights[0] + weights[1])))
    return hidden, hidden @ weights[-2] + weights[-1]
