"""What a checkpoint was trained on or selected by, as hashes beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from angle_bench.errors import ResultsError
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.layout import SIDE
from angle_bench.results.text_hash import SIZE, pair_hash

FILE_NAME = "training_texts.parquet"
SCHEMA = pa.schema([("kind", pa.string()), ("hash", pa.binary(SIZE))])


@dataclass(frozen=True)
class TrainingTexts:
    """Normalised hashes of every text and of every pair."""

    texts: frozenset[bytes]
    pairs: frozenset[bytes]

    def holds(self, first: bytes, second: bytes) -> bool:
        """Whether a pair was trained on, or both of its texts were."""
        both = first in self.texts and second in self.texts
        return both or pair_hash(first, second) in self.pairs


def recorded_texts(models: Sequence[StoredModel], warnings: list[str]) -> tuple[TrainingTexts, ...]:
    """The records of some models, of those that have one.

    Args:
        models: The seeds of a recipe, or one checkpoint.
        warnings: Takes a line for each record that cannot be read, which is left out.
    """
    records = [_of_model(model, warnings) for model in models]
    return tuple(one for one in records if one is not None)


def _of_model(model: StoredModel, warnings: list[str]) -> TrainingTexts | None:
    """What was passed on with the results, else what lies in the checkpoint."""
    places = [folder.path / SIDE for folder in model.folders]
    if model.checkpoint is not None:
        places.append(model.checkpoint)
    for place in places:
        try:
            if (found := read_training_texts(place)) is not None:
                return found
        except ResultsError as error:
            warnings.append(f"{error.what}; left out")
    return None


def read_training_texts(checkpoint: Path) -> TrainingTexts | None:
    """The record in a checkpoint's folder, None where there is none.

    Raises:
        ResultsError: There is one that cannot be read.
    """
    place = checkpoint / FILE_NAME
    if not place.is_file():
        return None
    try:
        with pq.ParquetFile(place) as file:
            table = file.read().cast(SCHEMA)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ResultsError(
            f"{place} cannot be read as a record of training texts: {error}",
            "the file written again by training, or moved away",
        ) from error
    return TrainingTexts(_hashes(table, "text"), _hashes(table, "pair"))


def _hashes(table: pa.Table, kind: str) -> frozenset[bytes]:
    rows = zip(table["kind"].to_pylist(), table["hash"].to_pylist(), strict=True)
    return frozenset(value for found, value in rows if found == kind)
