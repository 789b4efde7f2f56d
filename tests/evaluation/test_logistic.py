"""Logistic regression on frozen vectors, beside plain scikit-learn on the same folds."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict

from angle_bench.evaluation.user_tasks import logistic_regression
from tests.conftest import Cli

GRID = {"C": [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]}


def made(count: int = 240, classes: int = 2, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    features, labels = make_classification(
        count, 20, n_informative=8, n_classes=classes, flip_y=0.2, random_state=seed
    )
    return features.astype(np.float32), labels


def folds(count: int) -> StratifiedKFold:
    return StratifiedKFold(count, shuffle=True, random_state=logistic_regression.SEED)


def searched(count: int) -> GridSearchCV:
    return GridSearchCV(LogisticRegression(max_iter=1000, tol=1e-8), GRID, cv=folds(count))


@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.long)])
def test_nested_cross_validation_is_scikit_learn_s(classes: int) -> None:
    features, labels = made(classes=classes)
    found = logistic_regression.cross_validated(features, labels, 4)
    expected = cross_val_predict(searched(4), features, labels, cv=folds(4))
    predicted = np.empty_like(labels)
    for one in found:
        predicted[one.rows] = one.labels
    assert sorted(row for one in found for row in one.rows) == list(range(len(labels)))
    # a pair of Cs whose accuracy differs by one text may change places with the solver's tolerance
    assert np.mean(predicted == expected) > 0.98
    assert {one.strength for one in found} <= set(GRID["C"])


def test_the_strength_of_a_training_part_is_scikit_learn_s() -> None:
    features, labels = made(400)
    train, test = slice(0, 300), slice(300, 400)
    found = logistic_regression.tuned_by_folds(features[train], labels[train], features[test], 5)
    expected = searched(5).fit(features[train], labels[train])
    assert found.strength == expected.best_params_["C"]
    assert np.array_equal(found.labels, expected.predict(features[test]))


def test_a_held_out_part_chooses_the_strength() -> None:
    features, labels = made(300)
    train, held_out, test = slice(0, 40), slice(40, 200), slice(200, 300)
    found = logistic_regression.tuned_on_split(
        features[train], labels[train], features[held_out], labels[held_out], features[test]
    )
    right = {}
    for strength in GRID["C"]:
        model = LogisticRegression(C=strength, max_iter=1000).fit(features[train], labels[train])
        right[strength] = model.score(features[held_out], labels[held_out])
    assert len(set(right.values())) > 1  # the choice matters
    assert right[found.strength] == max(right.values())


def test_the_same_call_gives_the_same() -> None:
    features, labels = made(classes=3)
    first, second = (logistic_regression.cross_validated(features, labels, 3) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.strength == other.strength
        assert np.array_equal(one.rows, other.rows)
        assert np.array_equal(one.labels, other.labels)


def test_pair_features() -> None:
    first, second = np.array([[1.0, -2.0]], np.float32), np.array([[3.0, 4.0]], np.float32)
    assert logistic_regression.pair_features(first, second).tolist() == [[2.0, 6.0, 3.0, -8.0]]


@pytest.mark.parametrize(("count", "nested"), [(2, True), (3, True), (10, True), (10, False)])
def test_the_least_texts_of_a_label_fill_every_fold(count: int, nested: bool) -> None:
    least = logistic_regression.least_texts(count, nested=nested)
    for here, enough in ((least, True), (least - 1, False)):
        labels = np.array([0] * here + [1] * 200)
        outer = (
            [labels[learn] for learn, _ in folds(count).split(labels, labels)]
            if here >= count
            else []
        )
        inner = outer if nested else [labels] * (here >= count)
        filled = [np.count_nonzero(part == 0) >= count for part in inner]
        assert (bool(filled) and all(filled)) == enough


@pytest.mark.process
@pytest.mark.long
def test_transfer_is_within_0_7_of_sentevals_evaluator(
    cli: Cli, minilm: Path, shared: Path
) -> None:
    reference = json.loads((shared / "reference/senteval_transfer.json").read_text())
    expected = {**reference["accuracy"], "SICKEntailment": reference["SICKEntailment"]}
    words = ("run", "-m", "all-MiniLM-L6-v2", "--mirror", shared / "data", "--json")
    ended = cli(*words, "-t", "Transfer,SICKRelatedness")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)["models"]
    related = row["scores"].pop("SICKRelatedness")
    assert round(related, 2) == reference["SICKRelatedness_spearman_cosine"]
    assert row["scores"] == pytest.approx(expected, abs=0.7)
