"""The search for hard negatives: exact, whatever the blocks; what is never a negative."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import angle_bench
from angle_bench.training.mining.search import (
    NONE,
    Blocks,
    Indices,
    Pool,
    Rule,
    Vectors,
    mine,
    nearest,
)
from angle_bench.training.mining.text_pool import MiningTexts, gather
from tests.checkpoints import WORDS

ROOT = Path(__file__).resolve().parents[2]

BLOCKS = [Blocks(), Blocks(1, 1), Blocks(7, 13), Blocks(64, 3)]


def by_hand(
    queries: Vectors, documents: Vectors, pairs: Indices, pool: Pool, rule: Rule
) -> Indices:
    """Every candidate of every pair, sorted one pair at a time."""

    def unit(vectors: Vectors) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
        wide = vectors.astype(np.float64)
        return wide / np.linalg.norm(wide, axis=1, keepdims=True)

    asked, known = unit(queries), unit(documents)
    out = np.full((len(pairs), rule.top_k), NONE)
    for row, (query, positive) in enumerate(pairs):
        near = (known[pool.corpus] * asked[query]).sum(axis=1).astype(np.float32)
        banned = set(pool.excluded[pool.excluded[:, 0] == query, 1].tolist())
        ranked = sorted(
            (place for place in range(len(near)) if place not in banned),
            key=lambda place: (-near[place], place),
        )[rule.first : rule.last]
        of_positive = float(np.float32((known[positive] * asked[query]).sum()))
        kept = [
            place
            for place in ranked
            if rule.margin is None or of_positive - float(near[place]) >= rule.margin
        ][: rule.top_k]
        out[row, : len(kept)] = pool.corpus[kept]
    return out


def sample(seed: int) -> tuple[Vectors, Vectors, Indices, Pool]:
    """40 queries, 90 documents of which some are equal, pairs in any order, exclusions."""
    random = np.random.default_rng(seed)
    queries = random.standard_normal((40, 8)).astype(np.float32)
    documents = random.standard_normal((90, 8)).astype(np.float32)
    documents[50:70] = documents[10]  # ties, across blocks of any size
    documents[3] = 0.5 * documents[80]  # of equal cosine, but not length
    pairs = np.stack([random.integers(0, 40, 120), random.integers(0, 90, 120)], axis=1)
    corpus = random.permutation(90)[:75]
    excluded = np.unique(
        np.stack([random.integers(0, 40, 200), random.integers(0, 75, 200)], 1), axis=0
    )
    return queries, documents, pairs, Pool(corpus, excluded)


@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
@pytest.mark.parametrize(
    "rule",
    [
        Rule(1, 0, 1),
        Rule(1, 10, 100),
        Rule(3, 2, 30),
        Rule(5, 0, 75, margin=0.1),
        Rule(2, 5, 40, margin=0.0),
        Rule(2, 0, 10, margin=-0.2),
        Rule(4, 70, 200),
        Rule(1, 80, 10**9),
    ],
    ids=str,
)
def test_equals_a_sort_of_every_candidate(rule: Rule, blocks: Blocks) -> None:
    for seed in range(3):
        given = sample(seed)
        np.testing.assert_array_equal(mine(*given, rule, blocks), by_hand(*given, rule))


def test_equally_near_candidates_come_in_the_order_of_the_corpus() -> None:
    documents = np.tile(np.array([[3.0, 1.0, 0.1]], np.float32), (9, 1))
    corpus = np.array([4, 0, 8, 2, 6])
    pool = Pool(corpus, np.array([[0, 1]]))
    for blocks in BLOCKS:
        (found,) = nearest(documents[:1], documents, pool, 5, blocks)
        assert corpus[found.places[0, :4]].tolist() == [4, 8, 2, 6]
        assert found.similarities[0].tolist() == pytest.approx([1, 1, 1, 1, -np.inf])


def test_similarities_below_zero_are_in_order_too() -> None:
    query = np.array([[1.0, 0.0]], np.float32)
    angles = np.linspace(0, np.pi, 12)
    documents = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)[::-1].copy()
    pool = Pool(np.arange(12), np.empty((0, 2), np.int64))
    (found,) = nearest(query, documents, pool, 12, Blocks(1, 5))
    assert found.places[0].tolist() == list(range(11, -1, -1))
    np.testing.assert_allclose(found.similarities[0], np.cos(angles), atol=1e-6)


def test_the_margin_is_below_the_positive_of_the_same_pair() -> None:
    query = np.array([[1.0, 0.0]], np.float32)
    cosines = [0.9, 0.85, 0.6, 0.5]  # two positives of one query, two candidates
    documents = np.array([[c, np.sqrt(1 - c * c)] for c in cosines], np.float32)
    pairs = np.array([[0, 0], [0, 2]])
    pool = Pool(np.array([1, 3]), np.empty((0, 2), np.int64))

    def mined(margin: float | None) -> list[int]:
        return mine(query, documents, pairs, pool, Rule(1, 0, 2, margin))[:, 0].tolist()

    assert mined(None) == [1, 1]
    assert mined(0.04) == [1, 3]
    assert mined(0.06) == [3, 3]
    assert mined(0.2) == [3, NONE]


def test_one_query_may_have_any_number_of_pairs() -> None:
    random = np.random.default_rng(0)
    queries = random.standard_normal((3, 4)).astype(np.float32)
    documents = random.standard_normal((50, 4)).astype(np.float32)
    pairs = np.array([[1, number] for number in range(30)] + [[0, 3]])
    pool = Pool(np.arange(50), np.empty((0, 2), np.int64))
    rule = Rule(2, 0, 9, margin=0.1)
    found = mine(queries, documents, pairs, pool, rule, Blocks(4, 8))
    np.testing.assert_array_equal(found, by_hand(queries, documents, pairs, pool, rule))


def excluded_texts(texts: MiningTexts) -> dict[str, set[str]]:
    candidates = [texts.documents[number] for number in texts.pool.corpus]
    found: dict[str, set[str]] = {query: set() for query in texts.queries}
    for query, place in texts.pool.excluded.tolist():
        found[texts.queries[query]].add(candidates[place])
    return found


def test_positives_of_any_spelling_of_a_query_are_excluded() -> None:
    texts = gather(
        [
            ("Who?", "a cat"),
            ("who? ", "A dog"),
            ("Where?", "a  Dog"),
            ("Where?", "a CAR"),
            ("x", "who?"),
        ]
    )
    assert texts.queries == ["Who?", "who? ", "Where?", "x"]
    candidates = [texts.documents[number] for number in texts.pool.corpus]
    assert candidates == ["a cat", "A dog", "a CAR", "who?"]  # `a  Dog` is `A dog`
    assert excluded_texts(texts) == {
        "Who?": {"a cat", "A dog", "who?"},
        "who? ": {"a cat", "A dog", "who?"},
        "Where?": {"A dog", "a CAR"},
        "x": {"who?"},
    }
    by_query = texts.pool.excluded[:, 0]
    assert (np.diff(by_query) >= 0).all()


def test_pairs_stand_once_and_keep_their_order() -> None:
    texts = gather([("q", "b"), ("p", "a"), ("Q", "B "), ("q", "a")])
    assert texts.repeated == 1
    assert [(texts.queries[q], texts.documents[d]) for q, d in texts.pairs] == [
        ("q", "b"),
        ("p", "a"),
        ("q", "a"),
    ]


def test_a_corpus_is_what_is_searched() -> None:
    texts = gather([("q", "b"), ("p", "a")], ["new", "B", "NEW", "q"])
    assert [texts.documents[number] for number in texts.pool.corpus] == ["new", "B", "q"]
    assert excluded_texts(texts) == {"q": {"B", "q"}, "p": set()}


MANY_RULE = Rule(2, 10, 60, margin=-0.1)  # a pair of random texts is less alike than the nearest
SEARCH = """
import json, resource
import numpy as np
from angle_bench.training.mining.search import mine
from tests.training.test_mining import MANY_RULE, many_texts

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

texts = many_texts()
queries, documents = np.load("queries.npy"), np.load("documents.npy")
before = peak()
negatives = mine(queries, documents, texts.pairs, texts.pool, MANY_RULE)
np.save("negatives.npy", negatives)
print(json.dumps(peak() - before))
"""


def many_texts() -> MiningTexts:
    random = np.random.default_rng(0)

    def sentence() -> str:
        return " ".join(random.choice(WORDS, size=random.integers(6, 14)))

    return gather((sentence(), sentence()) for _ in range(50_000))


@pytest.mark.process
@pytest.mark.long
def test_a_hundred_thousand_texts_take_little_memory(tiny_bert: Path, tmp_path: Path) -> None:
    texts = many_texts()
    encoder = angle_bench.load(str(tiny_bert), device="cpu:1", pooling="mean", batch_tokens=8192)
    queries = encoder.encode(texts.queries, role="query")
    documents = encoder.encode(texts.documents, role="document")
    encoder.close()
    np.save(tmp_path / "queries.npy", queries)
    np.save(tmp_path / "documents.npy", documents)
    done = subprocess.run(
        [sys.executable, "-c", SEARCH],
        capture_output=True,
        text=True,
        timeout=1200,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) < 300e6  # all similarities would take 10 GB
    assert len(texts.queries) + len(texts.documents) > 99_000
    negatives = np.load(tmp_path / "negatives.npy")
    assert 10_000 < (negatives != NONE).sum() < 100_000
    some = np.random.default_rng(1).choice(len(texts.pairs), 40, replace=False)
    expected = by_hand(queries, documents, texts.pairs[some], texts.pool, MANY_RULE)
    np.testing.assert_array_equal(negatives[some], expected)
