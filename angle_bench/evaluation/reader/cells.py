"""Records of CSV and TSV, cell by cell: exact, with the line of what is wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_QUOTED = re.compile(r'"((?:[^"]++|"")*+)"')
_END = re.compile(r"\r\n|\n|\r")


class Record(NamedTuple):
    """A record of a file.

    Attributes:
        cells: As text; empty where it is wrong.
        line: Of its first character, from 1.
        wrong: What is wrong with its quotes; "" is nothing.
        needless: Whether a quoted cell holds nothing that has to be quoted.
    """

    cells: list[str]
    line: int
    wrong: str = ""
    needless: bool = False


@dataclass
class Records:
    """The records of a text; after the iteration, where the last whole one ended.

    A cell that begins with a quote ends with one, and quotes within it are doubled (RFC 4180);
    quotes elsewhere are characters like any other. Blank lines are no records.

    Args:
        text: Begins where a record does.
        line: Of its beginning.
        last: Whether the file ends with it; otherwise a record without an end is not given.
        delimiter: Between cells.
        quoting: Whether cells may be quoted.
    """

    text: str
    line: int
    last: bool
    delimiter: str
    quoting: bool
    end: int = 0
    _needless: bool = False

    def __iter__(self) -> Iterator[Record]:
        plain = re.compile(rf"[^{re.escape(self.delimiter)}\r\n]*+")
        at, line = 0, self.line
        while at < len(self.text):
            cells, wrong, following = self._record(at, plain)
            if following is None:
                return
            self.end = following
            written = self.text[at:following]
            if cells != [""] or wrong or written[0] == '"':
                yield Record(cells, line, wrong, self._needless)
            line += written.count("\n") + written.count("\r") - written.count("\r\n")
            at = following

    def _record(self, at: int, plain: re.Pattern[str]) -> tuple[list[str], str, int | None]:
        """The cells that begin at a place, what is wrong, and where the next record begins.

        The last is None where the text ends before the record may.
        """
        cells: list[str] = []
        self._needless = False
        while True:
            if self.quoting and self.text.startswith('"', at):
                found = _QUOTED.match(self.text, at)
                if found is None:
                    # what closes it may come in the next block
                    end = self._after(at) if self.last else None
                    return [], "opens a quote that nothing closes", end
                cells.append(found[1].replace('""', '"'))
                self._needless |= not any(s in cells[-1] for s in ('"', self.delimiter, "\n", "\r"))
            else:
                found = plain.match(self.text, at)
                assert found is not None
                cells.append(found[0])
            at = found.end()
            if self.text.startswith(self.delimiter, at):
                at += 1
                continue
            if at == len(self.text):
                return cells, "", at if self.last else None
            ended = _END.match(self.text, at)
            if ended is None:
                wrong = "has text after the quote that closes a cell"
                return [], wrong, self._after(found.start())
            if ended.end() == len(self.text) and ended[0] == "\r" and not self.last:
                return cells, "", None  # half of a line end, perhaps
            return cells, "", ended.end()

    def _after(self, at: int) -> int | None:
        """Where the line ends on which a place is."""
        found = _END.search(self.text, at)
        if found is None:
            return len(self.text) if self.last else None
        return found.end()
