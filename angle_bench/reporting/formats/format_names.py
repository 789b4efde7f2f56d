"""The formats of a leaderboard by name: suffixes, and what has a layout. It needs no writer."""

from collections.abc import Mapping

SITE = "html"  # several files, so no `Format` among the others
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "markdown": (".md", ".markdown"),
    "csv": (".csv",),
    "latex": (".tex",),
    "json": (".json",),
    "rst": (".rst",),
    "typst": (".typ",),
    "parquet": (".parquet",),
    SITE: (".html", ".htm"),
}
DATA = ("csv", "json", "parquet", SITE)  # the page has all columns, and its own controls
ROWS = ("csv", "json", "parquet")  # all columns; means by language where they are asked for
DOCUMENTS = ("latex", "typst")
LOOKED_AT = ("markdown", "rst", *DOCUMENTS)
