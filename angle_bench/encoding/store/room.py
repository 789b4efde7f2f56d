"""What vectors take in the store: known before the first is computed, and beside its limit."""

PAGE = 4096
LONGEST_WITHIN = 1984  # bytes of a value that shares a page with others
SEAL, KEY, NODE = 9, 32, 10  # bytes beside a vector: its checksum, its key, what lmdb keeps of both
FILLED = 0.69  # of pages into which keys come in any order
SIZES = {"float32": 4, "float16": 2}


def room_of(vectors: int, width: int, dtype: str = "float32") -> int:
    """About how many bytes of the store vectors take.

    Args:
        vectors: How many.
        width: Their dimensions.
        dtype: What they are stored as; float16 is packed (`store/value_layout.py`).
    """
    value = SIZES[dtype] * width + SEAL
    if dtype == "float16":
        each = value + (KEY + NODE + 12) / FILLED
    elif value > LONGEST_WITHIN:
        each = -(-(value + 16) // PAGE) * PAGE + (KEY + NODE + 8) / FILLED
    else:
        each = PAGE / max(1, PAGE // (value + KEY + NODE)) / FILLED
    return round(vectors * each)
