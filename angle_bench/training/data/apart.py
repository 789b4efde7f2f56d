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
    sharing = _Sharing(texts)
    for batch in batches[first:]:
        others = [other for other in batches if other is not batch]
        for place, row in enumerate(batch):
            if sharing.fits(row, batch, place):
                continue
            if (found := sharing.partner(batch, place, others)) is not None:
                other, at = found
                batch[place], other[at] = other[at], row


class _Sharing:
    """Which rows share a text with others; the texts of a row are asked for once."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._held: dict[int, frozenset[str]] = {}

    def fits(self, row: int, batch: list[int], instead_of: int) -> bool:
        """Whether a row meets nobody in a batch, in the place of one of its rows."""
        own = self._of(row)
        return all(
            own.isdisjoint(self._of(other))
            for place, other in enumerate(batch)
            if place != instead_of
        )

    def partner(
        self, batch: list[int], place: int, others: list[list[int]]
    ) -> tuple[list[int], int] | None:
        """A batch and a place of it whose row can change with this one, so that neither meets."""
        for other in others:
            for at, row in enumerate(other):
                if self.fits(batch[place], other, at) and self.fits(row, batch, place):
                    return other, at
        return None

    def _of(self, row: int) -> frozenset[str]:
        if row not in self._held:
            self._held[row] = frozenset(self._texts(row))
        return self._held[row]


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
