"""A leaderboard on a terminal."""

from angle_bench.reporting.formats.terminal import text
from tests.reporting.boards import board, row


def test_it_is_turned_where_it_is_too_wide() -> None:
    made = board(row("one", 0.5, 0.25), row("two", 0.25, None))
    wide = text(made, 80).splitlines()
    assert wide[:3] == [
        "         A      B  mean of 2  Borda",
        "one  50.00  25.00      37.50      1",
        "two  25.00      –     1 of 2      –",
    ]
    narrow = text(made, 30).splitlines()
    assert narrow[:5] == [
        "             one     two",
        "A          50.00   25.00",
        "B          25.00       –",
        "mean of 2  37.50  1 of 2",
        "Borda          1       –",
    ]
    assert wide[3:] == narrow[5:]  # notes and signatures


def test_a_name_gives_a_terminal_no_orders() -> None:
    assert "\x1b" not in text(board(row("esc\x1b[31m", 0.5)), 80)
