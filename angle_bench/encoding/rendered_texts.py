"""What the tokenizer gets of texts: prompts around them, prepared as the settings say."""

from collections.abc import Sequence
from typing import Any

from angle_bench.checkpoints.spec import Settings
from angle_bench.checkpoints.templates import prepare_sentence, render
from angle_bench.errors import DataError, printable


def rendered(texts: Sequence[str], template: str, settings: Settings) -> list[str]:
    """What the tokenizer gets.

    Args:
        texts: As they are in the data.
        template: A prompt that holds `{text}`, or `""`.
        settings: Whether sentences are prepared, and letters small.

    Raises:
        DataError: One of the texts is no string.
    """
    refuse_non_strings(texts)
    if settings.prepare_sentence:
        texts = [prepare_sentence(text) for text in texts]
    prepared = [render(template, text) for text in texts] if template else list(texts)
    return [text.lower() for text in prepared] if settings.lowercase else prepared


def refuse_non_strings(texts: Sequence[Any]) -> None:
    """Refuse what is no text.

    Raises:
        DataError: One of the texts is no string.
    """
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"text {number} is {printable(repr(text)[:80])}, not a string.",
                "the data without that row, or with the text it stands for",
            )
