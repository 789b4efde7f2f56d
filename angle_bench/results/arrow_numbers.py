"""Columns of numbers from Arrow to numpy, without pandas, which pyarrow's `to_numpy` imports."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def numbers(column: "pa.Array | pa.ChunkedArray") -> NDArray[Any]:
    """The values, which are not to be written to; a null among floats is NaN.

    Raises:
        TypeError: They are no numbers.
    """
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if array.null_count or pa.types.is_boolean(array.type):  # DLPack has neither
        return np.asarray(array.to_numpy(zero_copy_only=False))
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        raise TypeError(f"{array.type} holds no numbers")
    return np.from_dlpack(array)


def places(values: NDArray[Any]) -> "pa.Array":
    """Whole numbers as Arrow takes them for places of rows."""
    import pyarrow as pa

    whole = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])
