"""Texts to token ids, cut to length. What is cut is the text, never the template's tail."""

from collections.abc import Sequence
from typing import Any

from angle_bench.errors import UsageError

TokenIds = list[list[int]]


def tokenise(tokenizer: Any, texts: Sequence[str], max_length: int, tail: int) -> TokenIds:
    """Token ids of rendered texts, special tokens included.

    Args:
        tokenizer: A transformers tokenizer, fast or slow.
        texts: Texts with their prompts around them.
        max_length: The most tokens of a text.
        tail: How many characters of the template follow the text; their tokens always stay.

    Returns:
        A list of ids for each text. A text without any token is one pad token, so that it has a
        vector, and the same one in every batch.
    """
    if not texts:
        return []
    # a lone surrogate is no Unicode text; tokenizers refuse it
    texts = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
    if tail == 0:
        ids = _ids(tokenizer, texts, truncation=True, max_length=max_length)
    elif tokenizer.is_fast:
        ids = _cut_before_tail(tokenizer, texts, max_length, tail)
    else:
        ids = [_cut_by_search(tokenizer, text, max_length, tail) for text in texts]
    return [row or [tokenizer.pad_token_id] for row in ids]


def _ids(tokenizer: Any, texts: Sequence[str], **options: Any) -> TokenIds:
    encoded = tokenizer(
        list(texts), return_attention_mask=False, return_token_type_ids=False, **options
    )
    ids: TokenIds = encoded["input_ids"]
    return ids


def _cut_before_tail(tokenizer: Any, texts: Sequence[str], max_length: int, tail: int) -> TokenIds:
    """Drop the text's last tokens; where they end is known from each token's offsets."""
    encoded = tokenizer(
        list(texts),
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
    )
    cut = []
    for text, ids, spans in zip(
        texts, encoded["input_ids"], encoded["offset_mapping"], strict=True
    ):
        excess = len(ids) - max_length
        if excess > 0:
            first = _first_of_tail(spans, len(text) - tail)
            if first <= excess:
                raise UsageError(
                    f"the prompt alone has more than {max_length} tokens.",
                    "a shorter prompt, or a larger --max-length",
                )
            ids = ids[: first - excess] + ids[first:]
        cut.append(ids)
    return cut


def _first_of_tail(spans: Sequence[tuple[int, int]], start: int) -> int:
    """The first token that begins at `start` or behind; special tokens have empty spans."""
    inside = [place for place, (begin, end) in enumerate(spans) if end > begin]
    behind = [place for place in inside if spans[place][0] >= start]
    # a tail of spaces has no token of its own: cut right behind the last token of the text
    return behind[0] if behind else inside[-1] + 1


def _cut_by_search(tokenizer: Any, text: str, max_length: int, tail: int) -> list[int]:
    """A slow tokenizer knows no offsets: the longest beginning that fits is searched by halving."""
    whole, ending = text[: len(text) - tail], text[len(text) - tail :]
    (ids,) = _ids(tokenizer, [text])
    fits, too_long = 0, len(whole)
    while len(ids) > max_length and too_long - fits > 1:
        middle = (fits + too_long) // 2
        (tried,) = _ids(tokenizer, [whole[:middle] + ending])
        if len(tried) <= max_length:
            fits = middle
        else:
            too_long = middle
    if len(ids) > max_length:
        (ids,) = _ids(tokenizer, [whole[:fits] + ending])
    return ids
