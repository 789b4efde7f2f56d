"""A command's options from a TOML file: `angle-bench run study.toml`."""

import tomllib
from pathlib import Path
from typing import Any

import typer

from angle_bench.errors import UsageError, did_you_mean

# what runs code of a checkpoint's makers: whoever wrote a file does not decide that
_TYPED = ("trust-remote-code", "allow-pickle")
PLURAL = {"models": "model"}  # what a file calls what is -m on the command line


def from_plan(context: typer.Context, words: list[str] | None) -> list[str] | None:
    """Where one word stands alone and is a TOML file, its keys are the options that nobody typed.

    Raises:
        UsageError: It cannot be read, or has a key that is no option.
    """
    if not words or len(words) != 1 or not words[0].endswith(".toml"):
        return words
    place = Path(words[0]).expanduser()
    known = {name: param.name for param in context.command.params for name in _names(param)}
    context.default_map = {known[key]: value for key, value in _read(place, list(known)).items()}
    return None


def _names(param: Any) -> list[str]:
    """What a file may call an option: its long names, without the dashes."""
    names = [option.lstrip("-") for option in param.opts if option.startswith("--")]
    return names + [plural for plural, name in PLURAL.items() if name in names]


def _read(place: Path, known: list[str]) -> dict[str, Any]:
    if place.exists() and not place.is_file():
        raise UsageError(f"{place} is no regular file.", "the path of the TOML file")
    try:
        keys = tomllib.loads(place.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"{place} cannot be read: {error.strerror or error}.", "the path of the TOML file"
        ) from error
    except ValueError as error:
        raise UsageError(f"{place} is no TOML: {error}.", "the corrected line") from error
    except RecursionError as error:
        raise UsageError(f"{place} is nested too deeply.", "the corrected line") from error
    for key, value in keys.items():
        if key in _TYPED:
            raise UsageError(
                f"{place}: {key} is never taken from a file.", f"--{key}, and no such line"
            )
        if key not in known:
            near = did_you_mean(key, known)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"{place}: {key} is no option of this command.{hint}",
                f"{near[0]} = …"
                if near
                else 'models = ["a", "b=./ckpt"], tasks = ["STS"] and so on',
            )
        if isinstance(value, dict):
            raise UsageError(f"{place}: {key} is a table, not a value.", f"{key} = VALUE")
    return keys
