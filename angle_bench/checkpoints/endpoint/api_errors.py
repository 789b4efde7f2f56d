"""What a server or the way to it does wrong, as errors of two lines that never hold the key."""

import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from angle_bench.checkpoints.endpoint.api_answer import AnswerError
from angle_bench.checkpoints.endpoint.endpoint_ref import (
    KEY_VARIABLE,
    SCHEME,
    ApiKey,
    EndpointRef,
)
from angle_bench.errors import ModelError, first_line, printable, shell_word

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # what may be otherwise a moment later
REFUSED_TEXTS = frozenset({400, 413, 422})  # too many, too long, or not understood
_SAID = 200  # characters of a server's own words


def wrong_answer(ref: EndpointRef, error: AnswerError) -> ModelError:
    """An answer that is not what the protocol says."""
    return ModelError(
        f"{ref.typed} {error}.",
        "-m openai:MODEL@URL of an OpenAI-compatible server; the URL often ends in /v1",
    )


def refused(ref: EndpointRef, key: ApiKey, response: Any, text: str | None = None) -> ModelError:
    """A status other than 200.

    Args:
        ref: The endpoint.
        key: Which is in no message.
        response: Of httpx2, read.
        text: The only one that was sent, where it was one.
    """
    status, said = response.status_code, _said(response, key)
    if response.has_redirect_location:
        return _redirected(ref, response)
    if status in (401, 403):
        has = "refuses the key of" if key.secret else "wants a key, and none is in"
        return ModelError(
            f"{ref.typed} {has} {KEY_VARIABLE} ({status}{said}).", f"export {KEY_VARIABLE}=KEY"
        )
    if status == 404:
        return ModelError(
            f"{ref.typed} is not there ({status}{said}).",
            f"-m openai:MODEL@URL with a model that the server lists: curl {ref.address}/models",
        )
    if status in REFUSED_TEXTS and text is not None:
        return ModelError(
            f"{ref.typed} refuses the text {text[:80]!r} of {len(text):,} characters "
            f"({status}{said}).",
            "what the server says; one that cuts long texts itself takes all of them",
        )
    asked = response.headers.get("retry-after")
    later = "" if asked is None else f", to be tried again after {printable(asked)[:40]}"
    return ModelError(
        f"{ref.typed} fails ({status}{said}{later}).",
        "the same command later: what is stored by now is not asked for again",
    )


def unreachable(ref: EndpointRef, key: ApiKey, error: Exception) -> ModelError:
    """The way to the server: no connection, a connection cut, time over, TLS."""
    said = key.hidden_in(printable(first_line(error)))
    if not_trusted(error):
        return ModelError(
            f"the certificate of {ref.typed} is not trusted: {said}.",
            "SSL_CERT_FILE=CA.pem before the command, with the authority that signed it",
        )
    late = type(error).__name__.endswith("Timeout")
    what = "does not answer in time" if late else "cannot be reached"
    return ModelError(
        f"{ref.typed} {what} ({type(error).__name__}: {said}).",
        "the same command once the server runs: what is stored by now is not asked for again",
    )


def not_trusted(error: BaseException) -> bool:
    """Whether TLS failed for want of trust, which no second try mends."""
    return any(
        isinstance(each, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(each)
        for each in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _redirected(ref: EndpointRef, response: Any) -> ModelError:
    """No redirect is followed: texts and key go where the user said, nowhere else."""
    target = urljoin(str(response.url), printable(response.headers["location"])[:500])
    parts = urlsplit(target)
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    for end in ("/embeddings", "/models"):
        base = base.removesuffix(end)
    other = parts.netloc != urlsplit(ref.address).netloc
    return ModelError(
        f"{ref.typed} sends requests on to {'another host, ' if other else ''}{base}, where "
        "neither texts nor key are sent.",
        f"-m {shell_word(f'{SCHEME}{ref.model}@{base}')}",
    )


def _said(response: Any, key: ApiKey) -> str:
    """The server's own words behind a colon; nothing of a page of HTML."""
    try:
        told = response.json()
    except ValueError:
        told = response.text if "html" not in response.headers.get("content-type", "") else ""
    for part in ("error", "message", "detail"):
        if isinstance(told, dict) and part in told:
            told = told[part]
    text = printable(key.hidden_in(str(told or "").strip()))[:_SAID]
    return f": {text}" if text and text != "{}" else ""
