"""What a page may load and run: nothing but its own (Content Security Policy, W3C, level 3)."""

import base64
import hashlib


def policy(script: str = "'none'", style: str = "'none'") -> str:
    """The content of the `meta` element.

    Args:
        script: Where scripts may come from.
        style: Where styles may come from.
    """
    parts = ("default-src 'none'", f"script-src {script}", f"style-src {style}")
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def hash_of(text: str) -> str:
    """The source that stands for an element with this text inside."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
