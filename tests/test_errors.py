"""Errors say what happened and what to type."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import angle_bench
from angle_bench.errors import (
    AngleBenchError,
    DataError,
    ModelError,
    ResultsError,
    UsageError,
    did_you_mean,
    first_line,
    next_step,
    or_list,
    printable,
    some,
)

MODELS = [
    "WhereIsAI/UAE-Large-V1",
    "SeanLee97/angle-bert-base-uncased-nli-en-v1",
    "sentence-transformers/all-MiniLM-L6-v2",
    "sentence-transformers/all-MiniLM-L12-v2",
]


@pytest.mark.parametrize(
    ("error", "code"),
    [(AngleBenchError, 1), (ModelError, 1), (DataError, 1), (ResultsError, 1), (UsageError, 2)],
)
def test_an_error_has_two_lines_and_an_exit_code(error: type[AngleBenchError], code: int) -> None:
    raised = error("the file is cut off.", "--mirror DIR")
    assert str(raised) == "the file is cut off.\n  type: --mirror DIR"
    assert raised.exit_code == code
    assert isinstance(raised, AngleBenchError)


# an option, a command, a setting with its value, Python: what somebody can type
TYPED = re.compile(
    r"-|angle-bench |pip |hf |rm |ray |chmod |export |\[\[|[\w.]+ ?=|[\w.]+\(|\d+G$|[\"'{]"
)


def _fixes() -> Iterator[tuple[str, str]]:
    """Every fix in the package that is written as a text, with its file and line."""
    for place in sorted(Path(angle_bench.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(place.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) != 2:
                continue
            if not ast.unparse(node.func).endswith("Error"):
                continue
            fix = node.args[1]
            if isinstance(fix, ast.Constant | ast.JoinedStr):
                literal = fix.value if isinstance(fix, ast.Constant) else ast.unparse(fix)[2:-1]
                yield f"{place.name}:{node.lineno}", str(literal)


def test_what_stands_after_type_can_be_typed() -> None:
    fixes = list(_fixes())
    assert len(fixes) > 200
    words = [
        (place, fix)
        for place, fix in fixes
        if next_step(fix).startswith("type: ") and not TYPED.match(fix)
    ]
    assert words == []


def test_what_is_told_in_words_is_no_order_to_type() -> None:
    raised = DataError("the file has no rows.", "a file with rows")
    assert str(raised) == "the file has no rows.\n  try: a file with rows"


@pytest.mark.parametrize(
    ("typed", "best"),
    [
        ("WhereIsAI/UAE-Large-V2", "WhereIsAI/UAE-Large-V1"),
        ("UAE-Large-V2", "WhereIsAI/UAE-Large-V1"),
        ("uae_large_v1", "WhereIsAI/UAE-Large-V1"),
        ("WHEREISAI/UAE-LARGE-V1", "WhereIsAI/UAE-Large-V1"),
        ("someone/uae-large-v1", "WhereIsAI/UAE-Large-V1"),
        ("all-minilm-l6", "sentence-transformers/all-MiniLM-L6-v2"),
        ("all-minilm-l12-v1", "sentence-transformers/all-MiniLM-L12-v2"),
    ],
)
def test_did_you_mean_puts_the_nearest_first(typed: str, best: str) -> None:
    assert did_you_mean(typed, MODELS)[0] == best


def test_did_you_mean_puts_the_name_that_goes_on_first() -> None:
    known = ["T2Reranking", "RuBQReranking", "Banking77Classification"]
    assert did_you_mean("Banking77", known)[:1] == ["Banking77Classification"]


@pytest.mark.parametrize("typed", ["", "qqqq", "/"])
def test_did_you_mean_finds_nothing_where_nothing_is_near(typed: str) -> None:
    assert did_you_mean(typed, MODELS) == []


def test_did_you_mean_of_nothing_known() -> None:
    assert did_you_mean("STS12", []) == []


def test_did_you_mean_names_each_once_and_no_more_than_asked() -> None:
    known = [f"org/STS1{digit}" for digit in range(9)]
    for count in (1, 2, 3, 5):
        near = did_you_mean("org/STS1", known, count)
        assert len(near) == len(set(near)) == count
        assert set(near) <= set(known)


def test_did_you_mean_keeps_the_spelling_of_the_first_of_equals() -> None:
    assert did_you_mean("sts12", ["STS12", "sts12", "Sts12"]) == ["STS12"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a or b"),
        (["a", "b", "c"], "a, b or c"),
        (["a", "b", "c", "d"], "a, b, c or d"),
    ],
)
def test_or_list(names: list[str], text: str) -> None:
    assert or_list(names) == text


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("first\nsecond"), "first"),
        (ValueError("\n\n  first\nsecond"), "first"),
        (ValueError("first\r\nsecond"), "first"),
        (ValueError(), "ValueError"),
        (ValueError(""), "ValueError"),
        (KeyboardInterrupt(" \n "), "KeyboardInterrupt"),
        (KeyError("name"), "'name'"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ValueError(3), "3"),
    ],
)
def test_first_line(error: BaseException, line: str) -> None:
    assert first_line(error) == line


def test_first_line_is_cut() -> None:
    assert first_line(ValueError("x" * 500)) == "x" * 200
    assert first_line(ValueError("x" * 500), most=7) == "x" * 7


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
    ],
)
def test_some_names_a_few_and_counts_the_rest(names: list[str], text: str) -> None:
    assert some(names) == text


@pytest.mark.parametrize("text", ["a\nb", "a\x1bb", "a\x9bb", "a\u2028b", "a\u202eb"])
def test_printable_leaves_no_orders(text: str) -> None:
    assert printable(text) == "a?b"
    assert printable("Ä 中 – ±") == "Ä 中 – ±"
