"""What an endpoint answers to texts, checked before any of it is used."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


class AnswerError(ValueError):
    """An answer that is not what the protocol says, in a sentence without its end."""


@dataclass(frozen=True)
class ApiAnswer:
    """The vectors of the texts of a request.

    Attributes:
        vectors: float32, (texts, dimensions), in the order of the texts.
        tokens: `usage.total_tokens`; None where the server does not say it.
    """

    vectors: NDArray[np.float32]
    tokens: int | None


def joined_answers(answers: Sequence[ApiAnswer]) -> ApiAnswer:
    """The answers to parts of a request as one.

    Raises:
        AnswerError: Their vectors are of unlike lengths.
    """
    if len({each.vectors.shape[1] for each in answers}) > 1:
        raise AnswerError("gives vectors of unlike lengths")
    counts = [each.tokens for each in answers if each.tokens is not None]
    return ApiAnswer(
        np.concatenate([each.vectors for each in answers]),
        sum(counts) if len(counts) == len(answers) else None,
    )


def read_json(body: bytes, kind: str) -> Any:
    """The JSON of an answer.

    Args:
        body: What was answered.
        kind: Its `content-type`.

    Raises:
        AnswerError: It is something else.
    """
    try:
        return json.loads(body)
    except ValueError as error:
        html = "html" in kind.lower() or body.lstrip()[:1] == b"<"
        raise AnswerError(f"answers {'a page of HTML' if html else 'text'}, no JSON") from error


def read_answer(told: Any, texts: int) -> ApiAnswer:
    """The vectors of an answer, by their `index`.

    Args:
        told: The JSON.
        texts: How many were sent.

    Raises:
        AnswerError: Vectors are missing, doubled, of unlike lengths, or not finite.
    """
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise AnswerError("answers no list of vectors (data)")
    if len(data) != texts:
        raise AnswerError(f"gives {len(data)} vectors for {texts} texts")
    rows: dict[Any, NDArray[np.float32]] = {}
    for each in data:
        index = each.get("index")
        if type(index) is not int or not 0 <= index < texts or index in rows:
            raise AnswerError("does not say which vector is of which text (index)")
        rows[index] = _vector(each.get("embedding"))
    widths = {len(row) for row in rows.values()}
    if len(widths) != 1 or 0 in widths:
        raise AnswerError("gives vectors of unlike lengths")
    vectors = np.stack([rows[index] for index in range(texts)])
    if not np.isfinite(vectors).all():
        raise AnswerError("gives a vector that is not finite")
    return ApiAnswer(vectors, _tokens(told.get("usage")))


def _vector(given: Any) -> NDArray[np.float32]:
    """Numbers, or float32 in base64 with the lowest byte first."""
    if isinstance(given, str):
        try:
            plain = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError) as error:
            raise AnswerError("gives vectors that are no base64") from error
        if len(plain) % 4:
            raise AnswerError("gives vectors in base64 that are no float32")
        return np.frombuffer(plain, "<f4").astype(np.float32)
    numbers = isinstance(given, list) and all(type(each) in (int, float) for each in given)
    if not numbers:  # null is how some write NaN
        raise AnswerError("gives a vector that is no list of numbers")
    with np.errstate(over="ignore"):  # infinite then, which is refused
        return np.asarray(given, np.float64).astype(np.float32)


def _tokens(usage: Any) -> int | None:
    found = usage.get("total_tokens") if isinstance(usage, dict) else None
    return found if type(found) is int and found >= 0 else None
