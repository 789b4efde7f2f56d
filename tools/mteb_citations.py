"""BibTeX of tasks, models and benchmarks, read off mteb's metadata: part of `make generate`."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import mteb

from tools.generate_tasks import text_encoders, text_tasks

_BEGIN = re.compile(r"@(\w+)\s*\{\s*([^,\s]+)\s*,")
_SIGNS = r"(?<!\\)([&%#]|_(?![a-z_]*\s*=))"  # which mean something; not those in a field's name
_AS_IT_IS = re.compile(r"^\s*(url|doi|eprint|file|month)\s*=|https?:|\$", re.IGNORECASE)
_AUTHORS = re.compile(r"(\bauthor\s*=\s*[{\"])([^{}\"]*)([}\"])", re.IGNORECASE)
_OF_MTEB = ("MTEB(eng, v1)", "MTEB(eng, v2)")  # the benchmarks that its papers are about


class Entries:
    """Distinct entries by keys that differ.

    Attributes:
        by_key: The text of each entry.
    """

    def __init__(self) -> None:
        self.by_key: dict[str, str] = {}

    def keys(self, text: str | None) -> list[str]:
        """The keys of the entries in a text, under which they are kept."""
        return [self._kept(key, entry) for key, entry in entries_of(text or "")]

    def _kept(self, key: str, entry: str) -> str:
        """The key of an entry; another work under a key that is taken gets one of its own."""
        plain = _plain(key)
        own, number = plain, 1
        while own in self.by_key and _work(self.by_key[own]) != _work(entry):
            number += 1
            own = f"{plain}-{number}"
        self.by_key.setdefault(own, _mended(entry).replace(key, own, 1))
        return own


def _plain(key: str) -> str:
    """A key in ASCII, which every BibTeX takes."""
    apart = unicodedata.normalize("NFKD", key)
    return apart.encode("ascii", "ignore").decode()


def _mended(entry: str) -> str:
    """An entry as BibTeX and LaTeX read it.

    Commas between fields that somebody forgot, authors between commas, signs of HTML and of LaTeX.
    """
    lines = re.sub(r"([}\"])[ \t]*\n(\s*[A-Za-z]+\s*=\s*[{\"])", r"\1,\n\2", entry).split("\n")
    fields = [_AUTHORS.sub(_by_and, line.replace("&amp;", "&")) for line in lines[1:]]
    escaped = [line if _AS_IT_IS.search(line) else re.sub(_SIGNS, r"\\\1", line) for line in fields]
    return "\n".join([lines[0], *escaped])


def _by_and(found: re.Match[str]) -> str:
    """Authors between commas; with one comma alone a name may be written family name first."""
    begin, names, end = found.groups()
    apart = [name.strip() for name in names.split(",")]
    several = len(apart) > 2 and " and " not in names
    return f"{begin}{' and '.join(apart) if several else names}{end}"


def entries_of(text: str) -> Iterator[tuple[str, str]]:
    """Every entry of a text with its key; what stands between them is left out."""
    at = 0
    while begun := _BEGIN.search(text, at):
        end = _end(text, begun.end())
        if end is None:
            return  # it is cut off
        yield begun[2], text[begun.start() : end]
        at = end


def _end(text: str, at: int) -> int | None:
    """Behind the brace that closes an entry."""
    depth = 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] in "{}":
            depth += 1 if text[at] == "{" else -1
            if depth == 0:
                return at + 1
        at += 1
    return None


def _work(entry: str) -> str:
    """What tells works apart: the title, else everything, in letters and digits."""
    title = re.search(r"\btitle\s*=\s*[{\"](.*?)[}\"]\s*,?\s*(?:\n|\}$)", entry, re.S | re.I)
    return re.sub(r"[\W_]+", "", (title[1] if title else entry).casefold())


def citations() -> dict[str, Any]:
    """The entries by key, and the keys of every task, model and benchmark that has some."""
    entries = Entries()
    tasks = {kind.metadata.name: kind.metadata.bibtex_citation for kind in text_tasks()}
    models = {name: meta.citation for name, meta in text_encoders().items()}
    benchmarks = {found.name: found.citation for found in mteb.get_benchmarks()}
    keys = {
        "tasks": _keys(entries, tasks),
        "models": _keys(entries, models),
        "benchmarks": _keys(entries, benchmarks),
    }
    mteb_keys = [key for name in _OF_MTEB for key in keys["benchmarks"][name]]
    return {
        "mteb_version": mteb.__version__,
        "mteb": list(dict.fromkeys(mteb_keys)),
        "entries": entries.by_key,
        **keys,
    }


def _keys(entries: Entries, texts: Mapping[str, str | None]) -> dict[str, list[str]]:
    found = {name: list(dict.fromkeys(entries.keys(text))) for name, text in texts.items()}
    return {name: keys for name, keys in found.items() if keys}
