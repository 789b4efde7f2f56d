"""The objectives of a batch, combined as its format asks.

A (pairs with labels): cosine, ibn and angle. B (pairs): a query against all positives. C
(triplets): that, the same with negatives, and angle and cosine over (q, p) = 1 and (q, n) = 0.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from angle_bench.errors import DataError, UsageError
from angle_bench.training.loss.objectives import Guide, angle, contrast, cosine, in_batch_negatives
from angle_bench.training.recipe.loss_sections import Objectives


@dataclass(frozen=True)
class Loss:
    """The loss of a batch.

    Attributes:
        parts: By name, weighted; only those whose weight is not 0.
    """

    parts: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        """What is minimised: the sum of the parts."""
        return torch.stack(list(self.parts.values())).sum()


@dataclass(frozen=True)
class Rows:
    """What the objectives need to know of a batch, beside its vectors.

    Attributes:
        texts_per_row: 2 or 3.
        labels: Of format A, (rows,).
        text_ids: Equal for equal texts, (rows · texts_per_row,), for `mask_duplicates`.
        guide: The teacher's vectors of the same texts, for `ibn_margin` by a teacher.
    """

    texts_per_row: int
    labels: Tensor | None = None
    text_ids: Tensor | None = None
    guide: Tensor | None = None


def combined(vectors: Tensor, rows: Rows, settings: Objectives) -> Loss:
    """The loss of a batch.

    Args:
        vectors: In row order, (rows · texts_per_row, dimension).
        rows: Their format, labels and ids.
        settings: Weights and inverse temperatures.

    Raises:
        UsageError: No objective of this format has a weight.
        DataError: `ibn_w` is not 0, and labels are outside 0 to 1; labels on triplets;
            `mask_duplicates` without ids.
        ModelError: `angle_w` is not 0, and the dimension is odd.
    """
    vectors = vectors.float()
    if settings.mask_duplicates and rows.text_ids is None:
        raise DataError(
            "mask_duplicates needs to know which texts are equal.", "the argument text_ids"
        )
    ids = rows.text_ids if settings.mask_duplicates else None
    guide = _guide(vectors, rows, settings)
    if rows.texts_per_row == 3:
        if rows.labels is not None:
            raise DataError(
                "triplets have no labels.", "the columns query, positive and negative alone"
            )
        parts = _triplets(vectors, ids, guide, settings)
    elif rows.labels is None:
        parts = _queries(vectors, ids, guide, settings)
    else:
        parts = _pairs(vectors, rows.labels, ids, guide, settings)
    if not parts:
        raise UsageError(
            "no objective of this format has a weight.", "a weight above 0 under [loss]"
        )
    return Loss(parts)


def _guide(vectors: Tensor, rows: Rows, settings: Objectives) -> Guide | None:
    if settings.ibn_margin is None:
        return None
    if settings.ibn_guide == "student":
        return Guide(vectors.detach(), settings.ibn_margin)
    if rows.guide is None:
        raise DataError('ibn_guide = "teacher" needs its vectors.', 'ibn_guide="student"')
    return Guide(rows.guide.float(), settings.ibn_margin)


def _pairs(
    vectors: Tensor,
    labels: Tensor,
    ids: Tensor | None,
    guide: Guide | None,
    settings: Objectives,
) -> dict[str, Tensor]:
    parts = {}
    if settings.ibn_w:
        if not bool(((labels >= 0) & (labels <= 1)).all()):
            raise DataError(
                "ibn takes pairs of label 1 as positives, and there are labels outside 0 to 1.",
                "ibn_w = 0 under [loss], or label_range of the source",
            )
        plain = in_batch_negatives(vectors, labels, settings.ibn_tau, ids, guide)
        parts["ibn"] = settings.ibn_w * plain
    return parts | _rankings(vectors, labels, settings)


def _queries(
    vectors: Tensor, ids: Tensor | None, guide: Guide | None, settings: Objectives
) -> dict[str, Tensor]:
    if not settings.ibn_w:
        return {}
    known = None if ids is None else (ids[0::2], ids[1::2], None)
    sides = None if guide is None else (guide.vectors[0::2], guide.vectors[1::2], None)
    plain = contrast(
        vectors[0::2], vectors[1::2], None, settings.ibn_tau, known, sides, settings.ibn_margin or 0
    )
    return {"ibn": settings.ibn_w * plain}


def _triplets(
    vectors: Tensor, ids: Tensor | None, guide: Guide | None, settings: Objectives
) -> dict[str, Tensor]:
    query, positive, negative = (vectors[place::3] for place in range(3))
    known = None if ids is None else (ids[0::3], ids[1::3], ids[2::3])
    sides = None if guide is None else tuple(guide.vectors[place::3] for place in range(3))
    tau, margin = settings.ibn_tau, settings.ibn_margin or 0.0
    parts = {}
    if settings.ibn_w:
        alone = None if known is None else (known[0], known[1], None)
        two = None if sides is None else (sides[0], sides[1], None)
        plain = contrast(query, positive, None, tau, alone, two, margin)
        parts["ibn"] = settings.ibn_w * plain / 2
    if settings.cln_w:
        three = None if sides is None else (sides[0], sides[1], sides[2])
        hard = contrast(query, positive, negative, tau, known, three, margin)
        parts["cln"] = settings.cln_w * hard / 2
    pairs = torch.stack([query, positive, query, negative], dim=1).flatten(0, 1)
    labels = vectors.new_tensor([1.0, 0.0]).repeat(len(query))
    return parts | _rankings(pairs, labels, settings)


def _rankings(pairs: Tensor, labels: Tensor, settings: Objectives) -> dict[str, Tensor]:
    parts = {}
    if settings.angle_w:
        ranked = angle(pairs, labels, settings.angle_tau, settings.angle_pool)
        parts["angle"] = settings.angle_w * ranked
    if settings.cosine_w:
        parts["cosine"] = settings.cosine_w * cosine(pairs, labels, settings.cosine_tau)
    return parts
