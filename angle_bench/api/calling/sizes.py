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
    match = re.fullmatch(
        r"(\d{1,18}(?:\.\d+)?|\.\d+)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE
    )
    if match is None:
        raise UsageError(f"{text!r} is no size.", _meant(text) or "5G")
    return int(float(match[1]) * 1024 ** UNITS.index(match[2].upper()))


def _meant(text: str) -> str | None:
    """The size in a sign, a decimal comma or a unit too many; no guess where digits are left."""
    match = re.fullmatch(r"\D*?(\d{1,18}(?:[.,]\d{1,2})?)\s*([KMGT]?)\D*", text.upper())
    return match and match[1].replace(",", ".") + match[2]


def show_size(count: int) -> str:
    """Bytes as `parse_size` reads them, with one decimal.

    >>> show_size(1536)
    '1.5K'
    """
    size, unit = float(count), 0
    while size >= 1023.95 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f}{UNITS[unit]}" if unit else f"{count}"
