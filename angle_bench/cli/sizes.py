"""Sizes as people type them."""

import re

from angle_bench.errors import UsageError

UNITS = ("", "K", "M", "G", "T")


def parse_size(text: str) -> int:
    """A number of bytes from `5G`, `500M`, `1.5T` or plain bytes; a K is 1024.

    >>> parse_size("1.5K")
    1536

    Raises:
        UsageError: If it is no size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        meant = re.sub(r"[^0-9.,KMGT]", "", text.upper()).replace(",", ".")
        fix = meant if re.fullmatch(r"\d+(\.\d+)?[KMGT]?", meant) else "5G, 500M or plain bytes"
        raise UsageError(f"{text!r} is no size.", fix)
    return int(float(match[1]) * 1024 ** UNITS.index(match[2].upper()))


def show_size(count: int) -> str:
    """Bytes as `parse_size` reads them, with one decimal.

    >>> show_size(1536)
    '1.5K'
    """
    size, unit = float(count), 0
    while size >= 1023.95 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f}{UNITS[unit]}" if unit else f"{count}"
