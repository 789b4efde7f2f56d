"""What is typed for an endpoint: `openai:MODEL[@URL]`, its address and its key."""

import ipaddress
import os
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from angle_bench.checkpoints.reference import ModelRef
from angle_bench.errors import UsageError, shell_word

SCHEME = "openai:"
URL_VARIABLE, KEY_VARIABLE = "OPENAI_BASE_URL", "OPENAI_API_KEY"

_TYPED = re.compile(r"(.+?)@(https?://.*)", re.IGNORECASE | re.DOTALL)
EXAMPLE = "-m openai:MODEL@http://127.0.0.1:8000/v1"


@dataclass(frozen=True)
class EndpointRef:
    """An endpoint's address and a model's name there.

    Attributes:
        model: The name.
        url: Before `/embeddings`, without a slash at its end; None where none was typed.
    """

    model: str
    url: str | None = None

    @property
    def typed(self) -> str:
        """What stands after -m."""
        return f"{SCHEME}{self.model}" + ("" if self.url is None else f"@{self.url}")

    @property
    def address(self) -> str:
        """The address.

        Raises:
            UsageError: Neither the name nor the environment says it.
        """
        if self.url is None:
            raise UsageError(
                f"{SCHEME}{self.model} says no address, and {URL_VARIABLE} is not set.",
                f"-m {shell_word(f'{SCHEME}{self.model}@http://127.0.0.1:8000/v1')}",
            )
        return self.url

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, so that no proxy is asked."""
        host = urlsplit(self.address).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:  # a name
            return host == "localhost"


@dataclass(frozen=True)
class ApiKey:
    """A key that no representation shows.

    Attributes:
        secret: The key; "" is none.
    """

    secret: str = field(default="", repr=False)

    def hidden_in(self, text: str) -> str:
        """A text without the key."""
        return text.replace(self.secret, "…") if self.secret else text


def is_endpoint(name: str) -> bool:
    """Whether a name after -m is that of an endpoint."""
    return name.startswith(SCHEME)


def endpoint_ref(ref: ModelRef) -> EndpointRef:
    """A reference as an endpoint's, its address from the environment where none was typed.

    Raises:
        UsageError: It names no model, or its address cannot be one.
    """
    whole = ref.name if ref.revision is None else f"{ref.name}@{ref.revision}"
    rest = whole.removeprefix(SCHEME)
    typed = _TYPED.fullmatch(rest)
    model = typed[1] if typed else rest
    if not model.strip() or model.lower().startswith(("http://", "https://")):
        raise UsageError(f"{SCHEME} names no model before its address.", EXAMPLE)
    if typed:
        return EndpointRef(model, _checked(typed[2], "its address"))
    given = os.environ.get(URL_VARIABLE, "").strip()
    return EndpointRef(model, _checked(given, URL_VARIABLE) if given else None)


def api_key() -> ApiKey:
    """The key of the environment; it is neither stored nor shown.

    Raises:
        UsageError: No header can hold it.
    """
    secret = os.environ.get(KEY_VARIABLE, "").strip()
    if not all("!" <= sign <= "~" for sign in secret):
        raise UsageError(
            f"{KEY_VARIABLE} holds signs that no key has, such as blanks or line ends.",
            f"export {KEY_VARIABLE}=KEY",
        )
    return ApiKey(secret)


def _checked(url: str, said_by: str) -> str:
    """An address without a slash at its end; one that holds a password is never repeated."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{said_by} is no address of a server.", EXAMPLE) from error
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{said_by} holds a name or password, and addresses are stored.",
            f"{EXAMPLE}, with the key in {KEY_VARIABLE}",
        )
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise UsageError(f"{said_by} is no address of a server: {url!r}.", EXAMPLE)
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise UsageError(f"{said_by} has more than a path: {url!r}.", EXAMPLE)
    path = parts.path.rstrip("/").removesuffix("/embeddings")
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{path}"
