"""Sizes, and layers x sizes, beside sentence-transformers' losses on one batch."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses
from torch import Tensor, nn

from angle_bench.errors import ModelError
from angle_bench.training import AngleLoss
from angle_bench.training.loss.combined import Rows, combined
from angle_bench.training.loss.matryoshka import matryoshka
from angle_bench.training.model.grouping import whole
from angle_bench.training.model.trainable import Trainable
from angle_bench.training.recipe.loss_sections import Matryoshka, Objectives
from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import add_sentence_transformers_files, build_tiny_bert
from tests.training.trainings import assert_same_weights, recipe_of, rows_of, trained

# an objective of ours, and the same of sentence-transformers alone or around AngleLoss
OBJECTIVES: Mapping[str, tuple[str, dict[str, float], Any]] = {
    "ranking": ("A", {"cosine_w": 1.0, "ibn_w": 0.0, "angle_w": 0.0}, losses.CoSENTLoss),
    "negatives": ("B", {"ibn_w": 1.0}, losses.MultipleNegativesRankingLoss),
    "pairs": ("A", {"cosine_w": 0.5, "angle_w": 0.7}, None),
    "triplets": ("C", {"cosine_w": 0.5, "angle_w": 0.7, "cln_w": 0.4}, None),
}


@pytest.fixture(params=[False, True], ids=["plain", "normalised"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> SentenceTransformer:
    build_tiny_bert(tmp_path / "st", num_hidden_layers=3)
    add_sentence_transformers_files(tmp_path / "st", normalize=request.param)
    return SentenceTransformer(str(tmp_path / "st"), device="cpu").eval()


def batch_of(format: str) -> tuple[list[list[str]], Tensor | None]:
    rows = rows_of(format, 6)
    columns = [[row[name] for row in rows] for name in rows[0] if name != "label"]
    labels = torch.tensor([row["label"] for row in rows]) if format == "A" else None
    return columns, labels


def layers_of(model: SentenceTransformer, columns: list[list[str]], every: bool) -> Any:
    """What our own trainer has of a batch, in row order."""
    transformer: Any = model[0].auto_model
    ours = Trainable(transformer, [], "mean", every_layer=every, tokens=False).eval()
    texts = [text for row in zip(*columns, strict=True) for text in row]
    tokens = model.tokenizer(texts, return_tensors="pt", padding=True)
    ids, mask = tokens["input_ids"], tokens["attention_mask"]
    none = torch.zeros(len(texts), dtype=torch.int64)
    return ours(ids, mask, none, whole(len(texts), ids.shape[1])).layers


def gradients(model: nn.Module) -> dict[str, Tensor]:
    found = {
        name: weight.grad.clone()
        for name, weight in model.named_parameters()
        if weight.grad is not None
    }
    model.zero_grad()
    return found


def assert_equal(model: SentenceTransformer, mine: Tensor, theirs: Tensor) -> None:
    """Loss and gradients to 1e-5."""
    assert mine.item() == pytest.approx(theirs.item(), abs=1e-5, rel=1e-5)
    theirs.backward()
    expected = gradients(model)
    mine.backward()
    found = gradients(model)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-5, rtol=1e-3, msg=name)


@pytest.mark.parametrize("weights", [None, (1.0, 0.5, 2.0)])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_sizes_are_those_of_matryoshka_loss(
    model: SentenceTransformer, name: str, weights: tuple[float, ...] | None
) -> None:
    format, said, loss = OBJECTIVES[name]
    columns, labels = batch_of(format)
    inner = AngleLoss(model, **said) if loss is None else loss(model)
    sizes = (32, 16, 8)
    other = losses.MatryoshkaLoss(model, inner, list(sizes), weights and list(weights))
    theirs = other([model.preprocess(column) for column in columns], labels)
    objective = partial(
        combined, rows=Rows(len(columns), labels), settings=Objectives.model_validate(said)
    )
    settings = Matryoshka(sizes=sizes, weights=weights)
    mine = matryoshka(layers_of(model, columns, False), objective, settings, 0)
    assert mine.total.item() != pytest.approx(
        objective(layers_of(model, columns, False)[0]).total.item()
    )
    assert_equal(model, mine.total, theirs)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {
            "last_layer_weight": 0.5,
            "prior_layers_weight": 2.0,
            "kl_temperature": 0.7,
            "kl_weight": 3.0,
        },
        {"kl_temperature": 0.0, "layer_weighting": "log"},
        {"layer_weighting": "linear"},
    ],
    ids=["defaults", "weights", "log", "linear"],
)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_layers_and_sizes_are_those_of_matryoshka_2d_loss(
    model: SentenceTransformer, name: str, more: dict[str, Any]
) -> None:
    format, said, loss = OBJECTIVES[name]
    columns, labels = batch_of(format)
    inner = AngleLoss(model, **said) if loss is None else loss(model)
    renamed = {"kl_weight": "kl_div_weight"}
    other = losses.Matryoshka2dLoss(
        model,
        inner,
        [32, 8],
        [1.0, 0.5],
        n_layers_per_step=-1,
        n_dims_per_step=-1,
        **{renamed.get(key, key): value for key, value in more.items()},
    )
    theirs = other([model.preprocess(column) for column in columns], labels)
    objective = partial(
        combined, rows=Rows(len(columns), labels), settings=Objectives.model_validate(said)
    )
    settings = Matryoshka(sizes=(32, 8), weights=(1.0, 0.5), layers=True, **more)
    layers = layers_of(model, columns, True)
    mine = matryoshka(layers, objective, settings, 0, normalize=len(model) == 3)
    assert ("mat_kl" in mine.parts) == bool(settings.kl_temperature)
    assert_equal(model, mine.total, theirs)


def test_what_is_drawn_is_some_of_all(model: SentenceTransformer) -> None:
    """Each draw is one size of sentence-transformers, every size is drawn, and a seed repeats."""
    columns, _ = batch_of("B")
    features = [model.preprocess(column) for column in columns]
    inner = losses.MultipleNegativesRankingLoss(model)
    expected = {
        size: losses.MatryoshkaLoss(model, inner, [size])(features, None).item() for size in (32, 8)
    }
    objective = partial(combined, rows=Rows(2), settings=Objectives())
    settings = Matryoshka(sizes=(32, 8), sizes_per_step=1)
    layers = layers_of(model, columns, False)
    found = [matryoshka(layers, objective, settings, draw).total.item() for draw in range(20)]
    sizes = [min(expected, key=lambda size: abs(expected[size] - each)) for each in found]
    assert set(sizes) == {32, 8}
    assert found == pytest.approx([expected[size] for size in sizes], abs=1e-5)
    assert found == [
        matryoshka(layers, objective, settings, draw).total.item() for draw in range(20)
    ]


@pytest.mark.parametrize("chunk", [None, 64])
@pytest.mark.parametrize("sections", [{"sizes": [32, 8]}, {"sizes": [32, 8], "layers": True}])
def test_the_trainer_lowers_it(
    tmp_path: Path, tiny_bert: Path, sections: dict[str, Any], chunk: int | None
) -> None:
    train = {"epochs": 6, "chunk_tokens": chunk}
    asked = recipe_of(tmp_path, tiny_bert, "B", matryoshka=sections, train=train)
    _, seen = trained(asked, tmp_path / "out")
    assert seen.losses[-1] < 0.9 * seen.losses[0]
    assert ("mat_layers" in seen.parts[0]) == ("layers" in sections)
    if chunk is None:
        drawn = {**sections, "sizes_per_step": 1}
        again = recipe_of(tmp_path, tiny_bert, "B", matryoshka=drawn, train={"epochs": 1})
        one, _ = trained(again, tmp_path / "one")
        two, _ = trained(again, tmp_path / "two")
        assert_same_weights(one.folder, two.folder)


def test_what_cannot_be_meant(tmp_path: Path, tiny_bert: Path) -> None:
    def recipe(**section: Any) -> Recipe:
        return recipe_of(tmp_path, tiny_bert, "B", matryoshka=section)

    for section, said in (
        ({"sizes": []}, "at least 1 item"),
        ({"sizes": [8, 8]}, "holds a size twice"),
        ({"sizes": [8], "weights": [1, 2]}, "2 weights for 1 sizes"),
        ({"sizes": [8], "sizes_per_step": 2}, "more than there are sizes"),
        ({"sizes": [8], "kl_weight": 2.0}, "matryoshka.kl_weight is of layers"),
        ({"sizes": [8], "dims": [8]}, "Extra inputs"),
    ):
        with pytest.raises(ValidationError, match=said):
            recipe(**section)
    with pytest.raises(ValidationError, match="two ways to one thing"):
        recipe_of(tmp_path, tiny_bert, matryoshka={"sizes": [8]}, espresso={"size": 8})
    with pytest.raises(ModelError, match="size 33 is larger than the vectors: 32"):
        trained(recipe(sizes=[33, 8]), tmp_path / "out")
    with pytest.raises(ModelError, match="7 is one of matryoshka"):
        trained(recipe(sizes=[32, 7]), tmp_path / "out")
