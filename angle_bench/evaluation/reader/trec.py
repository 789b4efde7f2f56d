"""TREC's qrels: query, iteration, document and score between white space, mostly without names."""

import re
from collections.abc import Iterator

from angle_bench.evaluation.reader.batch import OBJECTS, ObjectBatch, Row, RowBatch
from angle_bench.evaluation.reader.blocks import line_blocks, utf8_chunks
from angle_bench.evaluation.reader.kinds import FileKind
from angle_bench.evaluation.reader.problems import Problems

# as the columns of other qrels are called
COLUMNS = ("query-id", "iteration", "corpus-id", "score")
_JUDGEMENT = re.compile(r"(\S+\s+){3}[-+]?\d+(\.\d+)?")
_DELIMITED = re.compile(r"[,;\t|]")


def is_trec(kind: FileKind, problems: Problems) -> bool:
    """Whether a text file holds TREC's qrels: its first line is one, or the second below names.

    Names with a delimiter between them are the header of another kind.

    Raises:
        DataError: The file is in no encoding that is known.
    """
    lines = [line for line, _ in zip(_lines(kind, problems), range(2), strict=False)]
    first, second = ([text for _, text in lines] + ["", ""])[:2]
    if _JUDGEMENT.fullmatch(first):
        return True
    named = len(first.split()) == len(COLUMNS) and not _DELIMITED.search(first)
    return named and _JUDGEMENT.fullmatch(second) is not None


def _lines(kind: FileKind, problems: Problems) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    for block in line_blocks(utf8_chunks(problems.place, kind.compression, problems), problems):
        for number, line in enumerate(block.data.decode().split("\n"), start=block.line):
            if text := line.strip():
                yield number, text


class TrecQrels:
    """A file of judgements."""

    def __init__(self, kind: FileKind, problems: Problems) -> None:
        self._kind = kind
        self._problems = problems

    def columns(self) -> tuple[str, ...]:
        """TREC's, or those of the first line where it has names."""
        return self._header() or COLUMNS

    def _header(self) -> tuple[str, ...]:
        _, first = next(_lines(self._kind, self._problems))
        return () if _JUDGEMENT.fullmatch(first) else tuple(first.split())

    def batches(self, column: str | None) -> Iterator[RowBatch]:
        """The judgements."""
        names = self.columns()
        numbers: list[int] = []
        rows: list[Row] = []
        lines = _lines(self._kind, self._problems)
        if self._header():
            next(lines)
        for number, text in lines:
            cells = text.split()
            if len(cells) != len(names):
                self._problems.bad_row(number, f"has {len(cells)} columns, and qrels of TREC 4")
                continue
            numbers.append(number)
            rows.append(dict(zip(names, cells, strict=True)))
            if len(rows) == OBJECTS:
                yield ObjectBatch(numbers, rows)
                numbers, rows = [], []
        yield ObjectBatch(numbers, rows)
