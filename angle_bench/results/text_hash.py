"""The normalised text hash, by which texts are joined, clustered and told from training texts."""

import hashlib
import unicodedata

SIZE = 16  # bytes: blake2b-128


def normalised(text: str) -> str:
    r"""NFKC, case folded, whitespace collapsed and stripped.

    >>> normalised(" Ａ  MAN\teats ")
    'a man eats'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_hash(text: str) -> bytes:
    """blake2b-128 of the normalised text (CONTRACTS "Predictions")."""
    data = normalised(text).encode("utf-8", errors="surrogatepass")
    return hashlib.blake2b(data, digest_size=SIZE).digest()


def pair_hash(first: bytes, second: bytes) -> bytes:
    """blake2b-128 of two text hashes, the smaller first: a pair has no order."""
    low, high = sorted((first, second))
    return hashlib.blake2b(low + high, digest_size=SIZE).digest()
