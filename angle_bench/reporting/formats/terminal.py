"""A leaderboard as plain text for a terminal."""

from angle_bench.errors import printable
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table import plain
from angle_bench.reporting.tables.table_notes import notes, signatures
from angle_bench.reporting.tables.view import View, board_view


def text(board: Board, width: int) -> str:
    """The main table, turned on its side where `width` columns are too few, and its notes."""
    shown = board_view(board)
    across = _aligned(shown)
    if _width(across) > width and not board.layout.transpose:
        across = min(across, _aligned(shown.turned()), key=_width)
    return "\n".join([across, *(printable(line) for line in [*notes(board), *signatures(board)])])


def _aligned(shown: View) -> str:
    lines = [[printable(cell.plain) for cell in line] for line in shown.lines]
    headers = ["", *(printable(header) for header in shown.headers[1:])]
    return plain(headers, lines, labelled=True)


def _width(text: str) -> int:
    return max(len(line) for line in text.splitlines())
