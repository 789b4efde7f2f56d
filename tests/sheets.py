"""Small spreadsheets, written by hand: an .xlsx is a zip of four kinds of XML."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_FORMATS = "http://schemas.openxmlformats.org"
_MAIN = f"{_FORMATS}/spreadsheetml/2006/main"
_LINKS = f"{_FORMATS}/officeDocument/2006/relationships"
_PACKAGE = f"{_FORMATS}/package/2006"
_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/xml"/></Types>'
)

Cell = str | float | bool | None


def write_sheets(place: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> Path:
    """A workbook; None is a cell that is not there."""
    targets = {f"worksheets/{number}.xml": rows for number, rows in enumerate(sheets.values())}
    named = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number + 1}" r:id="r{number}"/>'
        for number, name in enumerate(sheets)
    )
    book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>{named}</sheets></workbook>'
    with zipfile.ZipFile(place, "w") as packed:
        packed.writestr("[Content_Types].xml", _TYPES)
        packed.writestr("_rels/.rels", _links("officeDocument", ["xl/workbook.xml"]))
        packed.writestr("xl/workbook.xml", book)
        packed.writestr("xl/_rels/workbook.xml.rels", _links("worksheet", [*targets]))
        for target, rows in targets.items():
            lines = "".join(_row(number, row) for number, row in enumerate(rows, start=1))
            sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData></worksheet>'
            packed.writestr(f"xl/{target}", sheet)
    return place


def _links(kind: str, targets: Sequence[str]) -> str:
    links = "".join(
        f'<Relationship Id="r{number}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for number, target in enumerate(targets)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _row(number: int, row: Sequence[Cell]) -> str:
    cells = [_cell(f"{chr(ord('A') + at)}{number}", cell) for at, cell in enumerate(row)]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _cell(at: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        text = f'<t xml:space="preserve">{escape(cell)}</t>'
        return f'<c r="{at}" t="inlineStr"><is>{text}</is></c>'
    kind = "b" if isinstance(cell, bool) else "n"
    return f'<c r="{at}" t="{kind}"><v>{cell:g}</v></c>'
