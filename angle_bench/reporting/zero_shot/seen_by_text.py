"""Which share of a task's items a training had, by the texts that it recorded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from angle_bench.errors import first_line
from angle_bench.reporting.tables.table import TableCell
from angle_bench.results.layout import SIDE
from angle_bench.results.predictions import read_predictions
from angle_bench.results.text_hash import text_hash
from angle_bench.results.training_texts import TrainingTexts
from angle_bench.suites.task import Task

_ITEM = ("subset", "split", "set", "index")  # what tells items apart that several rows are of
_PAIR, _TEXT = ("text1", "text2"), ("text",)


class SeenItems:
    """Counts the items of tasks; each distinct text is hashed once."""

    def __init__(self, warnings: list[str]) -> None:
        self._warnings = warnings
        self._hashes: dict[str, bytes] = {}

    def share(self, task: Task, cell: TableCell, training: Sequence[TrainingTexts]) -> float | None:
        """The share of a task's items that any of the records holds (`TrainingTexts.holds`).

        Returns:
            None where no training is recorded, the score has no predictions beside it, or these
            have no texts, as those of retrieval.
        """
        if not training or cell.origin is None or cell.origin.parts:
            return None
        place = Path(cell.origin.file).parent / SIDE / f"{task.name}.parquet"
        items = self._items(place, task) if place.is_file() else []
        if not items:
            return None
        seen = sum(any(one.holds(first, second) for one in training) for first, second in items)
        return seen / len(items)

    def _items(self, place: Path, task: Task) -> list[tuple[bytes, bytes]]:
        """The hashes of each item's two texts; of a single text, twice its own."""
        try:
            table = read_predictions(place)
        except (pa.ArrowException, OSError) as error:
            self._warnings.append(f"{place} cannot be read ({first_line(error)}); left out")
            return []
        names = {*table.column_names}
        texts = next((each for each in (_PAIR, _TEXT) if names.issuperset(each)), ())
        if not texts or not names.issuperset(("subset", "split")):
            return []
        columns = [*(name for name in _ITEM if name in names), *texts]
        rows = table.select(columns).group_by(columns).aggregate([]).to_pylist()
        return [
            (self._hash(row[texts[0]]), self._hash(row[texts[-1]]))
            for row in rows
            if row["split"] in task.splits
            and row["subset"] in task.subsets
            and all(row[name] is not None for name in texts)
        ]

    def _hash(self, text: Any) -> bytes:
        """Of a text, or the hash that stands for it where results were passed on without texts."""
        if isinstance(text, bytes):
            return text
        if (known := self._hashes.get(text)) is None:
            known = self._hashes[text] = text_hash(text)
        return known
