"""Texts to token ids, cut to length. What is cut is the text, never the template's tail."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from angle_bench.checkpoints.loading.panics import panics_caught
from angle_bench.checkpoints.spec import Settings
from angle_bench.checkpoints.templates import head_and_tail
from angle_bench.encoding.long_texts import beginning
from angle_bench.encoding.workers.contract import Ids
from angle_bench.errors import ModelError, UsageError, first_line

TokenIds = list[list[int]]


@dataclass(frozen=True)
class Tokens:
    """The token ids of several texts.

    Attributes:
        ids: All ids, one text after the other.
        lengths: How many of them belong to each text.
        truncated: How many texts were cut to fit.
    """

    ids: Ids
    lengths: Ids
    truncated: int


def tokenise(tokenizer: Any, texts: Sequence[str], max_length: int, tail: int) -> Tokens:
    """Token ids of rendered texts, special tokens included.

    Args:
        tokenizer: A transformers tokenizer, fast or slow.
        texts: Texts with their prompts around them.
        max_length: The most tokens of a text.
        tail: How many characters of the template follow the text; their tokens always stay.

    A text without any token is one pad token, so that it has a vector, and the same one in every
    batch.
    """
    texts = [_unicode(text) for text in texts]
    rows, truncated = _all_rows(tokenizer, texts, max_length, tail) if texts else ([], 0)
    rows = [row or [tokenizer.pad_token_id] for row in rows]
    lengths = np.fromiter(map(len, rows), np.int32, count=len(rows))
    ids = np.fromiter(chain.from_iterable(rows), np.int32, count=int(lengths.sum()))
    return Tokens(ids, lengths, truncated)


def prompt_tokens(tokenizer: Any, settings: Settings, template: str) -> int:
    """How many tokens what stands before a text in its template has, 0 where nothing does.

    As sentence-transformers counts them: tokenised alone, with special tokens, but for one at the
    end.

    Args:
        tokenizer: A transformers tokenizer, fast or slow.
        settings: The length, and whether capitals are lost.
        template: With `{text}`, or `""`.
    """
    head, _ = head_and_tail(template)
    if not head:
        return 0
    head = head.lower() if settings.lowercase else head
    options = {"truncation": True, "max_length": settings.max_length}
    (ids,) = _encoded(tokenizer, [head], **options)["input_ids"]
    return len(ids) - bool(ids and ids[-1] in tokenizer.all_special_ids)


def _all_rows(
    tokenizer: Any, texts: Sequence[str], max_length: int, tail: int
) -> tuple[TokenIds, int]:
    """Ids of each text, and how many texts were cut; of long ones the beginning is enough."""
    if tokenizer.truncation_side != "right":
        return _rows(tokenizer, texts, max_length, tail)
    begun = [beginning(text, max_length, tail) for text in texts]
    if not any(begun):
        return _rows(tokenizer, texts, max_length, tail)
    each = [_of_long(tokenizer, *one, max_length, tail) for one in zip(texts, begun, strict=True)]
    return [ids for ids, _ in each], sum(cut for _, cut in each)


def _of_long(
    tokenizer: Any, text: str, begun: str | None, max_length: int, tail: int
) -> tuple[list[int], int]:
    if begun is not None:
        (ids,), cut = _rows(tokenizer, [begun], max_length, tail)
        if cut:
            return ids, cut
    (ids,), cut = _rows(tokenizer, [text], max_length, tail)
    return ids, cut


def _rows(tokenizer: Any, texts: Sequence[str], max_length: int, tail: int) -> tuple[TokenIds, int]:
    """Ids of each text, and how many texts were cut."""
    if tail == 0 and tokenizer.is_fast:
        encoded = _encoded(tokenizer, texts, truncation=True, max_length=max_length)
        full = [at for at, ids in enumerate(encoded["input_ids"]) if len(ids) >= max_length]
        cut = sum(bool(encoded.encodings[at].overflowing) for at in full)
        return encoded["input_ids"], cut
    if tokenizer.is_fast:
        return _cut_before_tail(tokenizer, texts, max_length, tail)
    whole = [_cut_by_search(tokenizer, text, max_length, tail) for text in texts]
    return [ids for ids, _ in whole], sum(cut for _, cut in whole)


def _unicode(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _encoded(tokenizer: Any, texts: Sequence[str], **options: Any) -> Any:
    try:
        with panics_caught():
            return tokenizer(
                list(texts), return_attention_mask=False, return_token_type_ids=False, **options
            )
    except Exception as error:  # the library raises whatever its parts do
        raise ModelError(
            f"the tokenizer fails on a text: {first_line(error)}",
            "another checkpoint, or the tokenizer of this one saved anew",
        ) from error


def _cut_before_tail(
    tokenizer: Any, texts: Sequence[str], max_length: int, tail: int
) -> tuple[TokenIds, int]:
    """Drop the text's last tokens; where they end is known from each token's offsets."""
    encoded = _encoded(tokenizer, texts, return_offsets_mapping=True)
    cut = []
    truncated = 0
    for text, ids, spans in zip(
        texts, encoded["input_ids"], encoded["offset_mapping"], strict=True
    ):
        excess = len(ids) - max_length
        if excess > 0:
            first = _first_of_tail(spans, len(text) - tail)
            if first <= excess:
                raise _prompt_too_long(max_length)
            ids = ids[: first - excess] + ids[first:]
            truncated += 1
        cut.append(ids)
    return cut, truncated


def _first_of_tail(spans: Sequence[tuple[int, int]], start: int) -> int:
    """The first token that begins at `start` or behind; special tokens have empty spans."""
    inside = [place for place, (begin, end) in enumerate(spans) if end > begin]
    behind = [place for place in inside if spans[place][0] >= start]
    # a tail of spaces has no token of its own: cut right behind the last token of the text
    return behind[0] if behind else inside[-1] + 1


def _cut_by_search(tokenizer: Any, text: str, max_length: int, tail: int) -> tuple[list[int], bool]:
    """A slow tokenizer knows no offsets: the longest beginning that fits is searched by halving."""
    whole, ending = text[: len(text) - tail], text[len(text) - tail :]

    def ids_of(beginning: str) -> list[int]:
        (ids,) = _encoded(tokenizer, [beginning + ending])["input_ids"]
        found: list[int] = ids
        return found

    if len(ids := ids_of(whole)) <= max_length:
        return ids, False
    if tail == 0:
        (ids,) = _encoded(tokenizer, [text], truncation=True, max_length=max_length)["input_ids"]
        return ids, True
    fits, too_long = 0, len(whole)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(ids_of(whole[:middle])) <= max_length:
            fits = middle
        else:
            too_long = middle
    if len(ids := ids_of(whole[:fits])) > max_length:
        raise _prompt_too_long(max_length)
    return ids, True


def _prompt_too_long(max_length: int) -> UsageError:
    return UsageError(
        f"the prompt alone has more than {max_length} tokens.",
        "a shorter prompt, or a larger --max-length",
    )
