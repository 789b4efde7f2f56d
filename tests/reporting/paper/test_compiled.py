"""LaTeX that compiles, alone and in the widths of the styles that papers are written in."""

from pathlib import Path

import pytest

import angle_bench as ab
from angle_bench.reporting.paper import board_latex
from angle_bench.reporting.tables.table_layout import TableLayout
from tests.reporting.boards import board, row, suite
from tests.reporting.paper.latex_engines import STYLES, compiled, need, paper, words_of
from tests.stored import Pairs, Results

ODD = "".join(map(chr, range(32, 127))) + " é Å ő ß æ ü ✓ ≠ ° ± † ‡ – 中文 Привет"
ENGINES = ("pdflatex", "xelatex")
pytestmark = pytest.mark.process


def odd_board(**layout: object) -> str:
    rows = [
        row("UAE_Large-V1", 0.5, -0.25),
        row(ODD, 0.4, None),
        row("c", 0.3, 0.5),
        row("p †", 0.2, 0.1, kind="published", said=ODD),
    ]
    made = board(
        *rows,
        of=suite("R:A", "B_1"),
        base="c",
        partial=True,
        command="x % \\end",
        layout=TableLayout(**layout),  # type: ignore[arg-type]
    )
    return board_latex.render(made)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> ab.Comparison:
    root = tmp_path_factory.mktemp("results")
    pairs = Pairs("STS12")
    for seed, (name, noise) in enumerate({"base": 0.5, "better": 0.1, "same": 0.5}.items()):
        Results(root).put(f"org/{name}", "STS12", pairs.part(pairs.scores(noise, seed)))
    return ab.compare("base", "better", "same", tasks="STS12", results=root)


@pytest.mark.parametrize("engine", ENGINES)
def test_it_compiles_as_it_is(tmp_path: Path, engine: str) -> None:
    need(engine)
    place = tmp_path / "table.tex"
    place.write_text(odd_board(), encoding="utf-8")
    assert compiled(place, engine, breakable=False) == 1


@pytest.mark.parametrize("style", STYLES)
def test_it_compiles_inside_a_paper(tmp_path: Path, style: str, comparison: ab.Comparison) -> None:
    need("pdflatex", "pdftotext")
    tables = {
        "across": odd_board(),
        "turned": odd_board(transpose=True),
        "bare": odd_board(marks=False, columns="tasks"),
        "compared": comparison.to_latex(by="task"),
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.tex").write_text(text, encoding="utf-8")
    place = paper(tmp_path, style, *tables)
    compiled(place, breakable=False)
    words = words_of(place)
    assert "After the tables." in words  # what follows is there
    assert words.count("Table ") == 4
    assert "−25.00" in words


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("style", STYLES)
def test_56_tasks_of_14_models_compile(tmp_path: Path, style: str, engine: str) -> None:
    need(engine)
    kinds = ("Classification", "Clustering", "PairClassification", "Retrieval")
    names = [f"{kinds[at % 4]}:AVeryLongNameOfATask{at}" for at in range(56)]
    rows = [row(f"a-model-with-a-long-name-{at}", *[at / 20] * 56) for at in range(14)]
    made = board(*rows, of=suite(*names), layout=TableLayout("tasks"))
    (tmp_path / "many.tex").write_text(board_latex.render(made), encoding="utf-8")
    summary = board(*(row(f"m{at}", *[at / 300] * 56) for at in range(300)), of=suite(*names))
    (tmp_path / "models.tex").write_text(board_latex.render(summary), encoding="utf-8")
    assert compiled(paper(tmp_path, style, "many", "models"), engine) >= 9
