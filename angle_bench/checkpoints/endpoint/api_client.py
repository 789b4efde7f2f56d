"""Requests to an OpenAI-compatible endpoint: several at a time, each tried again where that helps.

httpx2 speaks HTTP. Its requests run in an event loop of a thread of their own, so that whoever
waits for them can go away at any moment, in a notebook too.
"""

import asyncio
import json
import random
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar

from angle_bench.checkpoints.endpoint.api_answer import (
    AnswerError,
    ApiAnswer,
    joined_answers,
    read_answer,
    read_json,
)
from angle_bench.checkpoints.endpoint.api_errors import (
    PASSING,
    REFUSED_TEXTS,
    not_trusted,
    refused,
    unreachable,
    wrong_answer,
)
from angle_bench.checkpoints.endpoint.endpoint_ref import ApiKey, EndpointRef, api_key
from angle_bench.errors import UsageError

T = TypeVar("T")

CONNECT_SECONDS = 10.0
NO_LIST = frozenset({400, 404, 405, 501})  # of a server that has no `GET /models`
BEYOND = 1 << 30  # texts of a request, as long as the server takes them all


@dataclass(frozen=True)
class Retries:
    """How long a request is tried again.

    Attributes:
        tries: How often at most.
        first: Seconds before the second try; each later wait is twice as long.
        longest: The longest of these waits.
        asked: The longest wait that a server may ask for by `Retry-After`.
        answer: Seconds without an answer after which a try has failed.
    """

    tries: int = 8
    first: float = 0.5
    longest: float = 30.0
    asked: float = 120.0
    answer: float = 300.0

    def wait(self, tried: int, asked: str | None = None) -> float | None:
        """Seconds until the next try; None where there is none.

        Args:
            tried: How often it was tried.
            asked: `Retry-After`: seconds, or a date.
        """
        if tried >= self.tries:
            return None
        seconds = None if asked is None else _seconds(asked)
        if seconds is not None:
            return None if seconds > self.asked else seconds
        longest = min(self.longest, self.first * 2 ** (tried - 1))
        return random.uniform(longest / 2, longest)  # so that many clients come back one by one


PROBING = Retries(tries=3, answer=60.0)  # whoever waits for a first answer sees nothing yet


class EmbeddingsApi:
    """A connection to an endpoint, for one thread to ask and others to compute meanwhile.

    Args:
        ref: The endpoint.
        dimensions: What is asked for; None leaves it to the server.
        retries: How long a request is tried again.

    Raises:
        UsageError: httpx2 is not installed, the key cannot be one, or certificates cannot be read.
    """

    def __init__(
        self, ref: EndpointRef, dimensions: int | None = None, retries: Retries = PROBING
    ) -> None:
        self.ref, self._dimensions, self._retries = ref, dimensions, retries
        self._key: ApiKey = api_key()
        self._base64: bool | None = None  # whether the server takes it; None is not known yet
        self._most = BEYOND
        self._http = _library()
        given = {"authorization": f"Bearer {self._key.secret}"} if self._key.secret else {}
        self._client = self._http.AsyncClient(
            headers=given,
            timeout=self._http.Timeout(retries.answer, connect=CONNECT_SECONDS, pool=None),
            follow_redirects=False,
            trust_env=not ref.is_loopback,
            verify=_trusted(self._http, ref),
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="endpoint", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """The connection, closed behind the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, texts: Sequence[str]) -> "Future[ApiAnswer]":
        """The vectors of texts, once they are there.

        The future raises a ModelError where they cannot be had; one of a single text names it.
        """
        return self._started(self._embedded(list(texts)))

    def models(self) -> list[dict[str, Any]] | None:
        """What the server says of its models; None where it has no list of them.

        Raises:
            ModelError: The server cannot be reached, or answers something else.
        """
        return self._started(self._listed()).result()

    def close(self) -> None:
        """End the requests that run, the connections and the thread."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _started(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _ended(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.aclose()

    async def _listed(self) -> list[dict[str, Any]] | None:
        response = await self._sent("GET", "/models")
        if response.status_code in NO_LIST:
            return None
        if response.status_code != 200:
            raise refused(self.ref, self._key, response)
        try:
            told = read_json(response.content, response.headers.get("content-type", ""))
        except AnswerError as error:
            raise wrong_answer(self.ref, error) from error
        data = told.get("data") if isinstance(told, dict) else None
        return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else None

    async def _embedded(self, texts: list[str]) -> ApiAnswer:
        """In parts where the server has refused as many before."""
        if len(texts) > self._most:
            return await self._halved(texts)
        response = await self._posted(texts)
        if response.status_code in REFUSED_TEXTS and len(texts) > 1:
            found = await self._halved(texts)
            self._most = min(self._most, (len(texts) + 1) // 2)  # both went through: it were many
            return found
        if response.status_code != 200:
            only = texts[0] if len(texts) == 1 else None
            raise refused(self.ref, self._key, response, only)
        try:
            told = read_json(response.content, response.headers.get("content-type", ""))
            return read_answer(told, len(texts))
        except AnswerError as error:
            raise wrong_answer(self.ref, error) from error

    async def _halved(self, texts: list[str]) -> ApiAnswer:
        half = (len(texts) + 1) // 2
        parts = [await self._embedded(texts[:half]), await self._embedded(texts[half:])]
        try:
            return joined_answers(parts)
        except AnswerError as error:
            raise wrong_answer(self.ref, error) from error

    async def _posted(self, texts: list[str]) -> Any:
        """In base64, or in numbers where the server does not know that."""
        body: dict[str, Any] = {"model": self.ref.model, "input": texts}
        if self._dimensions is not None:
            body["dimensions"] = self._dimensions
        if self._base64 is not False:
            response = await self._sent("POST", "/embeddings", body | {"encoding_format": "base64"})
            if response.status_code == 200:
                self._base64 = True
            if self._base64 or response.status_code not in REFUSED_TEXTS:
                return response
            response = await self._sent("POST", "/embeddings", body)
            if response.status_code == 200:
                self._base64 = False
            return response
        return await self._sent("POST", "/embeddings", body)

    async def _sent(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The response, after as many tries as `retries` allow."""
        content = None if body is None else json.dumps(body).encode()
        tried = 0
        while True:
            tried += 1
            try:
                response = await self._client.request(
                    method,
                    f"{self.ref.address}{path}",
                    content=content,
                    headers={"content-type": "application/json"},
                )
            except self._http.RequestError as error:
                wait = None if not_trusted(error) else self._retries.wait(tried)
                if wait is None:
                    raise unreachable(self.ref, self._key, error) from error
            else:
                if response.status_code not in PASSING:
                    return response
                wait = self._retries.wait(tried, response.headers.get("retry-after"))
                if wait is None:
                    raise refused(self.ref, self._key, response)
            await asyncio.sleep(wait)


def _seconds(asked: str) -> float | None:
    """The seconds of a `Retry-After`; None of what is none."""
    try:
        return max(0.0, float(asked)) if asked.strip().isdecimal() else _until(asked)
    except (ValueError, OverflowError):
        return None


def _until(date: str) -> float:
    at = parsedate_to_datetime(date)
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _trusted(http: Any, ref: EndpointRef) -> Any:
    """Which certificates are: the system's or SSL_CERT_FILE's; without TLS there is none."""
    if not ref.address.startswith("https:"):
        return False
    try:
        return http.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(
            f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {error}.",
            "SSL_CERT_FILE=CA.pem before the command, with certificates in PEM",
        ) from error


def _library() -> Any:
    try:
        import httpx2
    except ImportError as error:
        raise UsageError(
            "endpoints need httpx2, which is not installed.", "pip install 'angle-bench[endpoints]'"
        ) from error
    return httpx2
