"""Write docs/notebooks/ from tools/notebook_sources/: `python -m tools.notebooks`.

A source is Markdown, in which a block of Python is a cell of code. A translation has its prose
alone, with `<!-- code -->` where a cell of the English one belongs. Outputs are left out; tests run
the notebooks and compare the files with what this module makes.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

SOURCES = Path("tools/notebook_sources")  # of a checkout, where the command is typed
NOTEBOOKS = Path("docs/notebooks")

CODE = "<!-- code -->"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def notebooks(sources: Path = SOURCES) -> dict[str, str]:
    """Every notebook as JSON, by the name of its file."""
    start = (sources / "start.md").read_text(encoding="utf-8")
    made = {"start.ipynb": start}
    for language in ("vi", "zh"):
        prose = (sources / f"start.{language}.md").read_text(encoding="utf-8")
        made[f"start.{language}.ipynb"] = with_code(prose, start)
    made |= fine_tunings(sources)
    return {name: notebook(text) for name, text in made.items()}


def fine_tunings(sources: Path) -> dict[str, str]:
    """The sources of the notebooks that train, one for each table of fine-tune.toml."""
    values = tomllib.loads((sources / "fine-tune.toml").read_text(encoding="utf-8"))
    text = (sources / "fine-tune.md").read_text(encoding="utf-8")
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(text)
    return {
        f"{name}.ipynb": template.render({**values["defaults"], **own, "slug": name})
        for name, own in values["notebook"].items()
    }


def with_code(prose: str, english: str) -> str:
    """A translation with the cells of code of the English source.

    Raises:
        ValueError: It has not as many places for them.
    """
    first, *others = prose.split(CODE)
    blocks = [found[0] for found in _BLOCK.finditer(english)]
    return first + "".join(block + other for block, other in zip(blocks, others, strict=True))


def notebook(text: str) -> str:
    """A notebook without outputs, as JSON, of Markdown with blocks of Python."""
    cells: list[dict[str, Any]] = []
    for place, part in enumerate(_BLOCK.split(text)):
        if part.strip():
            cell: dict[str, Any] = {"id": f"cell-{len(cells)}", "metadata": {}}
            cell["source"] = part.strip().splitlines(keepends=True)
            cell["cell_type"] = "code" if place % 2 else "markdown"
            if place % 2:
                cell |= {"execution_count": None, "outputs": []}
            cells.append(cell)
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": python, "language_info": {"name": "python"}}
    made = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    for name, text in notebooks().items():
        (NOTEBOOKS / name).write_text(text, encoding="utf-8")
