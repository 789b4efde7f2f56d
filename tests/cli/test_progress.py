"""Progress on stderr."""

import os
import sys
from types import SimpleNamespace

import pytest

from angle_bench.api.calling import progress_bars
from angle_bench.api.calling.progress_bars import Bars, Lines, Pace, Quiet, duration, watcher
from angle_bench.checkpoints.spec import ModelSpec

HEADER = "UAE-Large-V1@369c368f · cls · no prompt · float32 · cpu"
SPEC = ModelSpec(name="WhereIsAI/UAE-Large-V1", label="UAE", revision="0" * 40)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    time = SimpleNamespace(monotonic=made.monotonic, strftime=lambda _: "12:04")
    monkeypatch.setattr(progress_bars, "time", time)
    return made


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (47.2, "47 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (240, "4 min"),
        (269, "4 min"),
        (99 * 60, "99 min"),
        (100 * 60 - 1, "1 h 40 min"),
        (100 * 60, "1 h 40 min"),
        (125 * 60, "2 h 05 min"),
        (50 * 3600, "50 h 00 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_line_of_the_command_line_s_description(clock: Clock) -> None:
    pace = Pace(tasks=7, total=250_000)
    pace.task("STS14", 3, 250_000)
    pace.texts(150_000)
    pace.texts(2_500)
    clock.now += 152_500 / 410
    assert pace.line() == "STS14 3/7  61 %  410 texts/s  4 min left"


@pytest.mark.parametrize(
    ("total", "done", "seconds", "line"),
    [
        (0, 20_000, 10, "STS14 3/7  20,000 texts  2,000 texts/s"),  # of how many is not known
        (100, 0, 10, "STS14 3/7"),
        (100, 10, 0, "STS14 3/7"),
        (100, 100, 10, "STS14 3/7  100 %  10 texts/s  0 s left"),
        (100, 150, 10, "STS14 3/7  100 %  15 texts/s  0 s left"),  # more than was announced
        (10_000, 5_000, 1, "STS14 3/7  50 %  5,000 texts/s  1 s left"),
        (10_000, 1, 100, "STS14 3/7  0 %  0 texts/s  277 h 45 min left"),
    ],
)
def test_a_line_says_only_what_is_known(
    clock: Clock, total: int, done: int, seconds: float, line: str
) -> None:
    pace = Pace(7, total)
    pace.task("STS14", 3, total)
    pace.texts(done)
    clock.now += seconds
    assert pace.line() == line


def test_one_line_per_task(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Lines() as lines:
        lines.loading(SPEC)
        lines.model(HEADER, tasks=2, texts=400)
        for number, name in enumerate(("STS12", "STS13"), start=1):
            lines.task(name, number, 200)
            for _ in range(20):
                clock.now += 1
                lines.texts(10)
            lines.scored(name, [0.79094], 20)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "12:04 loading UAE",
        f"12:04 {HEADER}",
        "12:04 STS12 1/2  50 %  10 texts/s  20 s left  79.09",
        "12:04 STS13 2/2  100 %  10 texts/s  0 s left  79.09",
    ]


def test_at_most_one_line_a_minute_in_between(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines()
    lines.model(HEADER, tasks=2, texts=100_000)
    lines.task("STS12", 1, 100_000)
    capsys.readouterr()
    said = []
    for second in range(1, 601):
        clock.now += 1
        lines.texts(10)
        if capsys.readouterr().err:
            said.append(second)
    assert said == list(range(60, 601, 60))


def test_any_line_starts_the_minute_anew(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.model(HEADER, tasks=2, texts=1000)
    lines.task("STS12", 1, 10)
    clock.now += 59
    lines.texts(10)
    lines.scored("STS12", [0.5], 59)
    lines.task("STS13", 2, 990)
    capsys.readouterr()
    clock.now += 59.9
    lines.texts(10)
    assert capsys.readouterr().err == ""
    clock.now += 0.1
    lines.texts(10)
    assert capsys.readouterr().err.startswith("12:04 STS13 2/2  3 %")


def test_a_second_model_starts_from_nothing(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines()
    for _ in range(2):
        lines.model(HEADER, tasks=1, texts=100)
        lines.task("STS12", 1, 100)
        clock.now += 50
        lines.texts(50)
        lines.scored("STS12", [0.5], 50)
    _, first, _, second = capsys.readouterr().err.splitlines()
    assert first == second == "12:04 STS12 1/1  100 %  1 texts/s  0 s left  50.00"


@pytest.mark.parametrize("kind", [Quiet, Lines, Bars])
def test_a_failure_is_two_lines(kind: type[Quiet], capsys: pytest.CaptureFixture[str]) -> None:
    what = f"[red]no[/red] file {'x' * 300} 12 [/]"
    with kind() as watching:
        watching.failed("STS12", what, "--mirror 'DIR'")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"error: STS12: {what}", "  type: --mirror 'DIR'"]


@pytest.mark.parametrize("kind", [Quiet, Lines, Bars])
def test_a_warning_is_one_line(kind: type[Quiet], capsys: pytest.CaptureFixture[str]) -> None:
    with kind() as watching:
        watching.warning("[a] folder UAE is here too")
    assert capsys.readouterr().err == "  ! [a] folder UAE is here too\n"


@pytest.mark.parametrize("text", ["data:dog:v2", ":warning:", "[bold]a[/bold]", "a\\b"])
def test_names_are_shown_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Quiet().warning(text)
    assert capsys.readouterr().err == f"  ! {text}\n"


@pytest.mark.parametrize("debug", [False, True])
def test_the_traceback_comes_with_debug_only(
    debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    watching = Quiet(debug)
    try:
        raise KeyError("the cause")
    except KeyError:
        watching.failed("STS12", "what", "fix")
    err = capsys.readouterr().err
    assert err.startswith("error: STS12: what\n  type: fix\n")
    assert ("KeyError: 'the cause'" in err) == debug


def test_debug_without_an_exception_is_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Quiet(debug=True).failed("STS12", "what", "fix")
    assert capsys.readouterr().err.splitlines() == ["error: STS12: what", "  type: fix"]


def test_quiet_says_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with Quiet() as quiet:
        quiet.loading(SPEC)
        quiet.model(HEADER, tasks=1, texts=10)
        quiet.task("STS12", 1, 10)
        quiet.texts(10)
        quiet.scored("STS12", [0.5], 1)
    assert capsys.readouterr() == ("", "")


def test_bars_show_scores_above_the_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    with Bars() as bars:
        bars.model(HEADER, tasks=1, texts=1200)
        bars.task("STS12", 1, 1200)
        bars.texts(1200)
        bars.scored("STS12", [0.79094], 47)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:2] == [HEADER, "STS12 79.09  47 s"]
    assert "1,200 of 1,200 texts" in err


@pytest.mark.parametrize(
    ("terminal", "quiet", "kind"),
    [(True, False, Bars), (False, False, Lines), (True, True, Quiet), (False, True, Quiet)],
)
def test_bars_are_for_terminals(
    terminal: bool, quiet: bool, kind: type[Quiet], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = os.openpty() if terminal else os.pipe()
    with os.fdopen(theirs, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert type(watcher(quiet, debug=False)) is kind
    os.close(ours)


def test_a_task_that_failed_or_was_smaller_than_announced_is_over(clock: Clock) -> None:
    pace = Pace(tasks=3, total=300)
    pace.task("STS12", 1, 100)
    pace.texts(10)  # of a small local copy
    pace.task("STS15", 2, 100)  # fails before any text
    pace.task("STS13", 3, 100)
    pace.texts(100)
    clock.now += 11
    assert pace.line() == "STS13 3/3  100 %  10 texts/s  0 s left"
