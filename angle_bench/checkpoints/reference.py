"""What is typed after -m: `[LABEL=]NAME-OR-PATH[@REVISION]`."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_LABEL = re.compile(r"([^/\\=@]+)=(.+)", re.DOTALL)


def expand(name: str) -> Path:
    """A path with `~` for the home; a home that does not exist stays as it is."""
    return Path(os.path.expanduser(name))


def _exists(name: str) -> bool:
    return expand(name).exists()


@dataclass(frozen=True)
class ModelRef:
    """`[LABEL=]NAME-OR-PATH[@REVISION]`, taken apart.

    Attributes:
        training: The folder of a training that it is a saved step of, where it stands for one.
    """

    name: str
    label: str | None = None
    revision: str | None = None
    training: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """Take a reference apart; a folder whose own name holds `=` or `@` stays whole."""
        label = None
        if not _exists(text) and (labelled := _LABEL.fullmatch(text)):
            label, text = labelled[1].strip(), labelled[2]
        name, at, revision = text.rpartition("@")
        if _exists(text) or not at or not name:
            return cls(text, label)
        return cls(name, label, revision)
