"""The variance of a sum of influences where items share texts, for few and unequal texts too."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from angle_bench.reporting.statistics.clusters import Clusters, Nodes, Vector, sums

_KEPT = 4  # weightings
Over = Literal["sentences", "sentences, pairs twice"]


class Variance(NamedTuple):
    """A variance, and whether the items that two sentences share were counted once or twice."""

    value: float
    over: Over


@dataclass(frozen=True)
class SharedTexts:
    """Which items share a text, and which belong to one mean.

    Attributes:
        nodes: The two texts of every item as numbers, (items, 2); the same number twice for an
            item of one text, such as a query.
        part: The part of every item as a number, (items,): each part has a score of its own, of
            which the whole is the weighted mean. One part where it is not given.
    """

    nodes: Nodes
    part: Nodes | None = None

    @classmethod
    def none(cls, items: int, part: Nodes | None = None) -> "SharedTexts":
        """Items that share nothing."""
        own = np.arange(items)
        return cls(np.stack([own, own], axis=1), part)

    @cached_property
    def apart(self) -> "SharedTexts":
        """The same items as if they shared nothing."""
        return SharedTexts.none(len(self.nodes), self.part)

    def weighted(self, weight: Vector) -> "WeightedTexts":
        """The same, once it is known what each item counts in the score, (items,).

        The last few are kept: every candidate counts the items of its base alike.
        """
        key = weight.tobytes()
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = self._weighted(weight)
        return self._kept[key]

    @cached_property
    def _kept(self) -> "dict[bytes, WeightedTexts]":
        return {}

    def _weighted(self, weight: Vector) -> "WeightedTexts":
        part = np.zeros(len(self.nodes), dtype=np.intp) if self.part is None else self.part
        # what is subtracted, such as unseen pairs from seen ones, is a mean of its own
        mean = 2 * part + (weight < 0)
        share = np.abs(weight)
        totals = sums(mean, share)
        return WeightedTexts(
            Clusters.of(*self._by_text, mean, share, totals),
            Clusters.of(*self._by_pair, mean, share, totals),
        )

    @cached_property
    def disjoint(self) -> Nodes | None:
        """The cluster of every item, (items,), where sharing makes clusters that share nothing.

        None where it does not: where one item shares a text with two that share none.
        """
        item, text = self._by_text
        first = np.full(int(text.max(initial=-1)) + 1, len(self.nodes))
        np.minimum.at(first, text, item)
        cluster = first[self.nodes].min(axis=1)  # the first item that shares a text, or itself
        if (cluster[item] != cluster[first[text]]).any():
            return None  # one text in two of these
        sizes = np.bincount(cluster).astype(float)
        texts = np.bincount(text).astype(float)
        pairs = np.bincount(self._by_pair[1]).astype(float)
        sharing = texts @ texts - pairs @ pairs  # ordered pairs of items that share a text
        return cluster if sharing == sizes @ sizes else None

    @cached_property
    def units(self) -> int:
        """How many different items there are: pairs of texts, whichever stands first."""
        return len(np.unique(np.sort(self.nodes, axis=1), axis=0))

    @cached_property
    def _by_text(self) -> tuple[Nodes, Nodes]:
        """Every item under each of its texts: items, and texts."""
        two = self._two
        item = np.concatenate([np.arange(len(self.nodes)), two])
        return item, np.concatenate([self.nodes[:, 0], self.nodes[two, 1]])

    @cached_property
    def _by_pair(self) -> tuple[Nodes, Nodes]:
        """Every item of two texts under its unordered pair: items, and numbers of pairs."""
        two = self._two
        low, high = np.sort(self.nodes[two], axis=1).T
        count = int(high.max()) + 1 if len(two) else 0
        return two, np.asarray(np.unique(low * count + high, return_inverse=True)[1])

    @cached_property
    def _two(self) -> Nodes:
        return np.flatnonzero(self.nodes[:, 0] != self.nodes[:, 1])


@dataclass(frozen=True)
class WeightedTexts:
    """Items that share texts, each with what it counts in the score.

    Attributes:
        texts: The items of each text.
        pairs: The items of each pair of different texts, which are among those of both.
    """

    texts: Clusters
    pairs: Clusters

    def variance(self, influence: Vector) -> Variance:
        """The sum of products of influences over all pairs of items that share a text.

        Dyadic-robust (Aronow, Samii and Assenova 2015, "Cluster-robust variance estimation for
        dyadic data"): the squared sums of texts, less those of the pairs that two texts share,
        which they count twice. Influences sum to 0, so the sum of a text that is in many items is
        too small; each is raised to what leaving out that text would give (CR3; Bell and
        McCaffrey 2002). A negative sum, which it can be, is replaced by that of the texts alone.
        """
        of_texts = self.texts.squares(influence)
        value = of_texts - self.pairs.squares(influence)
        return Variance(value, "sentences") if value >= 0 else Variance(of_texts, _TWICE)

    @cached_property
    def degrees_of_freedom(self) -> float:
        """Degrees of freedom of the variance, if every text did as much to its items.

        Satterthwaite's, of the parts that texts have in it; each part loses what its own mean
        takes. n − 1 for n items that share nothing; 0 where one text is in all items of a part.
        """
        spread = self.texts.spread - self.pairs.spread
        total = self.texts.total - self.pairs.total
        return total**2 / spread if np.isfinite(spread) and spread > 0 else 0.0

    @property
    def effective(self) -> float:
        """The effective number of independent sentences (or queries)."""
        return self.degrees_of_freedom + 1


_TWICE: Over = "sentences, pairs twice"
