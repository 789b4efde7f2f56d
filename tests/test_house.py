"""The house: few files in a room, one name for one file, no two modules that import one another."""

from collections import Counter, defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.test_imports import MODULES, PACKAGE, imported

FILES = [place for place in MODULES if not place.name.startswith("__")]
AT_MOST = 16
VERBS = PACKAGE / "cli" / "verbs"


def dotted(module: Path) -> str:
    parts = ("angle_bench", *module.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def circle_of(edges: dict[str, set[str]]) -> list[str]:
    """Modules that import one another, in a circle; empty where there are none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_room_holds_few_files() -> None:
    rooms = Counter(place.parent.relative_to(PACKAGE) for place in FILES)
    assert {room: files for room, files in rooms.items() if files > AT_MOST} == {}


def test_no_two_files_share_a_name_but_a_verb_and_what_it_calls() -> None:
    places: dict[str, list[Path]] = defaultdict(list)
    for place in FILES:
        if place.parent != VERBS:
            places[place.name].append(place.relative_to(PACKAGE))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_every_room_says_what_it_is() -> None:
    for room in {place.parent for place in FILES}:
        assert (room / "__init__.py").read_text(encoding="utf-8").startswith('"""'), room


def test_no_two_modules_import_one_another() -> None:
    known = {dotted(module) for module in MODULES}
    edges: dict[str, set[str]] = {}
    for module in FILES:
        named = imported(module)
        both = named | {name.rpartition(".")[0] for name in named}
        edges[dotted(module)] = {name for name in both if name in known} - {
            dotted(package) for package in MODULES if package.name == "__init__.py"
        }
    assert sum(map(len, edges.values())) > 1000
    assert circle_of(edges) == []


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_found(length: int) -> None:
    edges = {str(at): {str((at + 1) % length)} for at in range(length)}
    assert set(circle_of(edges)) == set(edges)


def test_one_place_reads_what_was_typed() -> None:
    readers = {
        place.relative_to(PACKAGE).as_posix()
        for place in MODULES
        if "sys.argv" in place.read_text(encoding="utf-8")
    }
    # workers get their order by it, and `python -m angle_bench.training` is `angle-bench train`
    processes = {"encoding/workers/child.py", "encoding/workers/process_start.py"}
    assert readers == {"cli/command_line.py", "training/__main__.py", *processes}
