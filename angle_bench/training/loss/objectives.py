"""The AnglE objectives as pure functions of vectors and labels.

Li and Li, "AnglE-optimized Text Embeddings" (ACL 2024), as angle-emb 0.6.1 computes them; Su,
"CoSENT" (2022). Vectors are float32, (texts, dimension), in row order: pairs x0, y0, x1, y1, …;
triplets q0, p0, n0, q1, …. Every tau multiplies: it is an inverse temperature. A zero vector has
similarity 0 to all others and gets no gradient.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, mse_loss

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


class Guide(NamedTuple):
    """What tells negatives from positives that nobody has labelled (GISTEmbed; Solatorio, 2024).

    Attributes:
        vectors: In the order of the batch's texts, of whatever dimension.
        margin: A text whose cosine with a query is above that of the query's positive less this
            is no negative of it.
    """

    vectors: Tensor
    margin: float


def in_batch_negatives(
    vectors: Tensor,
    labels: Tensor,
    tau: float = 20.0,
    text_ids: Tensor | None = None,
    guide: Guide | None = None,
) -> Tensor:
    """Of all other texts of the batch, a text of a positive pair should be closest to its partner.

    Args:
        vectors: Of pairs, (2 · pairs, dimension).
        labels: 1 for a positive pair, (pairs,); the others add nothing, but divide the mean.
        tau: Inverse temperature.
        text_ids: Equal for equal texts, (2 · pairs,); where given, a duplicate of a text or of
            one of its partners in positive pairs is no negative of it.
        guide: Says which texts are no negatives, too.
    """
    normal = unit(vectors)
    logits = tau * normal @ normal.T
    place = torch.arange(len(vectors), device=vectors.device)
    partner = place ^ 1
    excluded = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    positive = (labels == 1).repeat_interleave(2)
    if text_ids is not None:
        excluded |= _known(text_ids, text_ids[partner], text_ids)
        pairs = text_ids[positive], text_ids[partner][positive]
        excluded |= _positives_of(text_ids, text_ids, pairs)
    if guide is not None:
        sides = unit(guide.vectors)
        excluded |= _too_close(sides, sides, partner, guide.margin)
    excluded[place, partner] = False
    losses = cross_entropy(logits.masked_fill(excluded, float("-inf")), partner, reduction="none")
    return losses.masked_fill(~positive, 0.0).mean()


def contrast(
    queries: Tensor,
    positives: Tensor,
    negatives: Tensor | None = None,
    tau: float = 20.0,
    text_ids: tuple[Tensor, Tensor, Tensor | None] | None = None,
    guide: tuple[Tensor, Tensor, Tensor | None] | None = None,
    margin: float = 0.0,
) -> Tensor:
    """Of all positives and negatives of the batch, a query should be closest to its positive.

    angle-emb's `cln`, in one direction.

    Args:
        queries: (rows, dimension).
        positives: (rows, dimension).
        negatives: (rows, dimension), if the rows have their own.
        tau: Inverse temperature.
        text_ids: Equal for equal texts, of the queries, positives and negatives, (rows,) each;
            where given, a duplicate of a query or of one of its positives is no negative of it.
        guide: Other vectors of the same texts, which say with `margin` what is no negative, too,
            as in GISTEmbed.
        margin: How much below its positive's cosine a query's negatives have to be.
    """
    documents = positives if negatives is None else torch.cat([positives, negatives])
    logits = tau * unit(queries) @ unit(documents).T
    target = torch.arange(len(queries), device=queries.device)
    if text_ids is None and guide is None:
        return cross_entropy(logits, target)
    excluded = torch.zeros_like(logits, dtype=torch.bool)
    if text_ids is not None:
        of_query, ids = text_ids[0], _documents(text_ids)
        excluded |= _known(of_query, text_ids[1], ids)
        excluded |= _positives_of(of_query, ids, (of_query, text_ids[1]))
    if guide is not None:
        excluded |= _too_close(unit(guide[0]), unit(_documents(guide)), target, margin)
    excluded[target, target] = False
    return cross_entropy(logits.masked_fill(excluded, float("-inf")), target)


def _documents(texts: tuple[Tensor, Tensor, Tensor | None]) -> Tensor:
    """Of all positives and then all negatives."""
    return texts[1] if texts[2] is None else torch.cat([texts[1], texts[2]])


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


def similarity_distance(vectors: Tensor, target: Tensor) -> Tensor:
    """The mean squared difference of two cosine matrices, over all ordered pairs of texts.

    Zhang et al., "Jasper and Stella: distillation of SOTA embedding models" (2024), L_sim.

    Args:
        vectors: What learns, (texts, dimension).
        target: What its cosines should be like, (texts, any dimension).
    """
    own, wanted = unit(vectors), unit(target.float())
    return mse_loss(own @ own.T, wanted @ wanted.T)


def _sides(pairs: Tensor) -> tuple[Tensor, Tensor]:
    return pairs[0::2], pairs[1::2]


def _known(own: Tensor, partner: Tensor, others: Tensor) -> Tensor:
    """Where another text is a row's own or its partner's, (rows, others)."""
    return (own[:, None] == others) | (partner[:, None] == others)


def _positives_of(texts: Tensor, others: Tensor, pairs: tuple[Tensor, Tensor]) -> Tensor:
    """Where another text is a positive of a text in any of the pairs, (texts, others)."""
    ids, numbers = torch.unique(torch.cat([texts, others, *pairs]), return_inverse=True)
    sizes = [len(texts), len(others), *map(len, pairs)]
    text, other, first, second = numbers.split(sizes)
    # a pair as one number: never more than the square of the batch's texts
    return torch.isin(text[:, None] * len(ids) + other, first * len(ids) + second)


@torch.no_grad()
def _too_close(own: Tensor, others: Tensor, positive: Tensor, margin: float) -> Tensor:
    """Where a text is closer to a row than its positive less a margin, (rows, others)."""
    similar = own @ others.T
    limit = similar.gather(1, positive[:, None]) - margin
    return similar > limit


def _ranking(scores: Tensor, labels: Tensor) -> Tensor:
    """log(1 + Σ exp(score i − score j)) over the pairs with label i < label j."""
    worse = labels[:, None] < labels[None, :]
    gaps = (scores[:, None] - scores[None, :]).masked_fill(~worse, float("-inf"))
    return torch.logsumexp(torch.cat([scores.new_zeros(1), gaps.flatten()]), dim=0)
