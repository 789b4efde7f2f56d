"""The formats of a leaderboard by name, with the suffixes of their files: what needs no writer."""

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
