"""LaTeX that compiles, alone and inside a document."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from angle_bench.reporting.formats import latex
from angle_bench.reporting.tables.leaderboard import Board
from tests.reporting.boards import board, row, suite

ODD = "".join(map(chr, range(32, 127))) + " é Å ő ß æ ü ✓ ≠ ° ± † ‡ – 中文 Привет"


@pytest.fixture
def made() -> Board:
    rows = [row("UAE_Large-V1", 0.5, 0.25), row(ODD, 0.4, None), row("c", 0.3, 0.5)]
    return board(*rows, of=suite("R:A", "B_1"), base="c", partial=True, command="x % \\end")


@pytest.fixture
def pdflatex(tmp_path: Path) -> Path:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here; Debian: texlive-latex-base, texlive-latex-recommended")
    return tmp_path


def compiled(folder: Path, name: str) -> str:
    """The log; fails if LaTeX does."""
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", name],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.process
def test_it_compiles_as_it_is(made: Board, pdflatex: Path) -> None:
    (pdflatex / "table.tex").write_text(latex.render(made), encoding="utf-8")
    assert "1 page" in compiled(pdflatex, "table.tex")


@pytest.mark.process
def test_it_compiles_inside_a_document(made: Board, pdflatex: Path) -> None:
    (pdflatex / "table.tex").write_text(latex.render(made), encoding="utf-8")
    (pdflatex / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs}\begin{document}"
        "\nBefore\n\\input{table}\n\\newpage\nAfter\\end{document}\n"
    )
    assert "2 pages" in compiled(pdflatex, "paper.tex")  # what follows the table is there


def test_the_table_is_booktabs(made: Board) -> None:
    lines = latex.render(made).splitlines()
    table = lines[lines.index(r"\begin{tabular}{lrrrrr}") : lines.index(r"\end{tabular}") + 1]
    assert [line for line in table if line.startswith("\\")] == [
        r"\begin{tabular}{lrrrrr}",
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    body = [line for line in table if not line.startswith("\\")]
    assert len(body) == 4
    for line in body:
        assert line.endswith(r" \\")
        assert len(re.findall(r"(?<!\\)&", line)) == 5
        assert "|" not in line


def test_best_and_second() -> None:
    text = latex.render(board(row("a", 0.5), row("b", 0.4)))
    assert r"a & \textbf{50.00} \\" in text
    assert r"b & \underline{40.00} \\" in text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b%c", r"a\_b\%c"),
        ("50 & #1 {x} $y$", r"50 \& \#1 \{x\} \$y\$"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("é ő", "é ő"),
        ("中", "?"),
        ("ﬁ", "fi"),
        ("a\nb", "a?b"),
    ],
)
def test_names_are_but_text(text: str, escaped: str) -> None:
    assert latex.escape(text) == escaped


def test_the_command_is_found_again() -> None:
    text = latex.render(board(row("a", 0.5), command="angle-bench leaderboard -t STS"))
    assert latex.command_of(text) == "angle-bench leaderboard -t STS"
    assert latex.command_of(r"\begin{tabular}{l}x\end{tabular}") is None
