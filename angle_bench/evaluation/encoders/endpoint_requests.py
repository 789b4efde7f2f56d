"""Texts to an endpoint and vectors back: requests of like size, several under way at a time."""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

import numpy as np

from angle_bench.checkpoints.endpoint.api_answer import ApiAnswer
from angle_bench.checkpoints.endpoint.api_client import EmbeddingsApi
from angle_bench.checkpoints.endpoint.probe import BESIDE, PROBES, Vectors, far
from angle_bench.encoding.plan import Indices
from angle_bench.errors import ModelError

UNDER_WAY = 8  # requests at a time
MOST_TEXTS = 64  # of a request
MOST_TOKENS = 8192  # of a request, as they are estimated
CHARACTERS_PER_TOKEN = 4  # of ASCII; of other scripts a character counts as a token


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has, where nobody knows the tokenizer."""
    plain = sum(sign < "\x80" for sign in text) if not text.isascii() else len(text)
    return plain // CHARACTERS_PER_TOKEN + (len(text) - plain) + 1


def request_batches(texts: Sequence[str], tokens: int = MOST_TOKENS) -> list[Indices]:
    """Texts cut into requests, the longest first: what a server refuses shows at once.

    Args:
        texts: As they are sent.
        tokens: The most of a request; a longer text is a request of its own.

    Returns:
        The places of each request's texts; together they are every text exactly once.
    """
    lengths = np.fromiter(map(estimated_tokens, texts), np.int64, count=len(texts))
    batches: list[list[int]] = []
    room = 0
    for place in np.argsort(-lengths, kind="stable").tolist():
        if not batches or len(batches[-1]) == MOST_TEXTS or lengths[place] > room:
            batches.append([])
            room = tokens
        batches[-1].append(place)
        room -= int(lengths[place])
    return [np.asarray(batch, np.int64) for batch in batches]


def requested(
    api: EmbeddingsApi, texts: Sequence[str], tokens: int, probe: Vectors
) -> Iterator[tuple[Indices, ApiAnswer]]:
    """The answers to texts with their places, in any order.

    A probe text goes with every request: where its vector is another than when the run began, the
    server has changed, or has mixed up its answers, and none of that request is used. After a
    failure nothing more is asked; what is under way is waited for, since it may be paid.

    Args:
        api: The connection.
        texts: Distinct ones, as they are sent.
        tokens: The most of a request.
        probe: The vector of the first probe text, (1, width).

    Raises:
        ModelError: The server cannot be reached, refuses a text, or answers something else.
    """
    batches = iter(request_batches(texts, tokens))
    under_way: dict[Future[ApiAnswer], Indices] = {}
    failed: ModelError | None = None
    try:
        while True:
            while failed is None and len(under_way) < UNDER_WAY:
                if (places := next(batches, None)) is None:
                    break
                under_way[api.submit([*(texts[i] for i in places), PROBES[0]])] = places
            if not under_way:
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                places = under_way.pop(future)
                try:
                    answer = _checked(api, future.result(), probe)
                except ModelError as error:
                    failed = failed or error
                else:
                    yield places, answer
    finally:
        for future in under_way:
            future.cancel()
    if failed is not None:
        raise failed


def _checked(api: EmbeddingsApi, answer: ApiAnswer, probe: Vectors) -> ApiAnswer:
    """The answer without the vector of the probe text, which has to be the known one."""
    if answer.vectors.shape[1] != probe.shape[1]:
        raise ModelError(
            f"{api.ref.typed} gives vectors of {answer.vectors.shape[1]} dimensions, and gave some "
            f"of {probe.shape[1]} when it was asked first.",
            "the same command: what answers there now is another model",
        )
    refuse_other_answer(api, answer.vectors[-1:], probe)
    return ApiAnswer(answer.vectors[:-1], answer.tokens)


def refuse_other_answer(api: EmbeddingsApi, found: Vectors, probe: Vectors) -> None:
    """Refuse an answer whose vector of the first probe text, (1, width), is not the known one.

    Raises:
        ModelError: The server has changed, or has mixed up the vectors of a request.
    """
    if far(found, probe) > BESIDE:
        raise ModelError(
            f"{api.ref.typed} answers otherwise than when it was asked first, or mixes up the "
            "vectors of a request.",
            "the same command: what answers there now may be another model",
        )
