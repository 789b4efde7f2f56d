"""The bytes of a text file: uncompressed, in UTF-8, in blocks that end where a row does."""

import codecs
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from angle_bench.errors import UsageError
from angle_bench.evaluation.reader.problems import Problems
from angle_bench.files.reading_pace import BYTES, paced

BLOCK = 1 << 20
# marks at the start of a file; the four bytes of UTF-32 begin like those of UTF-16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# how files begin that are compressed, and the suffix that says so
_COMPRESSED = ((b"\x1f\x8b", ".gz"), (b"\x28\xb5\x2f\xfd", ".zst"))


@dataclass(frozen=True)
class Block:
    """Whole rows.

    Attributes:
        data: Valid UTF-8.
        line: The number of its first line, from 1.
        last: Whether the file ends here.
        known: What was found out of the rows where they were cut off.
    """

    data: bytes
    line: int
    last: bool
    known: Any = None


@contextmanager
def opened(place: Path, compression: str | None) -> Iterator[Any]:
    """A file as a stream of its uncompressed bytes."""
    with pa.input_stream(str(place), compression=compression) as stream:
        yield stream


def utf8_chunks(place: Path, compression: str | None, problems: Problems) -> Iterator[bytes]:
    """A file as UTF-8 without a mark; where it is so already, its bytes, not looked at.

    Raises:
        DataError: Bytes are none of the encoding that was named, or that the mark says; or the file
            is compressed, and its name does not say so.
    """
    with opened(place, compression) as stream:
        head: bytes = stream.read(max(BLOCK, 4))  # a mark is whole
        for begin, suffix in _COMPRESSED:
            if head.startswith(begin):
                what, fix = f"is compressed as {suffix} is", f"the name {place.name}{suffix}"
                raise problems.refused(what, fix)
        mark, said = next(
            ((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", None)
        )
        encoding = _encoding(problems.options.encoding, said)
        size = None if compression else place.stat().st_size
        rest = _rest(head[len(mark) :], stream)
        chunks = paced(rest, f"reading {place}", BYTES, len, size)
        if _is_utf8(encoding):
            yield from chunks
        else:
            yield from _transcoded(chunks, encoding, problems)


def _encoding(typed: str | None, said: str | None) -> str:
    """The encoding by what was typed and what the mark says, as Python calls it.

    The codecs of UTF-16 and UTF-32 without an order of bytes need the mark, which says it.
    """
    if typed is None:
        return said or "utf-8"
    try:
        named = codecs.lookup(typed).name
    except LookupError as error:
        raise UsageError(f"there is no encoding {typed}.", "--encoding latin-1") from error
    return said if said is not None and said.startswith(f"{named}-") else typed


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _rest(head: bytes, stream: Any) -> Iterator[bytes]:
    if head:
        yield head
    while chunk := stream.read(BLOCK):
        yield chunk


def _transcoded(chunks: Iterator[bytes], encoding: str, problems: Problems) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    waiting: bytes | None = next(chunks, b"")
    while waiting is not None:
        following = next(chunks, None)
        try:
            text = decoder.decode(waiting, final=following is None)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "replace")
            raise problems.refused(
                f"is not {encoding}: line {line + before.count(chr(10))} has the byte "
                f"0x{error.object[error.start]:02x}",
                problems.options.typed("encoding", "latin-1") + ", if it is that",
            ) from error
        line += text.count("\n")
        yield text.encode()
        waiting = following


def blocks(
    chunks: Iterator[bytes], cut: Callable[[bytes], tuple[int, Any]], problems: Problems
) -> Iterator[Block]:
    """Blocks that end where a row ends.

    Args:
        chunks: The bytes of a file.
        cut: How many of the bytes it is given are whole rows, 0 where they hold no end of one;
            and what is known of them then.
        problems: Of the file.

    Raises:
        DataError: Some byte is no UTF-8.
    """
    line, data, wanted = 1, bytearray(), BLOCK
    for chunk in chunks:
        data += chunk
        if len(data) < wanted:
            continue
        whole = bytes(data)
        end, known = cut(whole)
        if end == 0:  # a row longer than that
            wanted = 2 * len(data)
            continue
        yield _checked(Block(whole[:end], line, False, known), problems)
        line += whole.count(b"\n", 0, end)
        data, wanted = bytearray(whole[end:]), BLOCK
    yield _checked(Block(bytes(data), line, True), problems)


def line_blocks(chunks: Iterator[bytes], problems: Problems) -> Iterator[Block]:
    """Blocks of whole lines, where a newline always ends a row."""
    return blocks(chunks, lambda data: (data.rfind(b"\n") + 1, None), problems)


def _checked(block: Block, problems: Problems) -> Block:
    if block.data.isascii():
        return block
    try:
        block.data.decode()
    except UnicodeDecodeError as error:
        line = block.line + block.data.count(b"\n", 0, error.start)
        raise problems.refused(
            f"is not UTF-8: line {line} has the byte 0x{block.data[error.start]:02x}",
            problems.options.typed("encoding", "latin-1") + ", or what it was written in",
        ) from error
    return block
