"""The AnglE objectives as pure functions of vectors and labels.

Li and Li, "AnglE-optimized Text Embeddings" (ACL 2024), as angle-emb 0.6.1 computes them; Su,
"CoSENT" (2022). Vectors are float32, (texts, dimension), in row order: pairs x0, y0, x1, y1, …;
triplets q0, p0, n0, q1, …. Every tau multiplies: it is an inverse temperature. A zero vector has
similarity 0 to all others and gets no gradient.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from angle_bench.errors import ModelError


def unit(vectors: Tensor) -> Tensor:
    """Vectors of length 1, (texts, dimension); a zero vector stays zero, without gradient."""
    length: Tensor = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    zero = length < 1e-12
    return (vectors / length.masked_fill(zero, 1.0)).masked_fill(zero, 0.0)


def cosine(vectors: Tensor, labels: Tensor, tau: float = 20.0) -> Tensor:
    """CoSENT: a pair with a higher label should have the higher cosine.

    Args:
        vectors: Of pairs, (2 · pairs, dimension).
        labels: Any scale, (pairs,); tied pairs are not compared.
        tau: Inverse temperature.
    """
    first, second = _sides(unit(vectors))
    return _ranking(tau * (first * second).sum(dim=1), labels)


def angle(
    vectors: Tensor,
    labels: Tensor,
    tau: float = 20.0,
    pooling: Literal["sum", "mean"] = "sum",
) -> Tensor:
    """A pair with a higher label should have the higher score in the complex plane.

    The halves of a vector are its real and its imaginary part; the score of a pair is the absolute
    sum (or mean) of the parts of their quotient, each divided by its vector's length.

    Args:
        vectors: Of pairs, (2 · pairs, dimension).
        labels: Any scale, (pairs,); tied pairs are not compared.
        tau: Inverse temperature.
        pooling: Over the dimensions.

    Raises:
        ModelError: The dimension is odd.
    """
    if vectors.shape[1] % 2:
        raise ModelError(
            f"the angle objective halves its vectors, which have {vectors.shape[1]} dimensions.",
            "angle_w = 0 under [loss], or a model or size of an even dimension",
        )
    first, second = _sides(unit(vectors))
    a, b = first.chunk(2, dim=1)
    c, d = second.chunk(2, dim=1)
    parts = torch.cat([a * c + b * d, b * c - a * d], dim=1)
    pooled = parts.sum(dim=1) if pooling == "sum" else parts.mean(dim=1)
    return _ranking(tau * pooled.abs(), labels)


def in_batch_negatives(
    vectors: Tensor, labels: Tensor, tau: float = 20.0, text_ids: Tensor | None = None
) -> Tensor:
    """Of all other texts of the batch, a text of a positive pair should be closest to its partner.

    Args:
        vectors: Of pairs, (2 · pairs, dimension).
        labels: 1 for a positive pair, (pairs,); the others add nothing, but divide the mean.
        tau: Inverse temperature.
        text_ids: Equal for equal texts, (2 · pairs,); where given, a duplicate of a text or of
            its partner is no negative of it.
    """
    normal = unit(vectors)
    logits = tau * normal @ normal.T
    place = torch.arange(len(vectors), device=vectors.device)
    partner = place ^ 1
    excluded = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    if text_ids is not None:
        excluded |= _known(text_ids, text_ids[partner], text_ids)
        excluded[place, partner] = False
    losses = cross_entropy(logits.masked_fill(excluded, float("-inf")), partner, reduction="none")
    positive = (labels == 1).repeat_interleave(2)
    return losses.masked_fill(~positive, 0.0).mean()


def contrast(
    queries: Tensor,
    positives: Tensor,
    negatives: Tensor | None = None,
    tau: float = 20.0,
    text_ids: tuple[Tensor, Tensor, Tensor | None] | None = None,
) -> Tensor:
    """Of all positives and negatives of the batch, a query should be closest to its positive.

    angle-emb's `cln`, in one direction.

    Args:
        queries: (rows, dimension).
        positives: (rows, dimension).
        negatives: (rows, dimension), if the rows have their own.
        tau: Inverse temperature.
        text_ids: Equal for equal texts, of the queries, positives and negatives, (rows,) each;
            where given, a duplicate of a query or of its positive is no negative of it.
    """
    documents = positives if negatives is None else torch.cat([positives, negatives])
    logits = tau * unit(queries) @ unit(documents).T
    target = torch.arange(len(queries), device=queries.device)
    if text_ids is not None:
        of_query, of_positive, of_negative = text_ids
        ids = of_positive if of_negative is None else torch.cat([of_positive, of_negative])
        excluded = _known(of_query, of_positive, ids)
        excluded[target, target] = False
        logits = logits.masked_fill(excluded, float("-inf"))
    return cross_entropy(logits, target)


def kl_divergence(vectors: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of softmaxes over the dimensions, times the temperature.

    Args:
        vectors: What learns, (rows, dimension).
        target: What it should be like, (rows, dimension).
        temperature: Both are divided by it.
    """
    spread = kl_div(
        torch.log_softmax(vectors / temperature, dim=-1),
        torch.softmax(target / temperature, dim=-1),
        reduction="batchmean",
    )
    return temperature * spread


def _sides(pairs: Tensor) -> tuple[Tensor, Tensor]:
    return pairs[0::2], pairs[1::2]


def _known(own: Tensor, partner: Tensor, others: Tensor) -> Tensor:
    """Where another text is a row's own or its partner's, (rows, others)."""
    return (own[:, None] == others) | (partner[:, None] == others)


def _ranking(scores: Tensor, labels: Tensor) -> Tensor:
    """log(1 + Σ exp(score i − score j)) over the pairs with label i < label j."""
    worse = labels[:, None] < labels[None, :]
    gaps = (scores[:, None] - scores[None, :]).masked_fill(~worse, float("-inf"))
    return torch.logsumexp(torch.cat([scores.new_zeros(1), gaps.flatten()]), dim=0)
