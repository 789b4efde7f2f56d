"""Word embeddings of an adapter: its base gets as many rows as it was trained with.

peft saves the embeddings whole where training changed or resized them, and leaves it to the reader
to resize the base before they are loaded.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from angle_bench.errors import ModelError

_TOKENS = ("trainable_token_indices", "token_indices")


def fit_vocabulary(
    model: nn.Module, folder: Path, weights: Mapping[str, Tensor], config: Any
) -> None:
    """Resize the word embeddings of a base to those that an adapter brings.

    Args:
        model: The base, changed in place.
        folder: The adapter.
        weights: Its weights by name.
        config: Its config, as peft reads it.

    Raises:
        ModelError: It was trained on more or fewer rows, and does not bring them.
    """
    if (rows := rows_of(model)) is None:
        return
    saved = saved_embedding(model, weights)
    if saved is not None and len(saved) != rows:
        resized: Any = model
        # new rows are the adapter's in a moment: what they start with does not matter
        resized.resize_token_embeddings(len(saved), mean_resizing=False)
        rows = len(saved)
    for wanted, what in _wanted(model, weights, config):
        fits = wanted <= rows if what == "a token" else wanted == rows
        if not fits:
            raise ModelError(
                f"the adapter {folder} was trained with word embeddings of {wanted} rows "
                f"({what}), its base has {rows}, and it does not bring the others.",
                "the adapter saved with save_embedding_layers=True, "
                "or --base PATH of the model with the resized vocabulary",
            )


def saved_embedding(model: nn.Module, weights: Mapping[str, Tensor]) -> Tensor | None:
    """The word embeddings that an adapter brings whole, (rows, width); None if it brings none."""
    for key, weight in _of_embedding(model, weights):
        if key in ("weight", "base_layer.weight"):
            return weight
    return None


def rows_of(model: Any) -> int | None:
    """How many tokens a model has word embeddings for; None where it has no table of them.

    An adapter's layer may be around the table.
    """
    try:
        parts = model.get_input_embeddings().modules()
    except NotImplementedError:
        return None
    return next((part.num_embeddings for part in parts if isinstance(part, nn.Embedding)), None)


def _wanted(
    model: nn.Module, weights: Mapping[str, Tensor], config: Any
) -> Iterator[tuple[int, str]]:
    """How many rows the parts of an adapter need, and which part says so."""
    for key, weight in _of_embedding(model, weights):
        if key == "lora_embedding_A":
            yield weight.shape[1], key
    for indices in (getattr(config, key, None) for key in _TOKENS):
        for tokens in indices.values() if isinstance(indices, dict) else [indices]:
            if isinstance(tokens, list) and tokens and all(type(one) is int for one in tokens):
                yield max(tokens) + 1, "a token"


def _of_embedding(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Weights of the module of word embeddings, by their names in it."""
    if rows_of(model) is None:
        return
    embedding = model.get_input_embeddings()  # type: ignore[operator]
    path = next(name for name, module in model.named_modules() if module is embedding)
    for key, weight in weights.items():
        _, found, inner = key.partition(f".{path}.")
        if found:
            yield inner, weight
