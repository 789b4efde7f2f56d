"""Logistic regression on frozen vectors, its strength chosen as SentEval's evaluator does.

Conneau and Kiela, "SentEval: An Evaluation Toolkit for Universal Sentence Representations" (2018),
https://github.com/facebookresearch/SentEval: L2-regularised, C from 2^-2 to 2^3, vectors as they
are, stratified folds that are shuffled with seed 1111, accuracy.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from angle_bench.encoding.machine import cores

STRENGTHS = tuple(2.0**power for power in range(-2, 4))
UNREGULARISED = 1e9  # the C of SentEval where it wants no regularisation
SEED = 1111
# far more than the fits need: one that stops early would be another, weaker classifier
MOST_STEPS = 1000

Features = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Predicted:
    """What one classifier predicts.

    Attributes:
        rows: Which rows of the scored split, counted from 0.
        labels: The label of each of them.
        strength: What was chosen: the C, or of a classifier by Adam its L2 regularisation.
    """

    rows: NDArray[np.int64]
    labels: Labels
    strength: float


def pair_features(first: Features, second: Features) -> Features:
    """|u-v| and u·v of pairs, (pairs, 2 × dimension)."""
    return np.concatenate([np.abs(first - second), first * second], axis=1)


def entailment_features(first: Features, second: Features) -> Features:
    """u, v, u·v and |u-v| of pairs, (pairs, 4 × dimension), as SentEval has them of SNLI."""
    return np.concatenate([first, second, first * second, np.abs(first - second)], axis=1)


def whole(train: Features, labels: Labels, test: Features, strength: float = 1.0) -> Predicted:
    """Learn from all of a training part with one C."""
    return _predicted(train, labels, test, np.arange(len(test)), strength)


def tuned_on_split(
    train: Features, labels: Labels, held_out: Features, held_out_labels: Labels, test: Features
) -> Predicted:
    """Learn from a training part with the C that does best on a held-out part.

    Every fit begins anew: on a small part a text that the solver's tolerance moves is another C.
    """
    right = np.array(
        [
            _classifier(C=strength).fit(train, labels).score(held_out, held_out_labels)
            for strength in STRENGTHS
        ]
    )
    return _predicted(train, labels, test, np.arange(len(test)), _best(right))


def tuned_by_folds(train: Features, labels: Labels, test: Features, folds: int) -> Predicted:
    """Learn from a training part with the C that does best in cross-validation on it."""
    parts = list(_folds(labels, folds))
    with one_thread_each() as each:
        right = each(
            lambda part: _right(train[part[0]], labels[part[0]], train[part[1]], labels[part[1]]),
            parts,
        )
    return _predicted(train, labels, test, np.arange(len(test)), _best(np.mean(right, axis=0)))


def cross_validated(features: Features, labels: Labels, folds: int) -> list[Predicted]:
    """Predict every row by a classifier that has not seen it, in nested cross-validation.

    Each outer fold is predicted by a classifier that learns from the others, with the C that does
    best in cross-validation on these others.
    """

    def outer(part: tuple[Labels, Labels]) -> Predicted:
        learn, held_out = part
        known, known_labels = features[learn], labels[learn]
        right = [
            _right(known[a], known_labels[a], known[b], known_labels[b])
            for a, b in _folds(known_labels, folds)
        ]
        strength = _best(np.mean(right, axis=0))
        return _predicted(known, known_labels, features[held_out], held_out, strength)

    with one_thread_each() as each:
        return each(outer, list(_folds(labels, folds)))


def least_texts(folds: int, *, nested: bool) -> int:
    """The fewest texts of a label of which every fold gets one, in nested ones every inner fold."""
    count = folds
    while nested and count - -(-count // folds) < folds:
        count += 1
    return count


def _folds(labels: Labels, folds: int) -> Iterator[tuple[Labels, Labels]]:
    splitter = StratifiedKFold(folds, shuffle=True, random_state=SEED)
    found: Iterator[tuple[Labels, Labels]] = splitter.split(np.zeros(len(labels)), labels)
    return found


def _right(
    train: Features, labels: Labels, held_out: Features, held_out_labels: Labels
) -> NDArray[np.float64]:
    """The accuracy on a held-out part for every C.

    From one C to the next the fit goes on from where it stands, which takes half the steps; for
    folds, whose mean hardly notices.
    """
    model = _classifier(warm_start=True)
    right = []
    for strength in STRENGTHS:
        model.set_params(C=strength).fit(train, labels)
        right.append(model.score(held_out, held_out_labels))
    return np.array(right)


def _best(right: NDArray[np.float64]) -> float:
    """The C of the highest accuracy, the smallest where several have it."""
    return STRENGTHS[int(np.argmax(right))]


def _predicted(
    train: Features, labels: Labels, test: Features, rows: NDArray[np.int64], strength: float
) -> Predicted:
    model = _classifier(C=strength).fit(train, labels)
    return Predicted(rows, model.predict(test), strength)


def _classifier(**settings: Any) -> Any:
    return LogisticRegression(max_iter=MOST_STEPS, random_state=SEED, **settings)


@contextmanager
def one_thread_each() -> Iterator[Callable[..., list[Any]]]:
    """Folds side by side, one thread each: a fit is too small to gain by several."""
    with threadpool_limits(1), ThreadPoolExecutor(cores()) as pool:

        def each(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
            return list(pool.map(work, items))

        yield each
