"""The AnglE objectives as a loss of sentence-transformers' trainer."""

from collections.abc import Iterable
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from angle_bench.errors import DataError, UsageError, did_you_mean, or_list
from angle_bench.training.loss.combined import Rows, combined
from angle_bench.training.recipe.loss_sections import Objectives


class AngleLoss(nn.Module):
    """AnglE's combined loss over columns of texts.

    Two columns with labels are format A, two without are B, three (query, positive, negative) are
    C: weights and their defaults are those of a recipe's `[loss]`.

        >>> from angle_bench.training import AngleLoss
        >>> loss = AngleLoss(model, cosine_w=1.0, ibn_w=0.0)
        >>> trainer = SentenceTransformerTrainer(model, train_dataset=rows, loss=loss)
    """

    def __init__(self, model: Any, **weights: Any) -> None:
        """Check the weights.

        Args:
            model: A SentenceTransformer.
            weights: Settings of `[loss]`, such as `angle_w`.

        Raises:
            UsageError: There is no such setting, or its value cannot be.
        """
        super().__init__()
        self.model = model
        self.settings = _checked(weights)

    def forward(
        self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None
    ) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            sentence_features: Tokens of each column, (rows, length).
            labels: (rows,), or None.

        Raises:
            DataError: There are other than two or three columns.
        """
        columns = list(sentence_features)
        if len(columns) not in (2, 3):
            raise DataError(
                f"AngleLoss takes two or three columns of texts, and there are {len(columns)}.",
                "the columns text1, text2, label; query, positive; or query, positive, negative",
            )
        ids = _ids(columns) if self.settings.mask_duplicates else None
        encoded = [self.model(features)["sentence_embedding"] for features in columns]
        vectors = torch.stack(encoded, dim=1).flatten(0, 1)
        return combined(vectors, Rows(len(columns), labels, ids), self.settings).total

    def get_config_dict(self) -> dict[str, Any]:
        """The settings, for the model card."""
        return self.settings.model_dump()


def _checked(weights: dict[str, Any]) -> Objectives:
    known = list(Objectives.model_fields)
    for name in weights:
        if name not in known:
            near = did_you_mean(name, known)
            hint = f" Did you mean {or_list(near)}?" if near else ""
            raise UsageError(f"AngleLoss has no setting {name}.{hint}", f"{(near or known)[0]}=1.0")
    try:
        return Objectives.model_validate(weights)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UsageError(f"{name} of AngleLoss: {first['msg']}.", f"{name}=1.0") from error


def _ids(columns: list[dict[str, Tensor]]) -> Tensor:
    """Numbers in row order that are equal for equal texts."""
    numbers: dict[tuple[int, ...], int] = {}
    by_column = []
    for features in columns:
        rows = zip(features["input_ids"], features["attention_mask"].bool(), strict=True)
        keys = [tuple(ids[mask].tolist()) for ids, mask in rows]
        by_column.append([numbers.setdefault(key, len(numbers)) for key in keys])
    device = columns[0]["input_ids"].device
    return torch.tensor(by_column, device=device).T.flatten()
