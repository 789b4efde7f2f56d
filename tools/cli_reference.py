"""Write docs/cli.md from the verbs themselves: `python -m tools.cli_reference`.

A test compares the page with what this module makes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from typer.main import get_command

from angle_bench.cli.app import app

PAGE = Path("docs/cli.md")  # of a checkout, where the command is typed

HEAD = """\
# Command line

<!-- made by `make generate`; the words are in angle_bench/cli/ -->

What `angle-bench VERB --help` says, on one page. Every verb takes `-h`, `--help`;
`angle-bench --version` shows the version, `angle-bench --install-completion` makes the shell
complete verbs and options. Tables and data go to stdout, everything else to stderr. `NO_COLOR` is
honoured. The [exit codes](#exit-codes) are at the end.
"""

TAIL = """\
## Exit codes

| code | when |
|---|---|
| 0 | all that was asked for is there |
| 1 | something failed or is missing |
| 2 | usage error: an unknown name, an option that does not fit |
| 3 | `compare --fail-if-worse`, `reproduce`, `models check` or `leaderboard --check` says no |
| 130 | interrupted; what was finished is kept |
"""

# typer shows no types for these
Command = Any
Parameter = Any


def reference() -> str:
    """The page."""
    return "\n".join([HEAD, *(_section(words, each) for words, each in verbs()), TAIL])


def verbs() -> Iterator[tuple[str, Command]]:
    """Every verb as it is typed, in the order of the help; groups before what is in them."""
    yield from _below("angle-bench", get_command(app))


def _below(typed: str, group: Command) -> Iterator[tuple[str, Command]]:
    for name, command in group.commands.items():
        words = f"{typed} {name}"
        yield words, command
        if hasattr(command, "commands"):
            yield from _below(words, command)


def _section(words: str, command: Command) -> str:
    level = "#" * words.count(" ")
    parts = [f"#{level} {words}", command.help.strip()]
    if not hasattr(command, "commands"):
        shown = [param for param in command.params if not getattr(param, "hidden", False)]
        named = [param for param in shown if not _is_option(param)]
        places = [_place(param) for param in named]
        parts.append(_code([" ".join([words, *places, "[OPTIONS]"])]))
        parts.append("\n".join(_line(param) for param in [*named, *filter(_is_option, shown)]))
        parts += _examples(command.epilog)
    return "\n\n".join(part for part in parts if part) + "\n"


def _is_option(param: Parameter) -> bool:
    return str(param.opts[0]).startswith("-")


def _place(param: Parameter) -> str:
    """An argument in the line of usage."""
    name = _metavar(param)
    return name if param.required or name.startswith("[") else f"[{name}]"


def _metavar(param: Parameter) -> str:
    if param.metavar:
        return str(param.metavar)
    return str(param.name).upper() if not _is_option(param) else _kind(_annotation(param))


def _annotation(param: Parameter) -> Any:
    return param.type_descriptor.annotation


def _kind(annotation: Any) -> str:
    """What a value without a name of its own is: the choices, or its kind."""
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    words = {int: "NUMBER", float: "NUMBER", Path: "PATH"}
    return words.get(annotation, "VALUE")


def _line(param: Parameter) -> str:
    """A line of the list: how it is typed, what it does, what it is where it is not typed."""
    typed = [_metavar(param)] if not _is_option(param) else list(param.opts)
    valued = _is_option(param) and (param.metavar or not param.is_flag)
    value = f" `{_metavar(param)}`" if valued else ""
    names = ", ".join(f"`{name}`" for name in typed)
    facts = ["Required." if _is_option(param) and param.required else ""]
    facts.append(f"Default: `{default}`." if (default := _default(param)) else "")
    facts.append(f"Environment: `{param.envvar}`." if getattr(param, "envvar", None) else "")
    return " ".join([f"- {names}{value}:", _sentence(param.help), *filter(None, facts)])


def _default(param: Parameter) -> str:
    """The default as it would be typed; nothing where it says nothing."""
    value = param.default
    if not param.show_default or value in (None, "", [], ()) or isinstance(value, bool):
        return ""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _sentence(text: str | None) -> str:
    said = (text or "").strip()
    escaped = said.replace("<", "&lt;").replace("*", "\\*")
    return escaped if escaped.endswith(".") or not escaped else f"{escaped}."


def _examples(epilog: str | None) -> list[str]:
    """The commands of an epilog, and the words between them."""
    blocks = [block.split("\n") for block in (epilog or "").strip().split("\n\n")]
    parts: list[str] = []
    commands: list[str] = []
    for lines in blocks:
        if lines[0].startswith("angle-bench "):
            commands.append(" ".join(lines))
        else:
            parts += [_code(commands)] if commands else []
            parts.append(" ".join(lines))
            commands = []
    return [*parts, _code(commands)] if commands else parts


def _code(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
