"""A leaderboard as LaTeX: what is in it. That it compiles is in test_compiled.py."""

import re
from dataclasses import replace

import pytest

from angle_bench.reporting.paper import board_latex
from angle_bench.reporting.paper.tex_text import escape, mark, number
from angle_bench.reporting.tables.stored_rows import runs_row
from angle_bench.reporting.tables.table import Origin, ScoreSource, TableCell, TableRow
from angle_bench.reporting.tables.table_layout import TableLayout
from tests.reporting.boards import board, row, suite

TWO_TYPES = suite("R:A", "B_1", "R:C")


def lines(text: str, start: str = r"\toprule", end: str = r"\bottomrule") -> list[str]:
    found = text.splitlines()
    return found[found.index(start) : found.index(end) + 1]


def items(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(r"\item")]


def test_the_table_is_booktabs_with_caption_label_and_notes() -> None:
    rows = [row("UAE_Large-V1", 0.5, 0.25), row("b", 0.4, 0.1)]
    text = board_latex.render(board(*rows, of=suite("A", "B_1")))
    assert lines(text) == [
        r"\toprule",
        r" & A & B\_1 & mean of 2 & Borda \\",
        r"\midrule",
        r"UAE\_Large-V1 & \textbf{50.00} & \textbf{25.00} & \textbf{37.50} & 1 \\",
        r"b & \underline{40.00} & \underline{10.00} & \underline{25.00} & 2 \\",
        r"\bottomrule",
    ]
    assert r"\caption{S: main scores ($\times$100) over 2 tasks.}" in text
    assert r"\label{tab:s}" in text
    assert text.index(r"\begin{threeparttable}") < text.index(r"\caption") < text.index("tabular")
    assert "|" not in "".join(lines(text))
    (said,) = items(text)
    best, second = r"\textbf{Bold}: the best", r"\underline{underlined}: the second"
    assert said.endswith(f"{best}, {second} of each column, ties included.")


def test_bold_means_best_in_the_columns_with_ranks_too() -> None:
    made = board(row("a", 0.5, 0.4), row("b", 0.4, 0.3), row("c", 0.1, 0.2))
    ranked = replace(made, intervals={"a": (1, 2), "b": (1, 2), "c": (3, 3)})
    bold = re.findall(r"\\textbf\{([^}]*)\}", "".join(lines(board_latex.render(ranked))))
    assert bold == ["50.00", "40.00", "45.00"]
    assert r"a & \textbf{50.00} & \textbf{40.00} & \textbf{45.00} & 1--2 & 1 \\" in (
        board_latex.render(ranked)
    )


def test_nothing_is_said_of_bold_where_nothing_is() -> None:
    assert items(board_latex.render(board(row("a", 0.5)))) == []


def test_differences_have_a_minus() -> None:
    text = board_latex.render(board(row("a-1", 0.5), row("b", 0.4), base="a-1"))
    assert r"b & \underline{40.00} ($-$10.00) \\" in text
    assert "(-" not in text
    assert "a-1 &" in text  # a hyphen within a name stays one


def marked() -> TableRow:
    other = Origin("f", "external", False, "d", False, None)
    cells = (TableCell(0.5, "differs", other), TableCell(0.6, "equal"))
    return TableRow("m", cells, "model:m|dtype:a", ScoreSource("own", "o/m", "abc"))


def test_every_mark_that_occurs_has_a_note_and_no_other() -> None:
    published = row("p †", 0.1, 0.2, kind="published", said="their paper")
    own = [row(name, 0.3, 0.2, kind="own", signature=f"model:{name}|dtype:b") for name in "xy"]
    made = board(marked(), *own, published, base="x")
    text = board_latex.render(replace(made, better=frozenset({"m"})))
    body = "".join(lines(text))
    used = set("".join(re.findall(r"\\(?:tnote|textsuperscript)\{([^}]*)\}", body)).split("$"))
    explained = {
        sign.strip("$") for sign in re.findall(r"\\item\[([^]]+)\]", text.replace(r"\item[]", ""))
    }
    assert (
        used - {""} == explained == {r"\checkmark", r"\neq", r"\circ", r"\ddagger", r"\dagger", "*"}
    )
    bare = board_latex.render(board(*own))
    assert not re.search(r"\\item\[[^]]", bare)


def test_significance_names_its_test() -> None:
    made = replace(board(row("a", 0.5), row("b", 0.4), base="b"), better=frozenset({"a"}))
    (said,) = [item for item in items(board_latex.render(made)) if item.startswith(r"\item[*]")]
    for part in ("better than b", "two-sided t test", "clustered on sentences", "Holm"):
        assert part in said


def test_marks_none_leaves_comments() -> None:
    made = board(marked(), row("p †", 0.9, 0.2, kind="published", said="paper"))
    text = board_latex.render(replace(made, layout=TableLayout(marks=False)))
    assert not re.search(r"\\tnote|\\textsuperscript|\\item\[[^]]", text)
    assert "% left out: ≠ local data" in text
    assert "% left out: † published, paper: p" in text
    assert "p (published) &" in text


def test_a_rule_stands_before_published_rows() -> None:
    rows = [row("p †", 0.9, kind="published", said="x"), row("a", 0.5), row("b", 0.4)]
    body = lines(board_latex.render(board(*rows)))
    assert body[2:] == [
        r"\midrule",
        r"a & \underline{50.00} \\",
        r"b & 40.00 \\",
        r"\midrule",
        r"\multicolumn{2}{l}{\textit{as published}} \\",
        r"p\textsuperscript{$\dagger$} & \textbf{90.00} \\",
        r"\bottomrule",
    ]


def test_a_turned_table_has_models_as_columns() -> None:
    rows = [row("a", 0.5, 0.4), row("p †", 0.2, 0.3, kind="published", said="x")]
    text = board_latex.render(board(*rows, layout=TableLayout(transpose=True)))
    assert lines(text) == [
        r"\toprule",
        r" &  & \multicolumn{1}{c}{as published} \\",
        r"\cmidrule(lr){3-3}",
        r" & a & p\textsuperscript{$\dagger$} \\",
        r"\midrule",
        r"A & \textbf{50.00} & \underline{20.00} \\",
        r"B & \textbf{40.00} & \underline{30.00} \\",
        r"\midrule",
        r"mean of 2 & \textbf{45.00} & \underline{25.00} \\",
        r"Borda & 1 & -- \\",
        r"\bottomrule",
    ]
    assert "of each row" in text


def test_columns_stand_in_groups_by_type() -> None:
    made = board(row("a", 0.5, 0.4, 0.3), of=TWO_TYPES, layout=TableLayout("tasks"))
    text = board_latex.render(made)
    assert lines(text)[1:4] == [
        r" & \multicolumn{3}{c}{R} & \multicolumn{2}{c}{STS} &  &  \\",
        r"\cmidrule(lr){2-4}\cmidrule(lr){5-6}",
        r" & A & C & mean & B\_1 & mean & mean of 3 & mean of 2 types \\",
    ]
    summary = lines(board_latex.render(board(row("a", 0.5, 0.4, 0.3), of=TWO_TYPES)))
    assert summary[1] == r" &  &  & \multicolumn{2}{c}{means of task types} \\"


def test_many_tasks_are_rows_in_several_floats() -> None:
    names = [f"{'RQZ'[at % 3]}:T{at}" for at in range(56)]
    made = board(row("a", *[0.5] * 56), of=suite(*names), layout=TableLayout("tasks"))
    text = board_latex.render(made)
    assert text.count(r"\begin{table}") == text.count(r"\addtocounter{table}{-1}") + 1 == 2
    assert text.count(r"\label{") == 1
    assert text.count("(continued)") == 1
    assert all(f"T{at} & " in text for at in range(56))
    assert [line for line in text.splitlines() if "textit" in line] == [
        rf"\multicolumn{{2}}{{l}}{{\textit{{{kind}}}}} \\" for kind in "QRZ"
    ]


def test_a_wide_table_spans_the_page_and_is_scaled() -> None:
    names = "ABCDEFG"
    narrow = board_latex.render(board(row("a", 0.5, 0.4), row("b", 0.5, 0.4)))
    wide = board_latex.render(board(row("a", *[0.5] * 7), row("b", *[0.4] * 7), of=suite(*names)))
    assert r"\begin{table}[tbp]" in narrow
    assert "resizebox" not in narrow
    assert r"\begin{table*}[tbp]" in wide
    assert r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%" in wide


def test_caption_and_label_are_what_was_typed() -> None:
    layout = TableLayout(caption="50 % & more", label="tab:mine")
    text = board_latex.render(board(row("a", 0.5), layout=layout))
    assert r"\caption{50 \% \& more}" in text
    assert r"\label{tab:mine}" in text


def test_runs_are_explained() -> None:
    made = board(runs_row("ft", [row("ft-1", 0.1), row("ft-2", 0.2)]), row("x", 0.5))
    text = board_latex.render(made)
    assert r"ft (2 runs) & \underline{15.00} $\pm$ 7.07 \\" in text
    assert r"ft (2 runs): mean $\pm$ standard deviation over ft-1, ft-2." in text


def test_warnings_are_comments() -> None:
    made = replace(board(row("a", 0.5)), warnings=("a file was left out",))
    text = board_latex.render(made)
    assert "% a file was left out" in text
    assert items(text) == []


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
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("-0.5", "$-$0.5"),
        (" (-.5)", " ($-$.5)"),
        ("1–3", "1--3"),
        ("ft-1 [-0.1, -0.2]", "ft-1 [$-$0.1, $-$0.2]"),
        ("a)-1", "a)-1"),
    ],
)
def test_numbers_have_a_minus_and_names_a_hyphen(text: str, made: str) -> None:
    assert number(text) == made


def test_marks_take_no_room_beside_numbers() -> None:
    assert mark(" †‡", beside_number=False) == r"\textsuperscript{$\dagger$$\ddagger$}"
    assert mark("≠") == r"\tnote{$\neq$}"
    assert mark(" ") == ""


def test_the_command_is_found_again() -> None:
    text = board_latex.render(board(row("a", 0.5), command="angle-bench leaderboard -t STS"))
    assert board_latex.command_of(text) == "angle-bench leaderboard -t STS"
    assert board_latex.command_of(r"\begin{tabular}{l}x\end{tabular}") is None
