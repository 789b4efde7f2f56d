"""What a function gives: plain values for scripts, and a text that prompts and notebooks show."""

from abc import ABC, abstractmethod
from html import escape
from typing import Any

SCREEN = 40  # lines that a prompt shows


class Value(ABC):
    """A result that prints itself."""

    @abstractmethod
    def to_dict(self) -> Any:
        """Plain values, those of the command's `--json`."""

    @abstractmethod
    def to_text(self) -> str:
        """What the command says."""

    def __repr__(self) -> str:
        """What the command says, as far as it fits a screen."""
        return first_lines(self.to_text())

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.to_text())}</pre>"


def first_lines(text: str, most: int = SCREEN) -> str:
    r"""The lines that fit a screen, and how many follow.

    >>> first_lines("a\nb\nc", 2)
    'a\n… and 2 more lines'
    """
    lines = text.splitlines()
    if len(lines) <= most:
        return text
    return "\n".join([*lines[: most - 1], f"… and {len(lines) - most + 1} more lines"])
