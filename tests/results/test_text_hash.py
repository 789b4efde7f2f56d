"""The normalised text hash."""

import hashlib

import pytest

from angle_bench.results.text_hash import normalised, pair_hash, text_hash


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A man", "a MAN"),
        (" a \t man\n", "a man"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("Straße", "STRASSE"),
        ("\N{LATIN SMALL LIGATURE FI}ne", "fine"),
        ("e\N{COMBINING ACUTE ACCENT}", "é"),
        ("a\N{NO-BREAK SPACE}man", "a man"),
        ("", "  \n"),
    ],
)
def test_texts_that_read_the_same_are_the_same(text: str, same: str) -> None:
    assert normalised(text) == normalised(same)
    assert text_hash(text) == text_hash(same)


def test_others_are_others() -> None:
    assert len({text_hash(text) for text in ("a man", "a man.", "aman", "")}) == 4


def test_it_is_blake2b_of_128_bits() -> None:
    assert text_hash("A  Man") == hashlib.blake2b(b"a man", digest_size=16).digest()
    assert len(text_hash("half a pair: \ud83d")) == 16  # a lone surrogate is text, too


def test_a_pair_has_no_order() -> None:
    a, b = text_hash("a"), text_hash("b")
    assert pair_hash(a, b) == pair_hash(b, a)
    assert pair_hash(a, b) != pair_hash(a, a)
    assert len(pair_hash(a, b)) == 16
