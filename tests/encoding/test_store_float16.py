"""The float16 store: half the room, never mixed with float32, the same scores to three decimals."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from angle_bench.encoding.store import value_layout
from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.store.lmdb_file import StoreFile
from angle_bench.encoding.store.lmdb_store import VectorStore
from angle_bench.encoding.store.room import room_of
from angle_bench.errors import ModelError, UsageError
from angle_bench.evaluation.run.run_options import StoreOptions
from tests.encoding.test_store import ROOM, labels, texts, vectors_of

IDENTITY = StoreIdentity("c0ffee", "{}", "tiny")


@pytest.fixture
def half(tmp_path: Path) -> Iterator[VectorStore]:
    opened = VectorStore(tmp_path / "vectors", ROOM, dtype="float16")
    yield opened
    opened.close()


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_what_is_read_is_what_was_computed_rounded(
    block: int, half: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_layout, "BLOCK_BYTES", block)
    for start in (0, 40, 20):  # the last puts twenty vectors a second time
        keys = IDENTITY.keys(texts(40, start))
        assert half.put(IDENTITY, keys, vectors_of(keys))
    keys = IDENTITY.keys(texts(90))
    found, vectors = half.get(IDENTITY, keys, 8)
    assert found.tolist() == [True] * 80 + [False] * 10
    expected = vectors_of(keys)[:80].astype(np.float16).astype(np.float32)
    assert (vectors[:80] == expected).all()
    assert (half.rounded(vectors_of(keys)[:80]) == expected).all()
    assert not vectors[80:].any()
    assert [(each.label, each.vectors) for each in half.info()] == [("tiny float16", 80)]


def test_neither_answers_for_the_other(half: VectorStore, tmp_path: Path) -> None:
    keys = IDENTITY.keys(texts(5))
    whole = VectorStore(tmp_path / "vectors", ROOM)
    try:
        half.put(IDENTITY, keys, vectors_of(keys))
        assert not whole.holds(IDENTITY)
        assert half.holds(IDENTITY)
        assert not whole.get(IDENTITY, keys, 8)[0].any()
        whole.put(IDENTITY, keys, vectors_of(keys))
        assert (whole.get(IDENTITY, keys, 8)[1] == vectors_of(keys)).all()
        assert not (half.get(IDENTITY, keys, 8)[1] == vectors_of(keys)).all()
        assert sorted(labels(whole)) == ["tiny", "tiny float16"]
        half.touch(IDENTITY)
        assert labels(half) == ["tiny", "tiny float16"]
        whole.prune(0)
        assert labels(half) == []
        assert not half.get(IDENTITY, keys, 8)[0].any()
        half.put(IDENTITY, keys, vectors_of(keys))
        assert half.get(IDENTITY, keys, 8)[0].all()
    finally:
        whole.close()


def test_rot_in_a_block_is_computed_again(half: VectorStore) -> None:
    keys = IDENTITY.keys(texts(6))
    half.put(IDENTITY, keys, vectors_of(keys))
    file: StoreFile = half._file

    def rot(transaction: object) -> None:
        table = file.table(transaction, IDENTITY.table + b"-float16-blocks")  # type: ignore[arg-type]
        with transaction.cursor(db=table) as cursor:  # type: ignore[attr-defined]
            cursor.first()
            value = bytearray(cursor.value())
            value[3] ^= 1
            cursor.put(cursor.key(), bytes(value))

    file.write(rot)
    found, _ = half.get(IDENTITY, keys, 8)
    assert found.sum() == 5
    assert "1 stored vectors of tiny were damaged" in half.findings()[0]
    half.put(IDENTITY, keys, vectors_of(keys))
    assert half.get(IDENTITY, keys, 8)[0].all()


def test_numbers_beyond_float16_are_refused(half: VectorStore) -> None:
    with pytest.raises(ModelError, match=r"above 65,504") as caught:
        half.rounded(np.full((1, 3), 1e5, np.float32))
    assert caught.value.fix == "--cache-dtype float32"


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("width", [32, 384, 768, 1024])
def test_the_room_is_known_beforehand(dtype: str, width: int, tmp_path: Path) -> None:
    store = VectorStore(tmp_path, 1 << 30, dtype=dtype)
    for start in range(0, 9000, 3000):
        keys = IDENTITY.keys(texts(3000, start))
        store.put(IDENTITY, keys, np.ones((3000, width), np.float32))
    (info,) = store.info()
    store.close()
    assert room_of(9000, width, dtype) == pytest.approx(info.bytes, rel=0.15)


def test_ms_marco_in_float16_is_19_gigabytes() -> None:
    assert room_of(8_841_823, 1024, "float16") < 19e9
    assert room_of(8_841_823, 1024) > 36e9


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="not kept as 'int8', only as float32 or float16"):
        StoreOptions(dtype="int8")
    with pytest.raises(UsageError, match="--no-cache keeps no vectors, in float16"):
        StoreOptions(on=False, dtype="float16")
