"""Small changes of real files, each known by its number."""

import json
import random
from typing import Any

ODD = [None, True, -1, 0, 1e308, 10**30, "", "\x1b[31m", "../..", [], {}, [[]], {"a": {}}]
PARTS = [b"\0" * 16, b"9" * 400, b"[" * 2000, b"\xff\xfe", b"nan", b"\n", b'"', b"= ", b"inf"]


def mutated(data: bytes, number: int) -> bytes:
    """The file after one to three changes; the number says which."""
    draw = random.Random(number)
    if draw.random() < 0.4 and (changed := _structure(data, draw)) is not None:
        return changed
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        data = _bytes(data, draw)
    return data


def _bytes(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    to = min(len(data), at + draw.choice([1, 1, 4, 40]))
    kind = draw.randrange(6)
    if kind == 0 and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + data[to:]
    if kind == 2:
        return data[:to] + data[at:to] * draw.choice([1, 3]) + data[to:]
    if kind == 3:
        return data[:at]
    if kind == 4:
        return data[:at] + draw.choice(PARTS) + data[at:]
    return data[:at] + draw.randbytes(to - at) + data[to:]


def _structure(data: bytes, draw: random.Random) -> bytes | None:
    """JSON with one value that is another; None where it is no JSON."""
    try:
        value = json.loads(data)
    except ValueError:
        return None
    places: list[tuple[Any, Any]] = []
    _gather(value, places)
    if not places:
        return None
    holder, key = draw.choice(places)
    if isinstance(holder, dict) and draw.random() < 0.3:
        del holder[key]
    else:
        holder[key] = draw.choice(ODD)
    return json.dumps(value).encode()


def _gather(value: Any, places: list[tuple[Any, Any]]) -> None:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        places.append((value, key))
        _gather(value[key], places)
