"""Checksums of stored vectors: what rots on the disk is found, named and computed again."""

import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.store.lmdb_file import DATA
from angle_bench.encoding.store.lmdb_store import VectorStore
from angle_bench.encoding.store.sealed import opened, sealed
from tests.conftest import Cli

IDENTITY = StoreIdentity("c0ffee", "{}", "tiny")
COUNT, DIMENSION = 50, 16
KEYS = IDENTITY.keys([f"text {number}" for number in range(COUNT)])
VECTORS = np.random.default_rng(0).standard_normal((COUNT, DIMENSION)).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VectorStore]:
    opened_store = VectorStore(tmp_path / "vectors", 64 << 20)
    yield opened_store
    opened_store.close()


def rot(place: Path, vectors: np.ndarray) -> int:
    """Flip a bit in each of these vectors where they lie in a file; how many were found."""
    flipped = 0
    with place.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        for vector in vectors:
            at = data.find(vector.tobytes())
            while at >= 0:  # older pages may hold it too
                data[at + 7] ^= 0x40
                flipped += 1
                at = data.find(vector.tobytes())
    return flipped


@given(some.integers(0, COUNT - 1), some.integers(0, 8 * (4 * DIMENSION + 9) - 1))
def test_every_bit_counts(row: int, bit: int) -> None:
    values = sealed(KEYS, VECTORS)
    rotten = bytearray(values[row])
    rotten[bit // 8] ^= 1 << bit % 8
    into = np.zeros_like(VECTORS)
    read = opened(KEYS, [*values[:row], bytes(rotten), *values[row + 1 :]], into)
    assert read.damaged.tolist() == [row]
    assert sorted(read.whole) == [at for at in range(COUNT) if at != row]
    assert not into[row].any()
    assert np.array_equal(np.delete(into, row, 0), np.delete(VECTORS, row, 0))


def test_a_value_belongs_to_its_key() -> None:
    values = sealed(KEYS, VECTORS)
    values[3], values[4] = values[4], values[3]
    assert opened(KEYS, values, np.zeros_like(VECTORS)).damaged.tolist() == [3, 4]


def test_rotten_vectors_are_absent_counted_and_stored_again(
    store: VectorStore, tmp_path: Path
) -> None:
    assert store.put(IDENTITY, KEYS, VECTORS)
    assert store.findings() == []
    store.close()
    assert rot(tmp_path / "vectors" / DATA, VECTORS[10:20]) >= 10
    again = VectorStore(tmp_path / "vectors", 64 << 20)
    for _ in range(2):  # a vector that is asked for twice is one
        found, read = again.get(IDENTITY, KEYS, DIMENSION)
        assert np.flatnonzero(~found).tolist() == list(range(10, 20))
        assert not read[10:20].any()
    (said,) = again.findings()
    assert said == "10 stored vectors of tiny were damaged and are computed again"
    assert again.put(IDENTITY, KEYS[10:20], VECTORS[10:20])
    assert again.get(IDENTITY, KEYS, DIMENSION)[0].all()
    again.close()


def test_vectors_from_before_checksums_are_used_said_and_sealed(store: VectorStore) -> None:
    store.put(IDENTITY, KEYS[:1], VECTORS[:1])  # makes the table

    def write(transaction: object) -> None:
        table = store._file.table(transaction, IDENTITY.table)  # type: ignore[arg-type]
        for key, vector in zip(KEYS, VECTORS, strict=True):
            transaction.put(key, vector.tobytes(), db=table)  # type: ignore[attr-defined]

    store._file.write(write)
    for _ in range(2):
        found, read = store.get(IDENTITY, KEYS, DIMENSION)
        assert found.all()
        assert np.array_equal(read, VECTORS)
    (said,) = store.findings()
    assert said.startswith(f"{COUNT} stored vectors of tiny are from before checksums")


@pytest.mark.process
def test_a_run_over_a_rotten_store_gives_the_same_scores(
    cli: Cli, tiny_bert: Path, tmp_path: Path
) -> None:
    words = ("run", "-m", str(tiny_bert), "--pooling", "mean", "-t", "demo", "-d", "cpu:1")
    words = (*words, "--cache-dir", str(tmp_path / "cache"))
    first = cli(*words)
    assert first.code == 0, first.err
    data = tmp_path / "cache/vectors" / DATA
    identity_vectors = _stored(data.parent)
    assert rot(data, identity_vectors[:100]) >= 100
    again = cli(*words, "--overwrite")
    assert again.out == first.out
    assert "100 stored vectors of tiny-bert" in again.err
    assert "were damaged and are computed again" in again.err
    whole = cli(*words, "--overwrite")
    assert whole.out == first.out
    assert "damaged" not in whole.err


def _stored(folder: Path) -> np.ndarray:
    """Every vector of a store of one identity."""
    kept = VectorStore(folder, 64 << 20)
    ((name, _),) = kept._identities()

    def read(transaction: object) -> list[bytes]:
        table = kept._file.table(transaction, name)  # type: ignore[arg-type]
        return [value for _, value in transaction.cursor(db=table)]  # type: ignore[attr-defined]

    values = kept._file.read(read)
    kept.close()
    return np.stack([np.frombuffer(value[:-9], "<f4") for value in values])
