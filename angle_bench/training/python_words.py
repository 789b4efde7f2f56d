"""Errors of training as a caller from Python needs them: arguments instead of options."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from angle_bench.errors import AngleBenchError

_SET = re.compile(
    r"--set (?:'(?P<key>[\w.]+)=(?P<value>[^']*)'"
    r"|(?P<key2>[\w.]+)='(?P<value2>[^']*)'"
    r"|(?P<key3>[\w.]+)=(?P<value3>[^\s,;]+))"
)
_SOURCE = re.compile(
    r"(?P<key>columns|label_range) = (?P<value>\{.*?\}|\[.*?\]) in its \[\[data\.train\]\]"
)
_OPTIONS = (
    (r"(?<![\w-])-o FOLDER", "output=FOLDER"),
    (r"(?<![\w-])-d (\w+)", r'device="\1"'),
    (r"--resume", "resume=True"),
    (r"--select-on-test", "select_on_test=True"),
    (r"--trust-remote-code", "trust_remote_code=True"),
    (r"--allow-pickle", "allow_pickle=True"),
    (r"--(mirror|base|track) (\S+)", r"\1=\2"),
    (r"--(pooling|prompt|dtype) (\w+)", r'\1="\2"'),
    (r"--max-length (\d+)", r"max_length=\1"),
    (r"--weights (\d[\d,]*)", r"weights=[\1]"),
    (r"--weights", "weights"),
    (r"(?<![\w-])-m (\S+)", r"\1 as the model"),
    (r"its \[\[data\.train\]\]", "data={…}"),
)


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


def in_python(text: str) -> str:
    """What is typed in a shell or a recipe, as arguments.

    >>> in_python("--set loss.ibn_w=0, or -o FOLDER of a new name")
    'loss={"ibn_w": 0}, or output=FOLDER of a new name'
    """
    text = _SOURCE.sub(_of_source, _SET.sub(_of_setting, text))
    for option, argument in _OPTIONS:
        text = re.sub(option, argument, text)
    return text


def _of_setting(found: "re.Match[str]") -> str:
    key = next(filter(None, (found["key"], found["key2"], found["key3"])))
    value = next(
        text for text in (found["value"], found["value2"], found["value3"]) if text is not None
    )
    if key == "model.name":
        return f"{value} as the model"
    *sections, name = [word for word in key.split(".") if not word.isdecimal()]
    if not sections:
        return f"{name}={_literal(value)}"
    return f'{sections[0]}={{"{name}": {_literal(value)}}}'


def _of_source(found: "re.Match[str]") -> str:
    return f'data={{"{found["key"]}": {_literal(found["value"])}}}'


def _literal(text: str) -> str:
    """A value of TOML as Python has it; a word that is none is a string, or stands for a value."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text if text.isupper() else f'"{text}"'
    return repr(value).replace("'", '"')


def _named(text: str, places: Mapping[str, str]) -> str:
    for place, name in places.items():
        text = re.sub(rf"{re.escape(place)} row (\d+)", partial(_row_of, name), text)
        text = text.replace(place, name)
    return text


def _row_of(name: str, found: "re.Match[str]") -> str:
    return f"row {int(found[1]) - 1} of {name}"
