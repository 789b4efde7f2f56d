"""An order of rows in which no batch has a text twice, as far as there are other rows."""

from collections.abc import Callable, Iterable, Sequence

Texts = Callable[[int], Iterable[str]]


def apart(order: Sequence[int], texts: Texts, size: int) -> list[int]:
    """The rows in an order whose batches hold rows that share no text.

    As sentence-transformers' NoDuplicatesBatchSampler: a row that shares a text with the batch
    waits for the next one. Rows that no batch can be filled with come last, and change places with
    others; where none is left to change with, they meet.

    Args:
        order: Numbers of rows, in which they are taken.
        texts: Of a row.
        size: Rows of a batch.
    """
    waiting = list(order)
    found: list[int] = []
    last: list[int] = []
    while waiting:
        batch: list[int] = []
        there: set[str] = set()
        deferred: list[int] = []
        for place, row in enumerate(waiting):
            own = set(texts(row))
            if not own.isdisjoint(there):
                deferred.append(row)
                continue
            batch.append(row)
            there |= own
            if len(batch) == size:
                deferred += waiting[place + 1 :]
                break
        (found if len(batch) == size else last).extend(batch)
        waiting = deferred
    whole = found + last
    batches = [whole[start : start + size] for start in range(0, len(whole), size)]
    _exchange(batches, len(found) // size, texts)
    return [row for batch in batches for row in batch]


def _exchange(batches: list[list[int]], first: int, texts: Texts) -> None:
    """Give rows of the last batches that meet a place in another, for a row that meets nobody."""
    held: dict[int, frozenset[str]] = {}

    def of(row: int) -> frozenset[str]:
        if row not in held:
            held[row] = frozenset(texts(row))
        return held[row]

    def fits(row: int, batch: list[int], instead_of: int) -> bool:
        return all(
            of(row).isdisjoint(of(other))
            for place, other in enumerate(batch)
            if place != instead_of
        )

    def partner(batch: list[int], place: int) -> tuple[list[int], int] | None:
        for other in batches:
            if other is batch:
                continue
            for at, row in enumerate(other):
                if fits(batch[place], other, at) and fits(row, batch, place):
                    return other, at
        return None

    for batch in batches[first:]:
        for place, row in enumerate(batch):
            if not fits(row, batch, place) and (found := partner(batch, place)) is not None:
                other, at = found
                batch[place], other[at] = other[at], row


def meeting(order: Sequence[int], texts: Texts, size: int) -> int:
    """How many rows share a text with another row of their batch."""
    count = 0
    for start in range(0, len(order), size):
        owners: dict[str, list[int]] = {}
        for place, row in enumerate(order[start : start + size]):
            for text in set(texts(row)):
                owners.setdefault(text, []).append(place)
        count += len({place for each in owners.values() if len(each) > 1 for place in each})
    return count
