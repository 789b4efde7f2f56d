"""What becomes of whole vectors before they are returned: dimensions, length, precision, type."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from angle_bench.encoding.precision import quantized
from angle_bench.encoding.workers.contract import Vectors

PRECISIONS = ("float32", "int8", "uint8", "binary", "ubinary")  # of sentence-transformers


@dataclass(frozen=True)
class Returned:
    """What becomes of whole vectors before they are returned.

    Attributes:
        start: The first dimension that is kept.
        size: How many; None is all that follow. Normalised again where the model normalises.
        truncate: The leading dimensions that are kept as they are, as sentence-transformers does.
        normalize: Whether they are brought to length 1 after that.
        precision: One of `PRECISIONS`.
        kind: `numpy`, `tensor`, or `list` of one tensor for each text.
    """

    start: int
    size: int | None
    truncate: int | None
    normalize: bool
    precision: str
    kind: str

    def of(self, whole: Vectors, normalizes: bool, scored: str = "float32") -> Any:
        """The vectors of texts, (texts, dimension), as they are returned.

        Args:
            whole: float32, (texts, width).
            normalizes: Whether the model itself normalises.
            scored: The precision of vectors that are to be scored; they stay float32 numbers.

        Raises:
            UsageError: One text alone has no range for int8.
        """
        vectors: Any = cut(whole, normalizes, self.start, self.size)
        vectors = vectors[:, : self.truncate]
        if self.normalize:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        vectors = quantized(vectors, scored)
        if self.precision != "float32" and len(vectors):
            from sentence_transformers.util.quantization import quantize_embeddings

            vectors = quantize_embeddings(vectors, precision=self.precision)  # type: ignore[arg-type]
        if self.kind == "numpy":
            return vectors
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(vectors))
        return tensor if self.kind == "tensor" else list(tensor)


def cut(vectors: Vectors, normalize: bool, start: int = 0, size: int | None = None) -> Vectors:
    """Some of the dimensions of vectors, (texts, width).

    Args:
        vectors: Whole ones.
        normalize: Whether the model normalises, so that what is cut out is normalised again.
        start: The first dimension.
        size: How many; None is all that follow.
    """
    if start == 0 and size in (None, vectors.shape[1]):
        return vectors
    part = np.ascontiguousarray(vectors[:, start : None if size is None else start + size])
    if normalize:
        part /= np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
    return part
