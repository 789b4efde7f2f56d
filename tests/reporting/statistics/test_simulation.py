"""How often verdicts are wrong where there is no difference, over graphs, noise and seeds.

The small tests take seconds. The whole simulation is marked long: 27 graphs and six tasks under
five kinds of noise, half an hour on two cores. Its table, which stands in docs/statistics.md:

    python -m tests.reporting.statistics.test_simulation 600 ../shared
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from angle_bench.reporting.statistics.difference import FEWEST, Scored, difference
from angle_bench.reporting.statistics.inference import Estimate
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from tests.reporting.statistics.simulated import ISSUE, NOISES, OTHERS, REAL, Noise, World, real

GRAPHS = {**ISSUE, **OTHERS}
SHIFT = 0.004  # how far a seed moves all sentences together, one standard deviation


@dataclass(frozen=True)
class Rates:
    """What came of the draws.

    Attributes:
        effective: The effective number of sentences.
        refused: The share without a verdict.
        wrong: That of "better" or "worse" between equal models.
        covered: That of intervals around the true difference of two unequal models.
        found: That of "better" for a model that is hardly ever wrong beside a poor one.
        as_pairs: That of "better" or "worse" if pairs were independent.
        wider: Intervals by those of the dyadic sum and the normal distribution, the median.
    """

    effective: float
    refused: float
    wrong: float
    covered: float
    found: float
    as_pairs: float
    wider: float


def estimate(base: Scored, candidate: Scored, shared: SharedTexts) -> Estimate:
    return difference([base], [candidate], shared).estimate


def rates(on: World, noise: Noise, draws: int, seed: int = 1) -> Rates:
    random = np.random.default_rng(seed)
    equal, unequal, far, pairs, wider = [], [], [], [], []
    for _ in range(draws):
        base, candidate = on.model(random, noise), on.model(random, noise)
        equal.append(estimate(base, candidate, on.shared))
        influence = candidate.influence - base.influence
        alone = float(np.sqrt(influence @ influence))
        pairs.append(Estimate(equal[-1].difference, alone).p < 0.05)
        wider.append(_width(equal[-1]) / _before(influence, on.shared.nodes))
        unequal.append(estimate(base, on.model(random, noise, 0.65), on.shared))
        far.append(estimate(on.model(random, noise, 2.0), on.best(random), on.shared))
    true = np.mean([each.difference for each in unequal])
    covered = [low <= true <= high for low, high in map(Estimate.interval, unequal)]
    told = [not each.refusal for each in unequal]
    return Rates(
        equal[0].effective,
        float(np.mean([bool(each.refusal) for each in equal])),
        float(np.mean([each.p < 0.05 for each in equal])),
        float(np.sum(covered) / max(np.sum(told), 1)),
        float(np.mean([each.p < 0.05 and each.difference > 0 for each in far])),
        float(np.mean(pairs)),
        float(np.median(wider)),
    )


def _width(found: Estimate) -> float:
    low, high = found.interval()
    return high - low


def _before(influence: np.ndarray, nodes: np.ndarray) -> float:
    """The width of the interval by the plain dyadic sum and the normal quantile."""
    two = nodes[:, 0] != nodes[:, 1]
    sums = np.bincount(nodes[:, 0], influence, int(nodes.max()) + 1)
    sums += np.bincount(nodes[two, 1], influence[two], len(sums))
    pairs = np.unique(np.sort(nodes[two], axis=1), axis=0, return_inverse=True)[1].ravel()
    of_pairs = np.bincount(pairs, influence[two]) if two.any() else np.zeros(1)
    value = max(float(sums @ sums - of_pairs @ of_pairs), 1e-12)
    return 2 * 1.959964 * float(np.sqrt(value))


def seed_rate(on: World, base: int, candidate: int, draws: int, seed: int = 1) -> float:
    """How often recipes of so many seeds are called different, where they are one recipe.

    A seed draws noise on sentences and moves all of them together.
    """
    random = np.random.default_rng(seed)

    def recipe(count: int) -> list[Scored]:
        made = [on.model(random, "texts") for _ in range(count)]
        return [Scored(one.score + SHIFT * random.normal(), one.influence) for one in made]

    called = [
        difference(recipe(base), recipe(candidate), on.shared).estimate.p < 0.05
        for _ in range(draws)
    ]
    return float(np.mean(called))


def most(rate: float, draws: int) -> float:
    """What so many draws exceed once in a thousand times."""
    return float(stats.binom.ppf(0.999, draws, rate) / draws)


QUICK = (
    *("1 query x 30", "3 x 30", "star of 5", "5 x 20", "10 x 20", "20 x 20"),
    *("independent 15", "chain of 30", "12 templates of 240", "reranking 12 x 20"),
)


@pytest.mark.parametrize("name", QUICK)
def test_verdicts_on_few_sentences(name: str) -> None:
    found = rates(World.of(GRAPHS[name]()), "both", 120)
    if found.effective < FEWEST:
        assert (found.refused, found.wrong, found.found) == (1, 0, 0)
    else:
        assert found.refused <= 0.05
        assert found.wrong <= most(0.06, 120)
        assert found.covered >= 1 - most(0.06, 120)
        assert found.found >= 0.3


def test_the_pairs_of_sts12(shared: Path) -> None:
    nodes, gold = real(shared, "sts12-sts")
    found = rates(World.of(nodes, gold), "texts", 120)
    assert found.refused == 0
    assert found.wrong <= most(0.05, 120)
    assert found.covered >= 1 - most(0.05, 120)
    assert found.wider <= 1.03
    assert found.found == 1


def test_pairs_that_share_sentences_are_not_independent() -> None:
    found = rates(World.of(GRAPHS["40 queries x 250"]()), "texts", 60)
    assert found.as_pairs > 0.1
    assert found.wrong <= most(0.06, 60)


@pytest.mark.parametrize(("base", "candidate"), [(1, 3), (2, 2), (3, 3)])
def test_seeds_of_one_recipe(base: int, candidate: int) -> None:
    on = World.of(GRAPHS["reranking 361 x 20"]())
    assert seed_rate(on, base, candidate, 100) <= most(0.06, 100)


@pytest.mark.long
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph(name: str, noise: Noise) -> None:
    found = rates(World.of(GRAPHS[name]()), noise, 600)
    if found.effective < FEWEST:
        assert (found.refused, found.wrong, found.found) == (1, 0, 0)
    else:
        assert found.refused <= 0.05
        assert found.wrong <= 0.075
        assert found.covered >= 0.925
        assert found.found >= 0.2


@pytest.mark.long
@pytest.mark.parametrize("folder", REAL)
def test_every_task(shared: Path, folder: str) -> None:
    """Over all draws the bound is .05 ± .015; each noise's has the error of 1,000 beside it."""
    on = World.of(*real(shared, folder))
    each = [rates(on, noise, 1000) for noise in NOISES]
    assert np.mean([found.wrong for found in each]) == pytest.approx(0.05, abs=0.015)
    for found in each:
        assert found.wrong == pytest.approx(0.05, abs=0.015 + 0.01)
        assert found.covered >= 0.925
        assert round(found.wider, 2) <= 1.03  # STS13, noise of hubs: 1.031
        assert found.refused == 0


@pytest.mark.long
@pytest.mark.parametrize("name", ["20 x 20", "reranking 361 x 20", "bipartite 100 x 200, 1000"])
@pytest.mark.parametrize(("base", "candidate"), [(1, 3), (3, 1), (2, 2), (3, 3), (5, 5)])
def test_every_number_of_seeds(name: str, base: int, candidate: int) -> None:
    assert seed_rate(World.of(GRAPHS[name]()), base, candidate, 600) <= 0.075 + 0.01


def main(draws: int, shared: Path) -> None:
    """The table of docs/statistics.md: the worst of five kinds of noise on each graph."""
    worlds = {name: World.of(graph()) for name, graph in GRAPHS.items()}
    worlds |= {folder: World.of(*real(shared, folder)) for folder in REAL}
    print("| graph | items | effective | verdict | error | coverage | power |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: |")
    for name, world in worlds.items():
        each = [rates(world, noise, draws) for noise in NOISES]
        wrong, covered = max(one.wrong for one in each), min(one.covered for one in each)
        found = min(one.found for one in each)
        numbers = f"{wrong:.3f} | {covered:.3f} | {found:.2f}"
        if each[0].effective < FEWEST:
            numbers = "– | – | –"
        said = "no" if each[0].effective < FEWEST else "yes"
        items = len(world.shared.nodes)
        line = f"| {name} | {items:,} | {each[0].effective:.1f} | {said} | {numbers} |"
        print(line, f"<!-- wider {max(one.wider for one in each):.3f} -->", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
