"""Where training rows come from: files, folders, saved data sets, the hub, a local mirror."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from angle_bench.errors import DataError, first_line
from angle_bench.evaluation.row_files import OWN_FORMATS, find_files, read_rows
from angle_bench.models import hub
from angle_bench.training.settings import Source

# what datasets.Dataset.save_to_disk and DatasetDict.save_to_disk leave in a folder
_SAVED, _SAVED_SPLITS = "state.json", "dataset_dict.json"


def raw_rows(source: Source, mirror: Path | None, streaming: bool) -> Iterator[dict[str, Any]]:
    """The rows of a source, in order, under its own column names.

    Args:
        source: Where they are.
        mirror: A folder with hub data sets, `<id>/[<config>/]<split>.parquet` or .jsonl.
        streaming: Whether hub data is read as it is needed; files always are.

    Raises:
        DataError: There are none, or they cannot be read.
    """
    try:
        rows = _from_hub(source, mirror, streaming) if source.path is None else _from_path(source)
        yield from itertools.islice(rows, source.limit)
    except DataError:
        raise
    except Exception as error:  # transport, parser and builder errors share no base
        again = "--mirror DIR that holds it, or the same command with a network"
        raise DataError(
            f"{name_of(source)} could not be read: {first_line(error)}",
            again if source.path is None else "the file copied there again as a whole",
        ) from error


def name_of(source: Source) -> str:
    """How messages call a source."""
    if source.path is not None:
        return source.path
    return " ".join(filter(None, [source.hub, source.config, source.split]))


def _from_path(source: Source) -> Iterator[dict[str, Any]]:
    place = Path(source.path or "").expanduser()
    if place.is_dir():
        return _from_folder(place, source.split)
    if not place.is_file():
        raise DataError(f"there is no {place}.", "the path in [[data.train]] mended")
    if place.suffix.removeprefix(".") not in OWN_FORMATS:
        raise DataError(
            f"{place} is of no kind that can be read.",
            f"a file that ends in {', '.join(f'.{each}' for each in OWN_FORMATS)}",
        )
    if source.split != "train":
        raise DataError(f"{place} is one file, without splits.", "the [[data.train]] without split")
    return read_rows(place)


def _from_folder(place: Path, split: str) -> Iterator[dict[str, Any]]:
    if (place / _SAVED).is_file() or (place / _SAVED_SPLITS).is_file():
        import datasets

        saved = datasets.load_from_disk(str(place))
        if isinstance(saved, datasets.DatasetDict):
            if split not in saved:
                raise _no_split(place, split, list(saved))
            saved = saved[split]
        return iter(saved)
    files = find_files(place, OWN_FORMATS)
    if ("default", split) not in files:
        raise _no_split(place, split, [name for _, name in files])
    return read_rows(files["default", split])


def _no_split(place: Path, split: str, there: list[str]) -> DataError:
    return DataError(
        f"{place} has no {split} (there: {', '.join(sorted(there)) or 'nothing'}).",
        f'split = "{min(there, default="train")}" in [[data.train]], or that split put there',
    )


def _from_hub(source: Source, mirror: Path | None, streaming: bool) -> Iterator[dict[str, Any]]:
    assert source.hub is not None
    if mirror is not None:
        files = find_files(mirror / source.hub)
        place = files.get((source.config or "default", source.split))
        if place is not None:
            return read_rows(place)
    hub.state()  # decides offline or not before anything reads it
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
