"""Patterns in an adapter's config that would backtrack for ever over the names of layers."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from angle_bench.errors import ModelError, printable

SECONDS = 10.0
_PLAIN = re.compile(r"[\w.-]*")
# as peft matches them: whole, or behind a prefix; a pattern that is none is peft's to refuse
_MATCH = r"""
import json, re, sys
patterns, names = json.load(sys.stdin)
for written in patterns:
    for form in (written, rf"(.*\.)?({written})"):
        try:
            pattern = re.compile(form)
        except re.error:
            continue
        for name in names:
            pattern.fullmatch(name)
"""


def refuse_slow_patterns(
    folder: Path, config: Any, names: Sequence[str], seconds: float = SECONDS
) -> None:
    """Match the patterns of an adapter in another process, which can be ended, before peft does.

    Args:
        folder: The adapter.
        config: Its config, as peft reads it.
        names: Of all modules of the base.
        seconds: The most that all of it may take.

    Raises:
        ModelError: Matching the names takes longer than `seconds`.
    """
    found = [each for each in _patterns(config) if _PLAIN.fullmatch(each) is None]
    if not found:
        return
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _MATCH],
            input=json.dumps([found, list(names)]),
            text=True,
            timeout=seconds,
            capture_output=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = printable(", ".join(found))[:100]
        raise ModelError(
            f"the patterns of the adapter {folder} take longer than {seconds:g} s to match the "
            f"names of layers: {said}",
            "the adapter with target_modules as a list of names",
        ) from error


def _patterns(config: Any) -> Iterator[str]:
    for key in ("target_modules", "exclude_modules", "layers_pattern"):
        given = getattr(config, key, None)
        yield from [given] if isinstance(given, str) else _texts(given)
    for key in ("rank_pattern", "alpha_pattern", "modules_to_save"):
        yield from _texts(getattr(config, key, None))


def _texts(given: Any) -> Iterator[str]:
    """The texts among values; what is no collection is peft's to refuse."""
    if isinstance(given, list | tuple | set | dict):
        yield from (each for each in given if isinstance(each, str))
