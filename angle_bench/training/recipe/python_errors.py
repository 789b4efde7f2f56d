"""Errors of training as a caller from Python needs them: arguments, and rows from 0."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from angle_bench.errors import AngleBenchError
from angle_bench.python_words import in_python


@contextmanager
def said_in_python(places: Mapping[str, str]) -> Iterator[None]:
    """Errors name arguments of `angle_bench.train`, and rows by their number from 0.

    Args:
        places: What files that were made of data are called, such as `train_ds`.

    >>> with said_in_python({}):
    ...     raise UsageError("nothing would be learned.", "--set loss.ibn_w=1")
    Traceback (most recent call last):
    angle_bench.errors.UsageError: nothing would be learned.
      pass: loss={"ibn_w": 1}
    """
    try:
        yield
    except AngleBenchError as error:
        what, fix = (_named(text, places) for text in (error.what, error.fix))
        said = type(error)(in_python(what), in_python(fix))
        said.verb = "pass"
        raise said from error


def _named(text: str, places: Mapping[str, str]) -> str:
    for place, name in places.items():
        text = re.sub(rf"{re.escape(place)} row (\d+)", partial(_row_of, name), text)
        text = text.replace(place, name)
    return text


def _row_of(name: str, found: "re.Match[str]") -> str:
    return f"row {int(found[1]) - 1} of {name}"
