"""The store in memory: what it answers, and when it is full."""

import tracemalloc

import numpy as np
import pytest

from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.store.memory import MemoryStore

IDENTITY = StoreIdentity("c0ffee", "{}", "tiny")
OTHER = StoreIdentity("beef", "{}", "tiny")


def row(value: float, dimension: int = 4) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.full((1, dimension), value, np.float32)


def test_what_is_put_comes_back_in_the_order_asked() -> None:
    store = MemoryStore(1000)
    a, b, missing = IDENTITY.keys(["a", "b", "missing"])
    assert store.put(IDENTITY, [a, b], np.concatenate([row(1), row(2)]))
    found, vectors = store.get(IDENTITY, [b, missing, a, b], 4)
    assert found.tolist() == [True, False, True, True]
    assert vectors.dtype == np.float32
    assert vectors[:, 0].tolist() == [2, 0, 1, 2]


def test_another_identity_or_dimension_never_answers() -> None:
    store = MemoryStore(1000)
    keys = IDENTITY.keys(["a"])
    store.put(IDENTITY, keys, row(1))
    assert not store.get(OTHER, OTHER.keys(["a"]), 4)[0].any()
    for dimension in (3, 5):
        found, vectors = store.get(IDENTITY, keys, dimension)
        assert not found.any()
        assert vectors.shape == (1, dimension)
        assert not vectors.any()


def test_lone_surrogates_are_told_apart() -> None:
    store = MemoryStore(1000)
    keys = IDENTITY.keys(["\ud800", "\udfff"])
    store.put(IDENTITY, keys, np.concatenate([row(1), row(2)]))
    assert store.get(IDENTITY, keys, 4)[1][:, 0].tolist() == [1, 2]


def test_a_full_store_keeps_what_it_has_without_a_word() -> None:
    store = MemoryStore(3 * 16)
    keys = IDENTITY.keys("abcde")
    vectors = np.arange(20, dtype=np.float32).reshape(5, 4)
    assert not store.put(IDENTITY, keys, vectors)
    found, read = store.get(IDENTITY, keys, 4)
    assert found.tolist() == [True] * 3 + [False] * 2
    assert np.array_equal(read[:3], vectors[:3])
    assert store.problem is None


def test_a_replaced_vector_takes_no_more_room() -> None:
    store = MemoryStore(2 * 16)
    keys = IDENTITY.keys("ab")
    for value in range(5):
        assert store.put(IDENTITY, keys[:1], row(value))
    assert store.put(IDENTITY, keys[1:], row(9))
    assert store.get(IDENTITY, keys, 4)[1][:, 0].tolist() == [4, 9]


def test_later_changes_of_a_batch_change_nothing_and_its_memory_is_let_go() -> None:
    store = MemoryStore(1000)
    keys = IDENTITY.keys("a")
    tracemalloc.start()
    batch = np.ones((1, 1_000_000), np.float32)
    store.put(IDENTITY, keys, batch[:, :4])
    batch[:] = 7
    assert store.get(IDENTITY, keys, 4)[1].tolist() == [[1, 1, 1, 1]]
    del batch
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000


def test_close_forgets_everything_and_makes_room() -> None:
    store = MemoryStore(16)
    keys = IDENTITY.keys("ab")
    store.put(IDENTITY, keys[:1], row(1))
    store.close()
    assert not store.get(IDENTITY, keys, 4)[0].any()
    assert store.put(IDENTITY, keys[1:], row(2))


def test_nothing_is_known_beforehand() -> None:
    store = MemoryStore(1000)
    store.put(IDENTITY, IDENTITY.keys("a"), row(1))
    store.touch(IDENTITY)
    assert not store.holds(IDENTITY)


@pytest.mark.parametrize("shape", [(1, 4), (3, 4), (2,)])
def test_keys_and_vectors_that_do_not_match_are_refused(shape: tuple[int, ...]) -> None:
    store = MemoryStore(1000)
    keys = IDENTITY.keys("ab")
    with pytest.raises(ValueError, match="2 keys for vectors of shape"):
        store.put(IDENTITY, keys, np.zeros(shape, np.float32))
    assert not store.get(IDENTITY, keys, 4)[0].any()
