"""The lines of SentEval's data files: encodings, columns, errors that name the line."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from angle_bench.errors import DataError, or_list
from angle_bench.evaluation.reader.problems import cell_text

AGAIN = "a folder as SentEval's get_transfer_data.bash leaves it, this file as a whole"


@dataclass(frozen=True)
class DataLine:
    """A line of a file, counted from 1, without its end."""

    place: Path
    number: int
    text: str

    def refused(self, what: str) -> DataError:
        """An error about this line."""
        return DataError(f"{self.place} line {self.number} {what}.", AGAIN)

    def cells(self, least: int, most: int | None = None) -> list[str]:
        """What stands between its tabs; quotes have no meaning.

        Args:
            least: How many cells there are at least.
            most: How many at most; None is `least`.

        Raises:
            DataError: The line has fewer cells or more.
        """
        found = self.text.strip().split("\t")
        if not least <= len(found) <= (most or least):
            wanted = f"{least}" if most is None else f"{least} or more"
            raise self.refused(f"has {len(found)} columns between tabs, not {wanted}")
        return found

    def one_of(self, value: str, known: Collection[str]) -> str:
        """A value that has to be one of a few.

        Raises:
            DataError: The value is something else.
        """
        if value not in known:
            raise self.refused(f"has {cell_text(value)}, which is not {or_list(list(known))}")
        return value


def read_lines(place: Path, *, latin: bool = False) -> list[DataLine]:
    """The lines of a file.

    Only a line feed ends a line: other signs that Python counts as ends of lines occur in texts.

    Args:
        place: The file.
        latin: Whether SentEval reads it as Latin-1. Then a file that is no UTF-8 is read so too.

    Raises:
        DataError: The file is absent or empty, or a line is not UTF-8.
    """
    try:
        data = place.read_bytes()
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror or error}.", AGAIN) from error
    texts = _decoded(place, data, latin).removesuffix("\n").split("\n")
    if texts == [""]:
        raise DataError(f"{place} is empty.", AGAIN)
    return [DataLine(place, at, text.removesuffix("\r")) for at, text in enumerate(texts, start=1)]


def _decoded(place: Path, data: bytes, latin: bool) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if latin:
            return data.decode("latin-1")
        start = error.object.rfind(b"\n", 0, error.start) + 1
        number = error.object.count(b"\n", 0, start) + 1
        raise DataLine(place, number, "").refused(
            f"is not UTF-8: it has the byte 0x{error.object[error.start]:02x}"
        ) from error
