"""Texts far longer than a model takes: what is computed of them, so that they cost no gigabytes."""

import re

CHARACTERS = 100_000  # of a text that are tokenised at first
CHARACTERS_PER_TOKEN = 64  # or so many for each token that a model takes, where that is more
# tokens do not reach over a single space between words
_BREAK = re.compile(r"(?<=\w) (?=\w)")


def beginning(text: str, max_length: int, tail: int) -> str | None:
    """The beginning of a long text, and its end where a template's tail follows it.

    Its first tokens, and those of the tail, are those of the whole text. It is for texts that are
    cut on the right: where it does not fill `max_length`, the whole text has to be tokenised.

    Args:
        text: With its prompt around it.
        max_length: The most tokens of a text.
        tail: How many characters of the template follow the text.

    Returns:
        None for a text that is not long, or has no space between words where it would be cut.
    """
    least = max(CHARACTERS, CHARACTERS_PER_TOKEN * max_length)
    behind = len(text) - tail
    if behind <= 3 * least:
        return None
    first = _BREAK.search(text, least, 2 * least)
    if first is None or not tail:
        return text[: first.start()] if first else None
    last = _BREAK.search(text, behind - least, behind)
    return text[: first.start()] + text[last.start() :] if last else None
