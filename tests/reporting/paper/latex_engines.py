"""LaTeX as an author runs it, where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = "texlive-latex-extra texlive-xetex lmodern"
# styles of conferences are not redistributable as a part of this; their widths are
STYLES = {
    "article": r"\documentclass{article}",
    # ACL: text 16 x 24.7 cm on A4, columns 0.6 cm apart, 11 pt Times
    "acl": "\n".join(
        [
            r"\documentclass[11pt,a4paper,twocolumn]{article}",
            r"\usepackage[textwidth=16cm,textheight=24.7cm,centering]{geometry}",
            r"\setlength\columnsep{0.6cm}",
            r"\renewcommand{\rmdefault}{ptm}",
            r"\usepackage[hidelinks]{hyperref}",
        ]
    ),
    # NeurIPS: text 5.5 x 9 in on letter paper, 10 pt Times
    "neurips": "\n".join(
        [
            r"\documentclass[10pt,letterpaper]{article}",
            r"\usepackage[textwidth=5.5in,textheight=9in,centering]{geometry}",
            r"\renewcommand{\rmdefault}{ptm}",
        ]
    ),
}


def need(*programs: str) -> None:
    """Skip where a program is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here; Debian: {PACKAGES} poppler-utils")


def compiled(place: Path, engine: str = "pdflatex", *, breakable: bool = True) -> int:
    """How many pages a file has, compiled twice.

    Fails where LaTeX does, or where a line sticks out although its words can be broken.
    """
    for _ in range(2):
        done = subprocess.run(
            [engine, "-interaction=nonstopmode", "-halt-on-error", place.name],
            cwd=place.parent,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
        )
        assert done.returncode == 0, done.stdout[-2000:]
    assert not breakable or "Overfull \\hbox" not in done.stdout, done.stdout[-3000:]
    assert "undefined references" not in done.stdout
    pages = re.search(r"\((\d+) pages?", done.stdout)
    assert pages is not None
    return int(pages[1])


def paper(folder: Path, style: str, *tables: str) -> Path:
    """A paper in a style, with tables as its author would put them."""
    place = folder / f"{style}.tex"
    body = [rf"\input{{{name}}}" for name in tables]
    place.write_text(
        "\n".join(
            [
                STYLES[style],
                r"\usepackage{booktabs,threeparttable,graphicx,amssymb}",
                r"\begin{document}",
                "Before the tables.",
                *body,
                "After the tables.",
                r"\end{document}",
            ]
        )
    )
    return place


def words_of(place: Path) -> str:
    """The text of a compiled file."""
    need("pdftotext")
    pdf = place.with_suffix(".pdf")
    return subprocess.run(
        ["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True
    ).stdout
