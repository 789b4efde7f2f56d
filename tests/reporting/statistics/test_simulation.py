"""How often verdicts are wrong, on the pairs of real tasks with noise on every sentence.

Two models are copies of the same vectors, each with noise of its own on every sentence: there is
no difference between them but noise, which all pairs of a sentence share. The long tests take
MiniLM's vectors; the others bags of words, which are there at once.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from angle_bench.reporting.statistics.difference import Scored, difference
from angle_bench.reporting.statistics.inference import Estimate
from angle_bench.reporting.statistics.measures import Spearman
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.results.text_hash import normalised

FILES = {"STS12": "mteb/sts12-sts", "SICK-R": "mteb/sickr-sts"}
NOISE = 0.5  # its length, where a vector's is 1


@dataclass(frozen=True)
class Graph:
    """The pairs of a task, and a vector of every distinct sentence."""

    gold: np.ndarray
    shared: SharedTexts
    vectors: np.ndarray

    def noisy(self, random: np.random.Generator, noise: float = NOISE) -> Scored:
        """A copy of the model with noise on every sentence, scored."""
        size = self.vectors.shape[1]
        drawn = random.standard_normal(self.vectors.shape, dtype=np.float32)
        made = self.vectors + drawn * np.float32(noise / np.sqrt(size))
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        first, second = self.shared.nodes.T
        measure = Spearman(
            self.gold, np.einsum("ij,ij->i", made[first], made[second]).astype(float)
        )
        return Scored(measure.value(), measure.influence())


def graph(shared: Path, task: str, vectors: Callable[[list[str]], np.ndarray]) -> Graph:
    table = pq.read_table(shared / "data" / FILES[task] / "test.parquet")
    numbers: dict[str, int] = {}
    columns = [table[name].to_pylist() for name in ("sentence1", "sentence2")]
    nodes = np.array(
        [
            [numbers.setdefault(normalised(text), len(numbers)) for text in pair]
            for pair in zip(*columns, strict=True)
        ]
    )
    gold = np.asarray(table["score"].to_pylist(), dtype=float)
    return Graph(gold, SharedTexts(nodes), vectors(list(numbers)))


def bags_of_words(texts: list[str]) -> np.ndarray:
    """The sum of a random vector of 24 dimensions for each word, normalised."""
    words: dict[str, int] = {}
    for text in texts:
        for word in text.split():
            words.setdefault(word, len(words))
    table = np.random.default_rng(0).standard_normal((len(words), 24), dtype=np.float32)
    sums = np.array([np.sum([table[words[word]] for word in t.split()], axis=0) for t in texts])
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))


def minilms(texts: list[str]) -> np.ndarray:
    import angle_bench

    with closing(angle_bench.load("all-MiniLM-L6-v2")) as encoder:
        return np.asarray(encoder.encode(texts), dtype=np.float32)


def as_if_independent(base: Scored, candidate: Scored) -> Estimate:
    influence = candidate.influence - base.influence
    return Estimate(candidate.score - base.score, float(np.sqrt(influence @ influence)))


def null_rates(on: Graph, draws: int, seed: int) -> tuple[float, float]:
    """How often no difference is called one: clustered on sentences, and by pairs."""
    random = np.random.default_rng(seed)
    clustered = pairs = 0
    for _ in range(draws):
        base, candidate = on.noisy(random), on.noisy(random)
        clustered += difference([base], [candidate], on.shared).estimate.p < 0.05
        pairs += as_if_independent(base, candidate).p < 0.05
    return clustered / draws, pairs / draws


def coverage(on: Graph, draws: int, seed: int) -> float:
    """How often the interval holds the difference that more noise makes."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        base, candidate = on.noisy(random), on.noisy(random, 1.2 * NOISE)
        found.append(difference([base], [candidate], on.shared).estimate)
    true = np.mean([each.difference for each in found])
    assert true < -0.5 * np.mean([each.error for each in found])  # it is a difference
    return float(np.mean([low < true < high for low, high in map(Estimate.interval, found)]))


def seeds_rate(on: Graph, draws: int, seed: int) -> float:
    """How often three seeds against three of the same recipe are called different."""
    random = np.random.default_rng(seed)
    called = 0
    for _ in range(draws):
        base, candidate = ([on.noisy(random) for _ in range(3)] for _ in range(2))
        called += difference(base, candidate, on.shared).estimate.p < 0.05
    return called / draws


def shifted_seeds_rate(on: Graph, draws: int, seed: int) -> float:
    """The same where a seed moves all sentences together, beside noise that seeds share."""
    random = np.random.default_rng(seed)
    called = 0
    for _ in range(draws):
        base, candidate = on.noisy(random), on.noisy(random)
        sides = [
            [Scored(one.score + shift, one.influence) for shift in 0.004 * random.normal(size=3)]
            for one in (base, candidate)
        ]
        called += difference(*sides, on.shared).estimate.p < 0.05
    return called / draws


def test_sentences_keep_their_promise_and_pairs_do_not(shared: Path) -> None:
    """200 draws: 5 % is 10 of them, and three standard errors more are 20."""
    clustered, pairs = null_rates(graph(shared, "STS12", bags_of_words), 200, seed=1)
    assert clustered <= 0.10
    assert pairs > clustered
    assert pairs > 0.08


def test_the_interval_covers_a_known_difference(shared: Path) -> None:
    assert coverage(graph(shared, "STS12", bags_of_words), 100, seed=2) >= 0.89


def test_three_seeds_against_three(shared: Path) -> None:
    on = graph(shared, "STS12", bags_of_words)
    assert seeds_rate(on, 60, seed=3) <= 0.13
    assert shifted_seeds_rate(on, 60, seed=4) <= 0.13


@pytest.mark.long
@pytest.mark.parametrize("task", FILES)
def test_a_true_null_is_rejected_in_5_percent(shared: Path, minilm: Path, task: str) -> None:
    clustered, pairs = null_rates(graph(shared, task, minilms), 1000, seed=1)
    assert clustered == pytest.approx(0.05, abs=0.015)
    if task == "STS12":
        assert pairs > 0.10


@pytest.mark.long
@pytest.mark.parametrize("task", FILES)
def test_95_percent_intervals_cover_in_95_percent(shared: Path, minilm: Path, task: str) -> None:
    assert coverage(graph(shared, task, minilms), 1000, seed=2) == pytest.approx(0.95, abs=0.02)


@pytest.mark.long
def test_seeds_are_wrong_in_5_percent(shared: Path, minilm: Path) -> None:
    on = graph(shared, "STS12", minilms)
    assert seeds_rate(on, 1000, seed=3) == pytest.approx(0.05, abs=0.02)
    assert shifted_seeds_rate(on, 1000, seed=4) == pytest.approx(0.05, abs=0.02)
