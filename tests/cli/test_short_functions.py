"""No function of the command line is longer than a screen: verbs parse, call and print."""

import ast
from pathlib import Path

import pytest

import angle_bench.cli

SCREEN = 50
MODULES = sorted(Path(angle_bench.cli.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda place: place.name)
def test_functions_fit_a_screen(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    lines = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: count for name, count in lines.items() if count > SCREEN} == {}
