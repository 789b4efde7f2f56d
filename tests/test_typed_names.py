"""Names and paths in commands that are handed out are quoted for the shell, everywhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import angle_bench

PACKAGE = Path(angle_bench.__file__).parent
JOINED = {"shlex.join(folders)"}
BEFORE = re.compile(
    r"(?:^|[\s(])(?:-[mro] (?:LABEL=)?|--(?:base|checkpoints|cache-dir|results|mirror)[ =]"
    r"|rm -r |angle-bench (?:export|models (?:show|check)) )$"
)


def handed_out(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The values behind such an option in f-strings, with their lines."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        before = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                before = str(part.value)
            elif isinstance(part, ast.FormattedValue):
                if BEFORE.search(before):
                    yield part.lineno, ast.unparse(part.value)
                before = ""


def test_every_handed_out_name_is_quoted() -> None:
    bare, found = [], 0
    for file in sorted(PACKAGE.rglob("*.py")):
        for line, value in handed_out(ast.parse(file.read_text(encoding="utf-8"))):
            found += 1
            if not value.startswith("shell_word(") and value not in JOINED:
                bare.append(f"{file.relative_to(PACKAGE)}:{line}: {value}")
    assert bare == []
    assert found > 20


def test_a_bare_name_is_seen() -> None:
    assert list(handed_out(ast.parse('f"angle-bench run -m {name}"'))) == [(1, "name")]
    assert list(handed_out(ast.parse('f"{name} is -m"'))) == []
