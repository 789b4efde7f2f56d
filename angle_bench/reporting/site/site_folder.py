"""A site on disk: an index, and beside it one folder with everything that it links to."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path

from angle_bench.errors import ResultsError, UsageError
from angle_bench.files.atomic import text_file, write_together
from angle_bench.reporting.site.pages import asset, index_page, model_page, page_names
from angle_bench.reporting.site.shown import Exhibit

CHARTS = "charts.js"
_EXPOSE = "window.vegaEmbed = vegaEmbed;"
_COMMAND = re.compile(r'<meta name="angle-bench-command" content="([^"]*)">')
_PAGE = re.compile(r"model-.*\.html", re.DOTALL)
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{16}\.tmp", re.DOTALL)
_DATE = re.compile(r'<meta name="angle-bench-date" content="([^"]*)">')


@dataclass(frozen=True)
class SitePlace:
    """Where a site is.

    Attributes:
        index: The first page.
        rest: The folder of the other files.
    """

    index: Path
    rest: Path


def place_of(typed: Path) -> SitePlace:
    """`site` is `site/index.html`; a name that ends in .html is the first page itself."""
    index = typed if typed.suffix.casefold() in (".html", ".htm") else typed / "index.html"
    return SitePlace(index, index.with_name(f"{index.stem}_files"))


def may_write(place: SitePlace) -> None:
    """Refuse to write over what is not ours, before anything is computed.

    Raises:
        UsageError: The first page is there and no leaderboard command made it, or the folder
            beside it has files although there is no first page; or charts cannot be made here.
    """
    _require_charts()
    if place.index.is_file():
        _made_by(place.index.read_text(encoding="utf-8", errors="replace"), place.index)
    elif place.index.exists() or not _is_unfinished(place.rest):
        taken = place.index if place.index.exists() else place.rest
        raise UsageError(
            f"{taken} is there, and no angle-bench leaderboard made it; nothing is overwritten.",
            "-o FOLDER of another name, or remove that one",
        )


def _is_unfinished(rest: Path) -> bool:
    """Whether a folder without a first page holds nothing but what a killed command left of one."""
    if not rest.is_dir():
        return not rest.exists()
    return all(_is_of_a_site(each) for each in rest.iterdir())


def _is_of_a_site(place: Path) -> bool:
    """Whether a site like those of this version has that file, or was about to have it."""
    if place.is_symlink() or not place.is_file():
        return False
    if (unfinished := _TEMPORARY.fullmatch(place.name)) is not None:
        return _PAGE.fullmatch(unfinished[1]) is not None or unfinished[1] in _LIBRARIES
    text = place.read_text(encoding="utf-8", errors="replace")
    if _PAGE.fullmatch(place.name):
        return _COMMAND.search(text) is not None
    return place.name in _LIBRARIES and text == _LIBRARIES[place.name]()


def write(place: SitePlace, shown: Exhibit) -> None:
    """Write all files whole or not at all, and remove pages of models that have no row any more.

    Raises:
        ResultsError: The folder cannot be written.
    """
    pages = _pages(place, shown, datetime.now(UTC).isoformat(timespec="minutes"))
    libraries = {place.rest / name: made() for name, made in _LIBRARIES.items()}
    files = [text_file(at, text) for at, text in {**libraries, **pages}.items()]
    write_together(files, fix="-o FOLDER that can be written and has space")
    for old in place.rest.glob("model-*.html"):
        if old not in pages:
            old.unlink()


def first_difference(place: SitePlace, shown: Exhibit) -> str | None:
    """What differs first between a site and the results as they are now; None if nothing does.

    Neither the command nor the date is compared.

    Raises:
        ResultsError: It cannot be read.
        UsageError: It is no site of ours.
    """
    index = _read(place.index)
    command, date = _made_by(index, place.index), _DATE.search(index)
    same = replace(shown, board=replace(shown.board, command=command))
    for at, new in _pages(place, same, date[1] if date else "").items():
        old = _read(at) if at.exists() else ""
        for number, (was, now) in enumerate(zip_longest(old.splitlines(), new.splitlines()), 1):
            if was != now:
                return f"{at.name}, line {number}: {_said(was)} in the file, {_said(now)} now"
    return None


def _said(line: str | None) -> str:
    return "nothing" if line is None else (line.strip()[:100] or "an empty line")


def _require_charts() -> None:
    if find_spec("vl_convert") is None:
        raise UsageError(
            "the charts of a page need the extra plots.", "pip install 'angle-bench[plots]'"
        )


@cache
def charts() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that fetches nothing."""
    import vl_convert

    return f"(() => {{\n{vl_convert.javascript_bundle(_EXPOSE)}\n}})();\n"


_LIBRARIES: Mapping[str, Callable[[], str]] = {
    "site.css": lambda: asset("site.css"),
    "site.js": lambda: asset("site.js"),
    CHARTS: charts,
}


def _pages(place: SitePlace, shown: Exhibit, date: str) -> Mapping[Path, str]:
    """Every page by its place; the index last, since its existence means that the rest is there."""
    names = page_names(shown.board)
    made = {
        place.rest / names[row.label]: model_page(shown, row, date, f"../{place.index.name}")
        for row in shown.board.rows
    }
    return {**made, place.index: index_page(shown, date, place.rest.name)}


def _made_by(text: str, place: Path) -> str:
    found = _COMMAND.search(text)
    if found is None:
        raise UsageError(
            f"{place} is no page that angle-bench leaderboard made; nothing is overwritten.",
            "-o FOLDER of another name, or remove that file",
        )
    return html.unescape(found[1])


def _read(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(
            f"{place} cannot be read: {error}.", "--check FOLDER that -o made"
        ) from error
