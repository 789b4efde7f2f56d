"""Where training rows come from: files, folders, saved data sets, the hub, a local mirror."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from angle_bench.checkpoints import hub
from angle_bench.errors import AngleBenchError, DataError, first_line
from angle_bench.evaluation.reader import ReadOptions, RowFile
from angle_bench.evaluation.reader.kinds import SHOWN, kind_of
from angle_bench.evaluation.reader.row_file import skipped_lines
from angle_bench.evaluation.reader.select_files import find_files, is_glob, opened_all, split_files
from angle_bench.training.recipe.data_sections import DataSource

# what datasets.Dataset.save_to_disk and DatasetDict.save_to_disk leave in a folder
_SAVED, _SAVED_SPLITS = "state.json", "dataset_dict.json"


class SourceRow(NamedTuple):
    """A row of a source.

    Attributes:
        values: By its own column names.
        number: Its line, or its number from 1 in the file; without a file from 0.
        file: Where it is; None where `datasets` read it.
    """

    values: Any
    number: int
    file: RowFile | None

    def where(self, source: DataSource) -> str:
        """How messages call it."""
        if self.file is None:
            return f"{name_of(source)} row {self.number} (counted from 0)"
        return f"{self.file.place} {self.file.unit} {self.number}"


def raw_rows(
    source: DataSource, mirror: Path | None, streaming: bool, skipped: list[str] | None = None
) -> Iterator[SourceRow]:
    """The rows of a source, in order.

    Args:
        source: Where they are.
        mirror: A folder with hub data sets, `<id>/[<config>/]<split>.parquet` or .jsonl.
        streaming: Whether hub data is read as it is needed; files always are.
        skipped: Gets a line for each file of which bad rows were skipped, at the end.

    Raises:
        DataError: There are none, or they cannot be read.
    """
    try:
        files = files_of(source, mirror)
        if files is not None:
            rows = (SourceRow(row, at, file) for file in files for at, row in file.rows())
        else:
            loaded = (
                _from_hub(source, streaming)
                if source.path is None
                else _saved(Path(source.path).expanduser(), source.split)
            )
            rows = (SourceRow(row, at, None) for at, row in enumerate(loaded))
        yield from itertools.islice(rows, source.limit)
        if skipped is not None and files is not None:
            skipped += skipped_lines(files)
    except AngleBenchError:
        raise
    except Exception as error:  # transport, parser and builder errors share no base
        again = "--mirror DIR that holds it, or the same command with a network"
        raise DataError(
            f"{name_of(source)} could not be read: {first_line(error)}",
            again if source.path is None else "a data set that `datasets` itself loads",
        ) from error


def name_of(source: DataSource) -> str:
    """How messages call a source."""
    if source.path is not None:
        return source.path
    return " ".join(filter(None, [source.hub, source.config, source.split]))


def columns_of(source: DataSource, mirror: Path | None) -> tuple[str, ...] | None:
    """The columns of all rows of a source's files; None where its first row has them all."""
    files = files_of(source, mirror)
    if files is None:
        return None
    return tuple(dict.fromkeys(name for file in files for name in file.columns()))


def files_of(source: DataSource, mirror: Path | None) -> list[RowFile] | None:
    """The files of a source; None where `datasets` loads it.

    Raises:
        DataError: The source has no file.
    """
    options = ReadOptions(source.encoding, source.skip_bad_rows, written=source.written)
    if source.hub is not None:
        split = (source.config or "default", source.split)
        place = None if mirror is None else find_files(mirror / source.hub).get(split)
        return None if place is None else opened_all(place, options)
    place = Path(source.path or "").expanduser()
    if place.is_dir():
        if (place / _SAVED).is_file() or (place / _SAVED_SPLITS).is_file():
            return None
        there = split_files(place, [source.split])
        if source.split not in there:
            raise _no_split(place, source.split, list(there), f'path = "{place}/*", or ')
        return opened_all(there[source.split], options)
    if not place.is_file() and not is_glob(place):
        raise DataError(f"there is no {place}.", "the path in [[data.train]] corrected")
    if kind_of(place) is None and not is_glob(place):
        raise DataError(f"{place} is of no kind that can be read.", f"a file that ends in {SHOWN}")
    if source.split != "train":
        raise DataError(f"{place} is one file, without splits.", "the [[data.train]] without split")
    return opened_all(place, options)


def _saved(place: Path, split: str) -> Any:
    import datasets

    saved = datasets.load_from_disk(str(place))
    if isinstance(saved, datasets.DatasetDict):
        if split not in saved:
            raise _no_split(place, split, list(saved))
        saved = saved[split]
    return saved


def _no_split(place: Path, split: str, there: list[str], as_one: str = "") -> DataError:
    of_folder = f'split = "{min(there, default="train")}" in [[data.train]]'
    return DataError(
        f"{place} has no {split} (there: {', '.join(sorted(there)) or 'nothing'}).",
        f"{as_one}{of_folder}, or that split put there",
    )


def _from_hub(source: DataSource, streaming: bool) -> Iterator[dict[str, Any]]:
    hub.state()  # sets HF_HUB_OFFLINE before huggingface_hub reads it
    import datasets

    return iter(
        datasets.load_dataset(
            source.hub,
            source.config,
            split=source.split,
            revision=source.revision,
            streaming=streaming,
        )
    )
