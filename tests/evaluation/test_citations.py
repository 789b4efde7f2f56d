"""BibTeX is what mteb's metadata says, in a form that a parser reads."""

import re

import bibtexparser
import pytest
from bibtexparser.bparser import BibTexParser

from angle_bench.files.places import shipped_json
from angle_bench.suites import citations
from angle_bench.suites.select import select
from tools.generate_tasks import text_tasks
from tools.mteb_citations import Entries, entries_of

_TITLE = re.compile(r"\btitle\s*=\s*[{\"](.*?)[}\"],?\s*\n\s*(?:\w+\s*=|\})", re.DOTALL)
SHIPPED = shipped_json("mteb-citations.json")


def letters(text: str) -> str:
    return re.sub(r"[\W_]+|\band\b|amp", "", text)


def test_every_entry_is_read_under_its_key() -> None:
    for key, text in SHIPPED["entries"].items():
        parser = BibTexParser(common_strings=True, ignore_nonstandard_types=False)
        (entry,) = bibtexparser.loads(text, parser).entries
        assert entry["ID"] == key
        assert key.isascii()


def test_every_task_of_mteb_has_the_entries_of_its_metadata() -> None:
    for kind in text_tasks():
        meta = kind.metadata
        given = [key for key, _ in entries_of(meta.bibtex_citation or "")]
        kept = citations.of_task(meta.name)
        assert len(kept) == len(dict.fromkeys(given)), meta.name
        assert bool(kept) == ("@" in (meta.bibtex_citation or "")), meta.name


def test_an_entry_says_what_mteb_says() -> None:
    by_name = {kind.metadata.name: kind.metadata for kind in text_tasks()}
    for task in select(["MTEB(eng, v2)"]).task:
        said = citations.bibtex(citations.of_task(task.name))
        there = by_name[task.name].bibtex_citation or ""
        titles = re.findall(_TITLE, there)
        assert titles or not there.strip()
        assert all(letters(title) in letters(said) for title in titles), task.name


def test_every_key_that_is_named_is_there() -> None:
    named = [key for part in ("tasks", "models", "benchmarks") for key in SHIPPED[part].values()]
    assert {key for keys in named for key in keys} == set(SHIPPED["entries"])
    assert citations.of_mteb() == (
        "muennighoff2022mteb",
        "enevoldsen2025mmtebmassivemultilingualtext",
    )
    assert citations.of_suite(select(["MTEB(eng, v2)"])) == citations.of_mteb()[1:]
    assert citations.of_suite(select(["STS"])) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@a{x, t={1}}\n@b{y,\n t={{2}\\}}\n}", ["x", "y"]),
        ("prose @a{x, t={1}", []),
        ("", []),
    ],
)
def test_entries_are_found_by_their_braces(text: str, expected: list[str]) -> None:
    assert [key for key, _ in entries_of(text)] == expected


def test_another_work_under_a_key_gets_one_of_its_own() -> None:
    entries = Entries()
    assert entries.keys("@a{x,\n title={One & two},\n}") == ["x"]
    assert entries.keys("@a{x,\n title={ONE: two}\n}") == ["x"]
    assert entries.keys("@a{x,\n title = {Three}\n year = {1}}") == ["x-2"]
    assert entries.by_key["x"] == "@a{x,\n title={One \\& two},\n}"
    assert entries.by_key["x-2"] == "@a{x-2,\n title = {Three},\n year = {1}}"
