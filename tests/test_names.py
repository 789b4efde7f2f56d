"""One name for one thing: no two public classes of the package share a name."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "angle_bench"


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for place in sorted(ROOT.rglob("*.py")):
        for node in ast.parse(place.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(place.relative_to(ROOT)))
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def defined(module: Path) -> set[str]:
    """The names that a module has, and the modules of a package."""
    names = (
        {place.stem for place in module.parent.iterdir()} if module.stem == "__init__" else set()
    )
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_code_in_strings_imports_what_is_there() -> None:
    """Scripts that tests and guides run elsewhere, which no type checker reads."""
    texts = [*ROOT.parent.glob("tests/**/*.py"), *ROOT.parent.glob("docs/**/*.md")]
    lacking, seen = [], 0
    for place in texts:
        said = place.read_text(encoding="utf-8")
        for module, names in re.findall(r"from angle_bench\.([\w.]+) import ([\w, ]+)", said):
            inside = ROOT.joinpath(*module.split("."))
            file = inside / "__init__.py" if inside.is_dir() else inside.with_suffix(".py")
            known = defined(file) if file.exists() else set()
            asked = [name.split(" as ")[0].strip() for name in names.split(",")]
            lacking += [f"{place.name}: {module} {n}" for n in asked if n and n not in known]
            seen += 1
    assert seen > 900
    assert lacking == []


def test_raises_names_the_condition() -> None:
    """Not `UsageError: It is not.`, which says nothing without the line above it."""
    bare = re.compile(
        r"^ +\w+(?:Error|Exit): (?:It|They|There|One|Something|Neither)(?: \w+){1,2}\.$"
    )
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sorted(ROOT.rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if bare.match(line)
    ]
    assert found == []
