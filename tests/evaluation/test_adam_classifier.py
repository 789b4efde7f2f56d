"""SentEval's classifier in numpy, beside one of PyTorch that begins with the same weights."""

import numpy as np
import pytest
import torch
from torch import nn

from angle_bench.evaluation.user_tasks import adam_classifier
from angle_bench.evaluation.user_tasks.adam_classifier import DECAYS, HIDDEN
from tests.torch_classifier import Part, of_torch, said_by


def parts_of(labels: int, seed: int, dtype: type, scale: float = 2.0) -> tuple[Part, Part, Part]:
    """Training, held-out and test part of noisy clusters; every label is there."""
    random_ = np.random.default_rng(seed)
    centres = random_.normal(size=(labels, 16))
    made = []
    for count in (200, 90, 120):
        codes = np.arange(count) % labels
        noise = random_.normal(scale=scale, size=(count, 16))
        made.append(((centres[codes] + noise).astype(dtype), codes))
    return made[0], made[1], made[2]


def test_the_first_weights_are_spread_as_pytorch_s() -> None:
    torch.manual_seed(0)
    first = adam_classifier.initial_weights(400, 6, 300)
    assert [each.shape for each in first] == [(400, 300), (300,), (300, 6), (6,)]
    theirs = nn.Linear(400, 300)
    for ours, other in zip(first[:2], (theirs.weight.detach(), theirs.bias.detach()), strict=True):
        assert np.abs(ours).max() <= 1 / 20
        assert ours.std() == pytest.approx(float(other.std()), rel=0.1)
    assert [each.shape for each in adam_classifier.initial_weights(8, 3, 0)] == [(8, 3), (3,)]


@pytest.mark.parametrize("hidden", [0, HIDDEN])
@pytest.mark.parametrize(("labels", "decay"), [(2, 1e-5), (5, 1e-2)])
def test_it_learns_what_pytorch_learns(hidden: int, labels: int, decay: float) -> None:
    train, held_out, test = parts_of(labels, seed=labels, dtype=np.float64)
    begun = adam_classifier.initial_weights(16, labels, hidden)
    first = [each.astype(np.float64) for each in begun]
    weights, right = adam_classifier.learnt(first, *train, *held_out, decay)
    model, expected = of_torch(first, train, held_out, decay)
    assert right == expected
    theirs = [each.detach().numpy().T for each in model.parameters()]
    for ours, other in zip(weights, theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-6, atol=1e-9)
    assert np.array_equal(adam_classifier.predicted(weights, test[0]), said_by(model, test[0]))
    assert not np.allclose(weights[0], first[0], atol=1e-3)


@pytest.mark.parametrize(("hidden", "differ"), [(0, False), (HIDDEN, True)])
def test_the_regularisation_is_chosen_on_the_held_out_part(hidden: int, differ: bool) -> None:
    train, held_out, test = parts_of(3, seed=3, dtype=np.float32, scale=3.0)
    found = adam_classifier.tuned_by_decay(*train, *held_out, test[0], hidden)
    first = adam_classifier.initial_weights(16, 3, hidden)
    models = [of_torch(first, train, held_out, decay) for decay in DECAYS]
    right = [round(100 * each, 2) for _, each in models]
    assert (len(set(right)) > 1) == differ  # where the choice matters
    best = right.index(max(right))
    assert found.strength == DECAYS[best]
    assert np.array_equal(found.labels, said_by(models[best][0], test[0]))
    assert np.array_equal(found.rows, np.arange(len(test[0])))
    assert 0.4 < np.mean(found.labels == test[1]) < 0.98


def test_large_values_do_not_overflow() -> None:
    train, held_out, test = parts_of(2, seed=1, dtype=np.float32)
    large = [(1e4 * features, labels) for features, labels in (train, held_out)]
    found = adam_classifier.tuned_by_decay(*large[0], *large[1], 1e4 * test[0], HIDDEN)
    assert np.mean(found.labels == test[1]) > 0.5
