"""The texts among which hard negatives are searched: pairs, documents, what is excluded."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from angle_bench.checkpoints import hub
from angle_bench.errors import DataError, UsageError
from angle_bench.evaluation.reader import ReadOptions
from angle_bench.evaluation.reader.kinds import SHOWN, kind_of
from angle_bench.evaluation.reader.problems import cell_text, columns_text, short
from angle_bench.evaluation.reader.select_files import is_glob
from angle_bench.evaluation.reader.texts import Texts, read_texts, text_files
from angle_bench.files.reading_pace import paced
from angle_bench.results.text_hash import text_hash
from angle_bench.training.data.columns import grouped, likely_names, renamed
from angle_bench.training.data.rows import Checker, RowCounts
from angle_bench.training.data.sources import SourceRow, columns_of, name_of, raw_rows
from angle_bench.training.mining.search import Indices, Pool
from angle_bench.training.recipe.data_sections import DataSource

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?")
_PAIR = ("query", "positive")


@dataclass(frozen=True)
class MiningTexts:
    """What is searched, each text once.

    Attributes:
        queries: Distinct texts.
        documents: Distinct texts: all positives, and those of a corpus.
        pairs: (pairs, 2), numbers of a query and of the document that is its positive; pairs whose
            texts are equal once normalised stand once.
        pool: Which documents may become negatives, each normalised text once, and of which queries
            they never do: of those that they are a positive of, or are equal to.
        repeated: How many pairs stood there again.
    """

    queries: Sequence[str]
    documents: Sequence[str]
    pairs: Indices
    pool: Pool
    repeated: int


class MinedSource(DataSource):
    """A source whose keys are options of the command line."""

    @property
    def written(self) -> str:
        """The command line."""
        return ""


def source_of(
    word: str,
    columns: Sequence[str] = (),
    config: str | None = None,
    split: str = "train",
    encoding: str | None = None,
    skip_bad_rows: bool = False,
) -> "MinedSource":
    """The source that is meant by a path, or by a hub id with or without `@REVISION`.

    Args:
        word: What was typed.
        columns: `THEIRS=OURS`, as after `--column`.
        config: Of a hub data set.
        split: Of a folder or hub data set.
        encoding: Of text files.
        skip_bad_rows: Whether rows that cannot be read are left out.

    Raises:
        UsageError: It is neither, or a column cannot be renamed so.
    """
    names = dict(_renaming(each) for each in columns)
    path = Path(word).expanduser()
    here = path.exists() or is_glob(path)
    of_hub = not here and kind_of(path) is None
    if not here and not (of_hub and _HUB_ID.fullmatch(word)):
        raise UsageError(
            f"there is no file or folder {word}.",
            f"a file that ends in {SHOWN}, a folder, or a data set of the hub as ORG/NAME",
        )
    if path.is_file() and split != "train":
        raise UsageError(f"{word} is one file, without splits.", "the command without --split")
    if not of_hub and config is not None:
        raise UsageError(
            f"{word} is here, and --config is for data sets of the hub.",
            "the command without --config",
        )
    place, _, revision = word.partition("@")
    found = {"hub": place, "revision": revision or None} if of_hub else {"path": word}
    try:
        reading = {"encoding": encoding, "skip_bad_rows": skip_bad_rows}
        named = {"config": config, "split": split, "columns": names}
        return MinedSource.model_validate({**found, **named, **reading})
    except ValidationError as error:  # of the columns; the rest was looked at
        said = error.errors()[0]["msg"].removeprefix("Value error, columns ")
        raise UsageError(f"--column {said}.", "--column THEIRS=query") from error


def _renaming(typed: str) -> tuple[str, str]:
    theirs, equals, ours = typed.rpartition("=")
    if not equals or not theirs:
        raise UsageError(
            f"--column {typed} says no new name.", f"--column {typed.strip('=') or 'THEIRS'}=query"
        )
    return theirs, ours


def read_pairs(source: DataSource, mirror: Path | None) -> tuple[list[tuple[str, str]], RowCounts]:
    """All pairs of query and positive, in order, and what became of the rows.

    A row with lists gives every text of one with every text of the other. A negative that the data
    has is not looked at: it is mined anew.

    Raises:
        DataError: The rows cannot be read, have labels instead of queries, or hold no pair.
    """
    if source.hub is not None:
        hub.state()  # sets HF_HUB_OFFLINE before huggingface_hub reads it
    skipped: list[str] = []
    rows = _without_negatives(raw_rows(source, mirror, streaming=False, skipped=skipped), source)
    first = next(rows, None)
    there = columns_of(source, mirror)
    if first is None:
        raise DataError(f"{name_of(source)} has no rows.", "data with query and positive")
    names = [name for name in there or first.values if not _is_negative(name, source)]
    checker = _checker(dict.fromkeys(names), source)
    checker.counts.skipped = skipped

    def whole() -> Iterator[SourceRow]:
        yield first
        yield from rows

    pairs = [
        (query, positive)
        for _, row in checker.rows(whole())
        for query in row.texts[0]
        for positive in row.texts[1]
    ]
    if not pairs:
        dropped = ", ".join(f"{count:,} {why}" for why, count in checker.counts.dropped.items())
        raise DataError(
            f"{name_of(source)} has no row with a query and a positive ({dropped}).",
            "data with a text in both columns",
        )
    return pairs, checker.counts


def _without_negatives(rows: Iterator[SourceRow], source: DataSource) -> Iterator[SourceRow]:
    try:
        for row in rows:
            if not isinstance(row.values, dict):
                raise DataError(
                    f"{name_of(source)} has {cell_text(row.values)} for a row, not columns.",
                    "rows with named columns",
                )
            kept = {k: v for k, v in row.values.items() if not _is_negative(k, source)}
            yield row._replace(values=kept)
    except DataError as error:
        if "[[data.train]]" not in error.fix:
            raise
        raise DataError(error.what, "--split NAME that is there") from error


def _is_negative(name: str, source: DataSource) -> bool:
    return "negative" in grouped({name: source.columns.get(name, name)})


def _checker(first: Mapping[str, Any], source: DataSource) -> Checker:
    """The checker of rows like the first.

    Raises:
        UsageError: `--column` names one that is not there.
        DataError: Their columns are no query and positive; with what to type for that.
    """
    kept = {theirs: ours for theirs, ours in source.columns.items() if ours != "negative"}
    source = source.model_copy(update={"columns": kept})
    try:
        there = set(grouped(renamed(first, source)))
    except DataError as error:
        raise UsageError(
            error.what,
            "--column THEIRS=query or --column THEIRS=positive, of a column that is there",
        ) from error
    if {"text1", "text2", "label"} <= there:
        raise DataError(
            f"{name_of(source)} has labelled pairs, and negatives are mined for queries with "
            "positives.",
            "a file of the pairs that belong together, with --column text1=query "
            "--column text2=positive",
        )
    if not set(_PAIR) <= there:
        likely = {ours: short(theirs) for theirs, ours in likely_names(there).items()}
        missing = [ours for ours in _PAIR if ours not in there]
        raise DataError(
            f"{name_of(source)} has no {' and no '.join(missing)}; {columns_text(list(first))}.",
            " ".join(f"--column {likely.get(ours, 'THEIRS')}={ours}" for ours in missing),
        )
    return Checker(first, source)


def read_corpus(file: Path, column: str | None, options: ReadOptions | None = None) -> Texts:
    """The texts of a corpus, without those that are blank; what of its files is left out.

    Raises:
        UsageError: There is no such file or column, or several could be meant.
        DataError: It cannot be read, or holds no text.
    """
    with text_files(str(file), options or ReadOptions()) as files:
        found = read_texts(files, column, "--corpus-column")
    kept = [text for text in found.texts if text.strip()]
    if not kept:
        raise DataError(f"{file} has no text in {found.column}.", "--corpus FILE of documents")
    return replace(found, texts=kept)


def gather(pairs: Iterable[tuple[str, str]], corpus: Sequence[str] | None = None) -> MiningTexts:
    """Number texts, and say which documents may be negatives of which queries.

    Args:
        pairs: Queries and positives.
        corpus: The documents to search; None is all positives.
    """
    queries, documents = _Numbered(), _Numbered()
    numbered, seen, repeated = [], set(), 0
    positives: dict[bytes, set[bytes]] = {}  # of a normalised query, whatever its spellings
    for query, positive in paced(pairs, "telling pairs apart", "pairs", lambda _: 1):
        asked, answer = text_hash(query), text_hash(positive)
        if (asked, answer) in seen:
            repeated += 1
            continue
        seen.add((asked, answer))
        positives.setdefault(asked, {asked}).add(answer)
        numbered.append((queries.number(query, asked), documents.number(positive, answer)))
    if corpus is None:
        candidates = list(range(len(documents.hashes)))
    else:
        candidates = [documents.number(text, text_hash(text)) for text in corpus]
    places: dict[bytes, int] = {}
    chosen: list[int] = []
    for number in candidates:
        if places.setdefault(documents.hashes[number], len(chosen)) == len(chosen):
            chosen.append(number)
    excluded = [
        (query, places[each])
        for query, asked in enumerate(queries.hashes)
        for each in positives[asked]
        if each in places
    ]
    pool = Pool(np.array(chosen, np.int64), np.array(excluded, np.int64).reshape(-1, 2))
    return MiningTexts(queries.texts, documents.texts, np.array(numbered), pool, repeated)


class _Numbered:
    """Distinct texts by number, with their hashes."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.hashes: list[bytes] = []

    @property
    def texts(self) -> list[str]:
        return list(self._numbers)

    def number(self, text: str, hashed: bytes) -> int:
        number = self._numbers.setdefault(text, len(self.hashes))
        if number == len(self.hashes):
            self.hashes.append(hashed)
        return number
