"""The notebook of the documentation, run from its first cell to its last."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.process

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs/notebooks/start.ipynb"


def shown(notebook: Any) -> list[str]:
    """What each cell of code shows as text; warnings of other libraries left out."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    texts = [
        [each["data"].get("text/plain", "") for each in cell.outputs if "data" in each]
        for cell in cells
    ]
    return ["\n".join(each) for each in texts]


def test_the_notebook_shows_what_stands_in_it(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # else a warning of its own
    written = nbformat.read(NOTEBOOK, as_version=4)
    kept = shown(written)
    NotebookClient(written, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert shown(written) == kept
    assert "not significant" in kept[4]
    outputs = [each for cell in written.cells for each in cell.get("outputs", [])]
    (picture,) = [each for each in outputs if "image/svg+xml" in each.get("data", {})]
    assert picture["data"]["image/svg+xml"].startswith("<svg")
