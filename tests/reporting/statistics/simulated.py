"""Two models that differ by noise alone, on graphs of pairs that share texts.

Both are copies of one model, each with noise of its own: whatever the noise is, no difference
between them is a true one. Beside each graph stands what it looks like in the field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq

from angle_bench.reporting.statistics.difference import Scored
from angle_bench.reporting.statistics.measures import Mean, Spearman
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.results.text_hash import normalised

Noise = Literal["texts", "pairs", "both", "heavy", "hubs"]
NOISES: tuple[Noise, ...] = ("texts", "pairs", "both", "heavy", "hubs")
SIZE = 16  # dimensions of a text's vector

Nodes = np.ndarray


def queries(count: int, documents: int) -> Nodes:
    """Every query with every document: own data of queries and documents."""
    query, document = np.divmod(np.arange(count * documents), documents)
    return np.stack([query, count + document], axis=1)


def reranking(count: int, documents: int) -> Nodes:
    """Every query with documents of its own, as in AskUbuntu."""
    pairs = np.arange(count * documents)
    return np.stack([pairs // documents, count + pairs], axis=1)


def star(pairs: int) -> Nodes:
    return queries(1, pairs)


def chain(pairs: int) -> Nodes:
    """Each pair shares a text with the next one."""
    return np.stack([np.arange(pairs), np.arange(pairs) + 1], axis=1)


def independent(pairs: int) -> Nodes:
    return np.arange(2 * pairs).reshape(-1, 2)


def cliques(count: int, texts: int) -> Nodes:
    """Groups of texts, in each of which every two are a pair: paraphrases."""
    inside = np.array([(i, j) for i in range(texts) for j in range(i)])
    return np.concatenate([inside + texts * at for at in range(count)])


def bipartite(queries: int, documents: int, pairs: int) -> Nodes:
    """Queries and documents paired at random; some pairs occur twice."""
    random = np.random.default_rng(queries)
    ends = random.integers(0, queries, pairs), queries + random.integers(0, documents, pairs)
    return np.stack(ends, axis=1)


def power_law(texts: int, pairs: int, exponent: float) -> Nodes:
    """Few texts in many pairs, many in few."""
    random = np.random.default_rng(texts)
    share = np.arange(1, texts + 1) ** -exponent
    first = random.choice(texts, pairs, p=share / share.sum())
    return np.stack([first, texts + random.integers(0, texts, pairs)], axis=1)


def templates(count: int, items: int) -> Nodes:
    """Items of one text each, of which there are few: a classification set from templates."""
    text = np.arange(items) % count
    return np.stack([text, text], axis=1)


def real(shared: Path, folder: str, split: str = "test") -> tuple[Nodes, np.ndarray]:
    """The pairs of a task and their gold scores."""
    table = pq.read_table(shared / "data" / "mteb" / folder / f"{split}.parquet")
    numbers: dict[str, int] = {}
    columns = [table[name].to_pylist() for name in ("sentence1", "sentence2")]
    nodes = [
        [numbers.setdefault(normalised(text), len(numbers)) for text in pair]
        for pair in zip(*columns, strict=True)
    ]
    return np.array(nodes), np.asarray(table["score"].to_pylist(), dtype=float)


@dataclass(frozen=True)
class World:
    """Pairs with gold scores and vectors, or items with labels; models are drawn from it.

    Attributes:
        shared: Which items share texts.
        vectors: Of every text, of length 1.
        gold: Of every pair; None for items that are right or wrong.
        degree: In how many items each text is, by the mean.
    """

    shared: SharedTexts
    vectors: np.ndarray
    gold: np.ndarray | None
    degree: np.ndarray

    @classmethod
    def of(cls, nodes: Nodes, gold: np.ndarray | None = None) -> "World":
        random = np.random.default_rng(len(nodes))
        texts = int(nodes.max()) + 1
        vectors = _unit(random.standard_normal((texts, SIZE)) + 0.5)
        degree = np.bincount(nodes.ravel(), minlength=texts).astype(float)
        if gold is None and (nodes[:, 0] != nodes[:, 1]).any():
            gold = _cosines(vectors, nodes) + 0.2 * random.standard_normal(len(nodes))
        return cls(SharedTexts(nodes), vectors, gold, degree / degree.mean())

    def model(self, random: np.random.Generator, noise: Noise, size: float = 0.5) -> Scored:
        """A copy of the model with noise of its own, scored."""
        nodes = self.shared.nodes
        moved = self.vectors
        if noise != "pairs":
            drawn = random.standard_normal(moved.shape) * (size / np.sqrt(SIZE))
            if noise == "heavy":  # Student's t with 3 degrees of freedom
                drawn *= np.sqrt(3 / random.chisquare(3, (len(moved), 1)))
            if noise == "hubs":
                drawn *= np.minimum(np.sqrt(self.degree), 3)[:, None]
            moved = _unit(moved + drawn)
        on_pairs = 0.4 * size * random.standard_normal(len(nodes)) * (noise in ("pairs", "both"))
        if self.gold is None:
            right = moved[nodes[:, 0], 0] + 0.3 * moved[nodes[:, 0], 1] + on_pairs > 0.1
            return _scored(Mean(right.astype(float)))
        return _scored(Spearman(self.gold, _cosines(moved, nodes) + on_pairs))

    def best(self, random: np.random.Generator) -> Scored:
        """A model that is hardly ever wrong."""
        if self.gold is None:
            wrong = (random.random(len(self.vectors)) < 0.05)[self.shared.nodes[:, 0]]
            return _scored(Mean(1.0 - wrong))
        return _scored(
            Spearman(self.gold, self.gold + 0.02 * random.standard_normal(len(self.gold)))
        )


def _scored(measure: Mean | Spearman) -> Scored:
    value = measure.value()
    if not np.isfinite(value):
        return Scored(value, np.zeros(measure.size))
    return Scored(value, measure.influence())


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _cosines(vectors: np.ndarray, nodes: Nodes) -> np.ndarray:
    return np.einsum("ij,ij->i", vectors[nodes[:, 0]], vectors[nodes[:, 1]])


ISSUE: dict[str, Callable[[], Nodes]] = {
    "1 query x 30": lambda: queries(1, 30),
    "1 query x 100": lambda: queries(1, 100),
    "2 x 50": lambda: queries(2, 50),
    "3 x 30": lambda: queries(3, 30),
    "5 x 20": lambda: queries(5, 20),
    "10 x 20": lambda: queries(10, 20),
    "20 x 20": lambda: queries(20, 20),
    "star of 5": lambda: star(5),
    "chain of 5": lambda: chain(5),
    "independent 3": lambda: independent(3),
}
OTHERS: dict[str, Callable[[], Nodes]] = {
    "independent 8": lambda: independent(8),
    "independent 15": lambda: independent(15),
    "independent 30": lambda: independent(30),
    "chain of 30": lambda: chain(30),
    "chain of 200": lambda: chain(200),
    "8 cliques of 4": lambda: cliques(8, 4),
    "30 cliques of 5": lambda: cliques(30, 5),
    "bipartite 15 x 40, 200": lambda: bipartite(15, 40, 200),
    "bipartite 100 x 200, 1000": lambda: bipartite(100, 200, 1000),
    "power law 100, 400": lambda: power_law(100, 400, 1.0),
    "power law 3000, 5000": lambda: power_law(3000, 5000, 0.7),
    "reranking 12 x 20": lambda: reranking(12, 20),
    "reranking 361 x 20": lambda: reranking(361, 20),
    "40 queries x 250": lambda: queries(40, 250),
    "3 templates of 90": lambda: templates(3, 90),
    "12 templates of 240": lambda: templates(12, 240),
    "40 templates of 400": lambda: templates(40, 400),
}
REAL = ("sts12-sts", "sts13-sts", "sts14-sts", "sts16-sts", "stsbenchmark-sts", "sickr-sts")
