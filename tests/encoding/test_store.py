"""The vector store: keys, what answers, what is evicted, what it says when it cannot store."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from angle_bench.encoding.store import interface as contract
from angle_bench.encoding.store import lmdb_store as store_module
from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.store.lmdb_file import StoreFile
from angle_bench.encoding.store.lmdb_store import VectorStore, open_store

IDENTITY = StoreIdentity("c0ffee", '{"pooling":"cls"}', "tiny")
OTHERS = {
    "content": replace(IDENTITY, content="beef"),
    "settings": replace(IDENTITY, settings='{"pooling":"mean"}'),
    "both, moved over": StoreIdentity('c0ffee"{', '"pooling":"cls"}', "tiny"),
}
ODD_TEXTS = ["", " ", "a", "a ", "A", "a\0", "\ud800", "\udfff", "?", "�", "é", "e\u0301"]
DIMENSION = 8
ROOM = 64 << 20


def vectors_of(keys: list[bytes], dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Vectors that follow from their keys, so that no other key's vector can pass for them."""
    seeds = [np.random.default_rng(list(key)) for key in keys]
    return np.stack([seed.standard_normal(dimension).astype(np.float32) for seed in seeds])


def texts(count: int, start: int = 0) -> list[str]:
    return [f"text {i}" for i in range(start, start + count)]


def fill(store: VectorStore, identity: StoreIdentity, count: int, dimension: int = 256) -> None:
    keys = identity.keys(texts(count))
    assert store.put(identity, keys, vectors_of(keys, dimension))


def labels(store: VectorStore) -> list[str]:
    return [info.label for info in store.info()]


def model(name: str) -> StoreIdentity:
    return StoreIdentity(name, "{}", name)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VectorStore]:
    opened = VectorStore(tmp_path / "vectors", ROOM)
    yield opened
    opened.close()


def test_a_key_is_the_hash_of_identity_and_text() -> None:
    start = json.dumps(["c0ffee", '{"pooling":"cls"}', contract.PLAN_VERSION])
    for text, raw in (("naïve", b"na\xc3\xafve"), ("\ud800", b"\xed\xa0\x80")):
        expected = hashlib.blake2b(start.encode() + raw, digest_size=32).digest()
        assert IDENTITY.keys([text]) == [expected]


def test_texts_that_differ_at_all_have_keys_of_their_own() -> None:
    assert len(set(IDENTITY.keys(ODD_TEXTS))) == len(ODD_TEXTS)


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_identity_has_other_keys_and_another_table(other: StoreIdentity) -> None:
    assert not set(IDENTITY.keys(ODD_TEXTS)) & set(other.keys(ODD_TEXTS))
    assert IDENTITY.table != other.table


def test_another_plan_version_has_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, table = IDENTITY.keys(ODD_TEXTS), IDENTITY.table
    monkeypatch.setattr(contract, "PLAN_VERSION", contract.PLAN_VERSION + 1)
    assert not set(keys) & set(IDENTITY.keys(ODD_TEXTS))
    assert IDENTITY.table != table


def test_a_label_changes_no_key() -> None:
    renamed = replace(IDENTITY, label="renamed")
    assert renamed.keys(ODD_TEXTS) == IDENTITY.keys(ODD_TEXTS)
    assert renamed.table == IDENTITY.table


def test_vectors_come_back_bit_for_bit(store: VectorStore, tmp_path: Path) -> None:
    keys = IDENTITY.keys(ODD_TEXTS)
    vectors = vectors_of(keys)
    vectors[0] = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.4028235e38, 1 / 3]
    assert store.put(IDENTITY, keys, vectors)
    store.close()
    again = VectorStore(tmp_path / "vectors", ROOM)
    found, read = again.get(IDENTITY, keys, DIMENSION)
    again.close()
    assert found.all()
    assert read.dtype == np.float32
    assert read.tobytes() == vectors.tobytes()


def test_float64_and_strided_vectors_are_stored_as_float32(store: VectorStore) -> None:
    keys = IDENTITY.keys(texts(5))
    wide = np.random.default_rng(0).standard_normal((5, 2 * DIMENSION))
    assert store.put(IDENTITY, keys, wide[:, ::2])  # type: ignore[arg-type]
    assert np.array_equal(store.get(IDENTITY, keys, DIMENSION)[1], wide[:, ::2].astype(np.float32))


def test_what_is_absent_is_zero_and_the_order_is_that_of_the_keys(store: VectorStore) -> None:
    some = IDENTITY.keys(texts(10))
    store.put(IDENTITY, some, vectors_of(some))
    (missing,) = IDENTITY.keys(["never stored"])
    asked = [some[7], missing, some[2], some[7]]
    found, read = store.get(IDENTITY, asked, DIMENSION)
    assert found.tolist() == [True, False, True, True]
    expected = vectors_of(asked)
    expected[1] = 0
    assert np.array_equal(read, expected)


def test_reads_longer_than_a_block(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "READ_BLOCK", 3)
    monkeypatch.setattr(store_module, "WRITE_BYTES", 4 * DIMENSION * 2)  # two vectors a commit
    keys = IDENTITY.keys(texts(11))
    assert store.put(IDENTITY, keys[:10], vectors_of(keys[:10]))
    found, read = store.get(IDENTITY, keys, DIMENSION)
    assert found.tolist() == [True] * 10 + [False]
    assert np.array_equal(read[:10], vectors_of(keys[:10]))


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_identity_never_answers(store: VectorStore, other: StoreIdentity) -> None:
    keys = IDENTITY.keys(ODD_TEXTS)
    store.put(IDENTITY, keys, vectors_of(keys))
    for asked in (keys, other.keys(ODD_TEXTS)):  # even for the very same keys
        found, read = store.get(other, asked, DIMENSION)
        assert not found.any()
        assert not read.any()
    assert store.holds(IDENTITY)
    assert not store.holds(other)


@pytest.mark.parametrize("dimension", [1, DIMENSION - 1, DIMENSION + 1, 2 * DIMENSION])
def test_another_dimension_never_answers(store: VectorStore, dimension: int) -> None:
    keys = IDENTITY.keys(texts(3))
    store.put(IDENTITY, keys, vectors_of(keys))
    found, read = store.get(IDENTITY, keys, dimension)
    assert not found.any()
    assert read.shape == (3, dimension)
    assert not read.any()


def test_a_second_put_replaces_the_first(store: VectorStore) -> None:
    keys = IDENTITY.keys(texts(3))
    store.put(IDENTITY, keys, vectors_of(keys))
    store.put(IDENTITY, keys[:1], np.ones((1, DIMENSION), np.float32))
    _, read = store.get(IDENTITY, keys, DIMENSION)
    assert np.array_equal(read[0], np.ones(DIMENSION))
    assert np.array_equal(read[1:], vectors_of(keys)[1:])
    (info,) = store.info()
    assert info.vectors == 3


def test_nothing_asked_and_nothing_given(store: VectorStore) -> None:
    found, read = store.get(IDENTITY, [], DIMENSION)
    assert (found.shape, read.shape) == ((0,), (0, DIMENSION))
    assert store.put(IDENTITY, [], np.zeros((0, DIMENSION), np.float32))
    assert not store.holds(IDENTITY)
    assert store.info() == []


@pytest.mark.parametrize("shape", [(1, 8), (3, 8), (2,), (2, 8, 1)])
def test_keys_and_vectors_that_do_not_match_are_refused(
    store: VectorStore, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="2 keys for vectors of shape"):
        store.put(IDENTITY, IDENTITY.keys(texts(2)), np.zeros(shape, np.float32))
    assert store.info() == []


def test_what_is_known_of_an_identity(store: VectorStore) -> None:
    fill(store, IDENTITY, 100)
    fill(store, replace(IDENTITY, label="renamed"), 120)
    (info,) = store.info()
    assert (info.label, info.vectors) == ("renamed", 120)
    assert 120 * 256 * 4 <= info.bytes <= store.file_bytes


def test_whole_identities_are_evicted_the_one_used_longest_ago_first(store: VectorStore) -> None:
    for name in "abc":
        fill(store, model(name), 200)
    store.touch(model("a"))
    assert labels(store) == ["b", "c", "a"]
    size = store.info()[0].bytes
    store.limit_bytes = 3 * size
    fill(store, model("d"), 200)
    assert labels(store) == ["c", "a", "d"]
    assert sum(info.bytes for info in store.info()) <= store.limit_bytes
    assert not store.get(model("b"), model("b").keys(texts(200)), 256)[0].any()
    for name in "cad":
        keys = model(name).keys(texts(200))
        found, read = store.get(model(name), keys, 256)
        assert found.all()
        assert np.array_equal(read, vectors_of(keys, 256))


def test_the_one_being_written_is_never_evicted(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, model("old"), 200)
    fill(store, model("other"), 200)
    store.limit_bytes = 2 * store.info()[0].bytes
    monkeypatch.setattr(store_module, "WRITE_BYTES", 4 * 256 * 50)  # evicts between commits
    fill(store, model("old"), 300)
    assert labels(store) == ["old"]
    keys = model("old").keys(texts(300))
    assert store.get(model("old"), keys, 256)[0].all()


def test_an_identity_larger_than_the_limit_stops_and_says_so(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "WRITE_BYTES", 4 * 256 * 50)
    store.limit_bytes = 4 * 256 * 200
    keys = IDENTITY.keys(texts(400))
    vectors = vectors_of(keys, 256)
    assert not store.put(IDENTITY, keys, vectors)
    assert store.problem == (
        "the vectors of tiny alone take more than the store's limit of 204,800 bytes; "
        "the rest of them is not stored."
    )
    found, read = store.get(IDENTITY, keys, 256)
    assert 0 < found.sum() < 200
    assert np.array_equal(read[found], vectors[found])


def test_nothing_is_wrong_within_the_limit(store: VectorStore) -> None:
    fill(store, IDENTITY, 10)
    store.touch(IDENTITY)
    store.get(IDENTITY, IDENTITY.keys(texts(20)), DIMENSION)
    assert store.problem is None


def test_touching_what_is_not_there_makes_nothing(store: VectorStore) -> None:
    store.touch(IDENTITY)
    assert store.info() == []
    fill(store, IDENTITY, 2)
    store.prune(0)
    store.touch(IDENTITY)  # its table is there yet, and empty
    assert store.info() == []
    assert not store.holds(IDENTITY)


def test_an_evicted_identity_can_be_stored_again(store: VectorStore) -> None:
    for _ in range(3):
        fill(store, IDENTITY, 50)
        assert labels(store) == ["tiny"]
        assert [info.label for info in store.prune(0)] == ["tiny"]
        assert store.info() == []


def test_pages_of_evicted_identities_are_used_again(store: VectorStore) -> None:
    store.limit_bytes = 1 << 20
    fill(store, model("0"), 600)
    sizes = []
    for name in range(1, 8):
        fill(store, model(str(name)), 600)
        sizes.append(store.file_bytes)
    assert labels(store) == ["7"]
    assert sizes[-1] <= 4 * store.limit_bytes


def test_prune_keeps_what_is_within_the_limit_and_gives_the_rest_back(store: VectorStore) -> None:
    for name in "abc":
        fill(store, model(name), 500)
    before, size = store.file_bytes, store.info()[0].bytes
    assert store.prune(before) == []
    assert [info.label for info in store.prune(size)] == ["a", "b"]
    assert store.file_bytes < before / 2
    keys = model("c").keys(texts(500))
    found, read = store.get(model("c"), keys, 256)
    assert found.all()
    assert np.array_equal(read, vectors_of(keys, 256))
    fill(store, model("d"), 5)
    assert labels(store) == ["c", "d"]


def test_clear_empties_all_and_can_be_written_again(store: VectorStore) -> None:
    for name in "ab":
        fill(store, model(name), 500)
    before = store.file_bytes
    assert store.clear() == 2
    assert store.info() == []
    assert store.file_bytes < before / 10
    assert store.clear() == 0
    fill(store, model("c"), 5)
    assert labels(store) == ["c"]


def test_clear_with_a_second_store_open_empties_the_shared_file(
    store: VectorStore, tmp_path: Path
) -> None:
    other = VectorStore(tmp_path / "vectors", ROOM)
    fill(other, IDENTITY, 100)
    assert store.clear() == 1
    assert not other.holds(IDENTITY)
    fill(other, IDENTITY, 3)
    assert store.info()[0].vectors == 3
    other.close()


def test_closing_twice_closes_once(store: VectorStore, tmp_path: Path) -> None:
    other = VectorStore(tmp_path / "vectors", ROOM)
    other.close()
    other.close()
    fill(store, IDENTITY, 3)
    assert labels(store) == ["tiny"]


def test_what_cannot_be_read_or_written_counts_as_absent(store: VectorStore) -> None:
    keys = IDENTITY.keys(texts(3))
    fill(store, IDENTITY, 3)
    file = StoreFile.open(store.folder, 1 << 20)
    file._environment.close()  # every later access is an error of lmdb
    try:
        found, read = store.get(IDENTITY, keys, 256)
        assert not found.any()
        assert not read.any()
        assert store.problem is not None
        assert store.problem.startswith(f"the vector store {store.folder} cannot be read: ")
        assert not store.put(IDENTITY, keys, vectors_of(keys, 256))
        assert store.problem.startswith(f"the vector store {store.folder} cannot be written; ")
        assert not store.holds(IDENTITY)
    finally:
        file._reopen()
        file.close()
    assert store.get(IDENTITY, keys, 256)[0].all()


def test_the_store_lies_below_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "own"))
    for asked, folder in ((None, tmp_path / "own"), (tmp_path / "other", tmp_path / "other")):
        store = open_store(asked)
        assert (store.folder, store.moved) == (folder / "vectors", None)
        assert (folder / "vectors/data.mdb").is_file()
        store.close()
