"""The notebooks of the documentation: as they are generated, and run from first cell to last."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.checkpoints import build_tiny_bert, build_tokenizer, sts_rows, write_rows
from tools.notebooks import fine_tunings, notebooks

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/notebooks"
SOURCES = ROOT / "tools/notebook_sources"
CHINESE = {  # hub data set that is learnt, the one of mteb's task, the highest label
    "atec": ("C-MTEB/ATEC", "C-MTEB/ATEC", 1),
    "bq": ("C-MTEB/BQ", "C-MTEB/BQ", 1),
    "lcqmc": ("C-MTEB/LCQMC", "C-MTEB/LCQMC", 1),
    "pawsx": ("C-MTEB/PAWSX", "mteb/PAWSX", 1),
    "sts-b-zh": ("C-MTEB/STSB", "mteb/STSB", 5),
}


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_of(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_files_are_what_their_sources_make() -> None:
    there = {place.name: place.read_text() for place in FOLDER.glob("*.ipynb")}
    assert there == notebooks(SOURCES)
    assert {f"{name}.ipynb" for name in [*CHINESE, "sts-b"]} == set(fine_tunings(SOURCES))


def test_no_output_is_kept() -> None:
    for place in FOLDER.glob("*.ipynb"):
        notebook = read(place.stem)
        nbformat.validate(notebook)
        for cell in code_of(notebook):
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.parametrize("language", ["vi", "zh"])
def test_a_translation_has_the_same_cells_of_code(language: str) -> None:
    english, other = read("start"), read(f"start.{language}")
    assert [cell.source for cell in code_of(other)] == [cell.source for cell in code_of(english)]
    assert [cell.cell_type for cell in other.cells] == [cell.cell_type for cell in english.cells]
    prose = [cell.source for cell in english.cells if cell.cell_type == "markdown"]
    assert not set(prose) & {cell.source for cell in other.cells}


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, mirror: Path) -> list[Any]:
    """The cells of code of a notebook after they were run in a kernel, in an empty folder."""
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # else a warning of its own
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # what %pip asks for is installed
    monkeypatch.setenv("ANGLE_BENCH_MIRROR", str(mirror))
    notebook = read(name)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=3600, resources=resources).execute()
    return code_of(notebook)


def shown(cells: list[Any], start: str) -> str:
    """What the cell with this line shows as text."""
    (cell,) = [cell for cell in cells if start in cell.source]
    texts = [each["data"]["text/plain"] for each in cell.outputs if "data" in each]
    return "\n".join(texts)


def picture(cells: list[Any]) -> str:
    outputs = [each for cell in cells for each in cell.outputs if "data" in each]
    (found,) = [each["data"] for each in outputs if "image/svg+xml" in each["data"]]
    return str(found["image/svg+xml"])


@pytest.mark.process
def test_the_first_notebook(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = run("start", tmp_path, monkeypatch, mirror=tmp_path)
    assert cells[0].source.startswith("%pip install")
    assert "65.31" in shown(cells, 'ab.run("all-MiniLM')
    assert "62.92" in shown(cells, 'ab.run("cls=all-MiniLM')
    table = shown(cells, "ab.leaderboard(")
    assert table.index("65.31") < table.index("62.92")
    # as the prose below it says
    assert shown(cells, "verdict.interval") == "(-2.4, (-4.84, 0.05), 'not significant')"
    assert picture(cells).startswith("<svg")
    assert "It is pouring outside." in shown(cells, "pairs.loc")


def write_mirror(folder: Path, name: str) -> None:
    """The base and the data of a notebook, small, with the columns and types that the hub has."""
    base = folder / "hfl/chinese-roberta-wwm-ext"
    # with the usual weights all texts have nearly the same vector, and rounding ranks them
    build_tiny_bert(base, max_position_embeddings=128, initializer_range=0.2)
    build_tokenizer(base, max_length=128)
    learnt, judged, top = CHINESE[name]
    for seed, (part, count) in enumerate({"train": 90, "validation": 30, "test": 40}.items()):
        rows: list[dict[str, object]] = [
            {**row, "score": place % (top + 1) * (1.0 if top > 1 else 1)}
            for place, row in enumerate(sts_rows(count, seed=seed))
        ]
        for data_set in {learnt, judged}:
            write_rows(folder / data_set / f"{part}.parquet", rows)


def check_fine_tuned(cells: list[Any]) -> None:
    label, tuned = shown(cells, "r.table()").splitlines()[-1].split()
    assert label == "tuned"
    assert float(shown(cells, 'found["cosine"]')) == pytest.approx(float(tuned), abs=0.011)
    assert "'" in shown(cells, "verdict.interval")
    assert picture(cells).startswith("<svg")


@pytest.mark.long
@pytest.mark.process
@pytest.mark.training
@pytest.mark.parametrize("name", CHINESE)
def test_fine_tuning_on_small_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mirror(tmp_path / "mirror", name)
    (tmp_path / "run").mkdir()
    cells = run(name, tmp_path / "run", monkeypatch, tmp_path / "mirror")
    assert "{'train': 90, 'validation': 30, 'test': 40}" in shown(cells, "rows.num_rows")
    check_fine_tuned(cells)


@pytest.mark.long
@pytest.mark.process
@pytest.mark.training
def test_fine_tuning_on_the_real_sts_b(
    shared: Path, minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = run("sts-b", tmp_path, monkeypatch, shared / "data")
    assert "{'train': 5749, 'validation': 1500, 'test': 1379}" in shown(cells, "rows.num_rows")
    check_fine_tuned(cells)
    assert "'better'" in shown(cells, "verdict.interval")
