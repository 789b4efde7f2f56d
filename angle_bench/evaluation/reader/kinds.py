"""Which kinds of files hold rows, by their suffix, and how one is to be read."""

from dataclasses import dataclass
from pathlib import Path

from angle_bench.errors import UsageError, or_list

# each kind with its suffixes, the usual one first; where two files of a mirror hold the same
# split, the earlier kind is read
KINDS = {
    "parquet": (".parquet",),
    "jsonl": (".jsonl", ".ndjson"),
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "json": (".json",),
    "arrow": (".arrow", ".feather", ".ipc"),
    "xlsx": (".xlsx",),
    "txt": (".txt",),
}
# as pyarrow calls them
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
SHOWN = or_list([suffixes[0] for suffixes in KINDS.values()]) + ", also with .gz or .zst"


@dataclass(frozen=True)
class FileKind:
    """What a file name says.

    Attributes:
        kind: A key of `KINDS`.
        compression: Of the whole file, as pyarrow calls it.
        stem: The name without its suffixes.
    """

    kind: str
    compression: str | None
    stem: str


@dataclass(frozen=True)
class ReadOptions:
    """How files are read.

    Attributes:
        encoding: Of text; None is UTF-8, or UTF-16 where a file begins with its mark.
        skip_bad_rows: Rows that cannot be read are left out and counted, not an error.
        kind: What the file is, where its name does not say so.
        judgements: Whether a text file may be TREC's qrels, whatever its suffix.
        written: Where the keys `encoding` and `skip_bad_rows` are written, for hints, such as
            `in the [[task]] of faq`; "" is the command line.
    """

    encoding: str | None = None
    skip_bad_rows: bool = False
    kind: str | None = None
    judgements: bool = False
    written: str = ""

    def typed(self, key: str, value: str | bool = True) -> str:
        """How an option is given, for hints."""
        if self.written:
            said = f'"{value}"' if isinstance(value, str) else "true"
            return f"{key} = {said} {self.written}"
        option = f"--{key.replace('_', '-')}"
        return f"{option} {value}" if isinstance(value, str) else option


def kind_of(place: Path) -> FileKind | None:
    """The kind that a file name says, in any case; None where it says none."""
    name, compression = place.name, None
    inner, dot, last = name.rpartition(".")
    if dot and f".{last.casefold()}" in COMPRESSIONS:
        name, compression = inner, COMPRESSIONS[f".{last.casefold()}"]
    stem, dot, last = name.rpartition(".")
    if dot:
        for kind, suffixes in KINDS.items():
            if f".{last.casefold()}" in suffixes:
                return FileKind(kind, compression, stem)
    return None


def required_kind(place: Path, kind: str | None = None) -> FileKind:
    """The kind of a file.

    Args:
        place: The file.
        kind: What was typed of it; "" and None are nothing.

    Raises:
        UsageError: Its name says none.
    """
    if kind:
        if kind not in KINDS:
            raise UsageError(f"there is no format {kind}.", f"--format {or_list([*KINDS])}")
        compression = COMPRESSIONS.get(place.suffix.casefold())
        return FileKind(kind, compression, place.stem)
    found = kind_of(place)
    if found is None:
        raise UsageError(
            f"{place} is of no kind that can be read by its name.", f"a file that ends in {SHOWN}"
        )
    return found
