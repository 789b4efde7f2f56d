"""Vectors quantised to int8 or to bits, as mteb's `CompressionWrapper` does, for scoring."""

import numpy as np

from angle_bench.encoding.workers.contract import Vectors
from angle_bench.errors import UsageError

LEVELS = 256  # of an int8
LOWEST = -128


def quantized(vectors: Vectors, precision: str) -> Vectors:
    """Vectors of one call of `encode` at a precision, as float32 numbers that mteb scores.

    The definitions are those of `mteb.models.CompressionWrapper` (mteb 2.26), whose values are
    equal bit for bit. sentence-transformers' `quantize_embeddings` gives the same int8, and the
    same bits, packed.

    - int8: each dimension's range over the vectors, minimum to maximum, has 255 steps; a value is
      the number of whole steps above the minimum, less 128.
    - binary: 1 where a value is above 0, else 0.

    A dimension in which all vectors are the same has no step, where mteb gives NaN; its values are
    -128, as in sentence-transformers.

    Args:
        vectors: float32, (texts, dimension): all texts that are encoded together.
        precision: float32, int8 or binary.

    Raises:
        UsageError: There is one text alone, which has no range for int8.

    Examples:
        >>> import numpy as np
        >>> vectors = np.array([[0.5, -1.0], [0.25, 1.0], [0.0, 0.5]], np.float32)
        >>> quantized(vectors, "int8").tolist()
        [[127.0, -128.0], [-1.0, 127.0], [-128.0, 63.0]]
        >>> quantized(vectors, "binary").tolist()
        [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    """
    if precision == "float32" or not len(vectors):
        return vectors
    if precision == "binary":
        return (vectors > 0).astype(np.float32)
    if len(vectors) == 1:
        raise UsageError(
            "int8 has its ranges from the texts that are encoded together, and this is one text.",
            "--precisions float32,binary",
        )
    low, high = vectors.min(axis=0), vectors.max(axis=0)
    steps = (high - low) / np.float32(LEVELS - 1)
    steps[steps == 0] = 1
    return np.asarray(np.floor((vectors - low) / steps) + np.float32(LOWEST), np.float32)
