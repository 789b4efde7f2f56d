"""What is typed in a shell, as a caller from Python passes it: arguments instead of options."""

import re
import shlex
import tomllib

_SET = re.compile(
    r"--set (?:'(?P<key>[\w.]+)=(?P<value>[^']*)'"
    r"|(?P<key2>[\w.]+)='(?P<value2>[^']*)'"
    r"|(?P<key3>[\w.]+)=(?P<value3>[^\s,;]+))"
)
_SOURCE = re.compile(
    r"(?P<key>columns|label_range) = (?P<value>\{.*?\}|\[.*?\]) in its \[\[data\.train\]\]"
)
_COMMAND = re.compile(
    r"angle-bench (?P<verb>run|compare|leaderboard|reproduce|download)(?P<words>( \S+)+)"
)
_KNOWN = re.compile(
    r"angle-bench (?P<kind>models|tasks|recipes) (?:list(?P<all> --all)?|show (?P<name>[^\s,;]+))"
)
# options that take no value
_FLAGS = {
    *("allow-different", "allow-pickle", "dry-run", "no-cache", "overwrite", "partial"),
    *("published", "resume", "seen", "select-on-test", "trust-remote-code", "skip-bad-rows"),
}
# what a reader replaces
_STANDS_FOR = {
    *("ADDRESS", "BASE", "CANDIDATE", "COLUMN", "COMMIT", "DIR", "FILE", "FOLDER", "LABEL", "N"),
    *("NAME", "ORG/NAME", "OTHER", "PATH", "RESULTS", "TASKS", "TEMPLATE", "VALUE"),
}
_NEGATED = {"no-cache": "cache=False"}
_SHORT = {"t": "tasks", "r": "results", "o": "output", "d": "device", "m": "models"}
_OPTION = re.compile(
    r"(?<![\w-])(?:-(?P<short>[trod])|--(?P<long>[a-z][a-z-]+))"
    r"(?:[ =](?P<value>'[^']*'|\[[^\]]*\]|[^\s,;|)]*[^\s,;|).]))?"
)
# options of several values, which are lists in Python
_LISTS = ("layers", "sizes", "precisions")
_LISTED = re.compile(
    r"--(?P<key>layers|sizes|precisions)[ =]"
    r"(?P<values>(?:\d+|float32|int8|binary)(?:,(?:\d+|float32|int8|binary))*)(?!\w|,\w)"
)
_MODEL = re.compile(r"(?<![\w-])-m ('[^']*'|[^\s,;]+)")
_CALL = re.compile(r"\bthe (same )?command\b")
_WEIGHTS = re.compile(r"--weights (\d[\d,]*)")
_OF_DATA = re.compile(r"its \[\[data\.train\]\]")


def in_python(text: str) -> str:
    """What is typed in a shell or a recipe, as arguments.

    >>> in_python("--set loss.ibn_w=0, or -o FOLDER of a new name")
    'loss={"ibn_w": 0}, or output=FOLDER of a new name'
    >>> in_python("angle-bench run -m tuned=./ckpt -t STS12 --limit 20")
    'angle_bench.run("tuned=./ckpt", tasks="STS12", limit=20)'
    >>> in_python("--layers 2,4, or --precisions float32,int8")
    'layers=[2, 4], or precisions=["float32", "int8"]'
    >>> in_python("angle-bench models show all-MiniLM-L6-v2")
    'angle_bench.models("all-MiniLM-L6-v2")'
    """
    text = _KNOWN.sub(_of_listing, _COMMAND.sub(_of_command, text))
    text = _SOURCE.sub(_of_source, _SET.sub(_of_setting, text))
    text = _WEIGHTS.sub(r"weights=[\1]", text)
    text = _LISTED.sub(lambda found: _argument(found["key"], [found["values"]]), text)
    text = _OPTION.sub(_of_option, text)
    text = _MODEL.sub(lambda found: f"{found[1].strip(chr(39))} as the model", text)
    return _CALL.sub(r"the \1call", _OF_DATA.sub("data={…}", text))


def _of_command(found: "re.Match[str]") -> str:
    try:
        words = shlex.split(found["words"])
    except ValueError:  # words of a sentence, with an apostrophe
        return found[0]
    placed: list[str] = []
    named: dict[str, list[str]] = {}
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            placed.append(word)
            continue
        option, given, value = word.lstrip("-").partition("=")
        option = _SHORT.get(option, option)
        if option in _FLAGS:
            named[option] = []
        else:
            named.setdefault(option, []).append(value if given or not words else words.pop(0))
    placed += [] if found["verb"] in ("compare", "leaderboard") else named.pop("models", [])
    if found["verb"] == "run" and len(placed) > 1:
        first = [_list(placed)]
    else:
        first = [_literal(word) for word in placed]
    arguments = [*first, *(_argument(name, values) for name, values in named.items())]
    return f"angle_bench.{found['verb']}({', '.join(arguments)})"


def _of_listing(found: "re.Match[str]") -> str:
    name = "everything=True" if found["all"] else found["name"] and _literal(found["name"])
    return f"angle_bench.{found['kind']}({name or ''})"


def _argument(option: str, values: list[str]) -> str:
    if option in _FLAGS:
        return _flag(option)
    if option in _LISTS:
        return f"{option}={_list([word for text in values for word in text.split(',')])}"
    value = _literal(values[0]) if len(values) == 1 else _list(values)
    return f"{option.replace('-', '_')}={value}"


def _list(values: list[str]) -> str:
    return f"[{', '.join(map(_literal, values))}]"


def _flag(option: str) -> str:
    return _NEGATED.get(option, f"{option.replace('-', '_')}=True")


def _of_option(found: "re.Match[str]") -> str:
    option = found["long"] or _SHORT[found["short"]]
    value = found["value"]
    if option in _FLAGS:
        return _flag(option) + ("" if value is None else f" {value}")
    if value is None:
        return found[0] if found["short"] else option.replace("-", "_")
    return f"{option.replace('-', '_')}={_literal(value.strip(chr(39)))}"


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
        return text if text in _STANDS_FOR else f'"{text}"'
    return repr(value).replace("'", '"')
