"""How a table of a leaderboard is laid out, whatever its format."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from angle_bench.errors import UsageError, or_list
from angle_bench.reporting.formats.format_names import DATA, DOCUMENTS, LOOKED_AT, ROWS

Shown = Literal["", "summary", "tasks", "languages"]


@dataclass(frozen=True)
class TableLayout:
    """What is shown of a leaderboard, and which way round.

    Attributes:
        columns: `tasks` shows every task, by type; `summary` the averages alone; `languages` the
            mean of each language; empty shows the tasks of a suite of one type, and the averages
            of others.
        marks: Whether signs stand on cells, with the notes that explain them.
        transpose: Whether models are columns.
        caption: What stands above the table of a document; empty says what the scores are.
        label: What a document refers to the table by; empty is made from the suite's name.
    """

    columns: Shown = ""
    marks: bool = True
    transpose: bool = False
    caption: str = ""
    label: str = ""

    @classmethod
    def of(
        cls, columns: str, marks: str, transpose: bool, caption: str, label: str
    ) -> "TableLayout":
        """By what was typed.

        Raises:
            UsageError: There are no such columns or marks.
        """
        if columns not in get_args(Shown):
            raise UsageError(
                f"--columns {columns} is not known; there are summary, tasks and languages.",
                "--columns tasks",
            )
        if marks not in ("all", "none"):
            raise UsageError(f"--marks {marks} is neither all nor none.", "--marks none")
        return cls(cast(Shown, columns), marks == "all", transpose, caption, label)

    def refuse_in(self, kind: str) -> None:
        """Refuse what a format has no place for.

        Args:
            kind: The format's name; empty is a terminal.

        Raises:
            UsageError: Data has no layout, and only documents have captions and labels.
        """
        looks = {
            "--columns": bool(self.columns) and not (self.columns == "languages" and kind in ROWS),
            "--marks": not self.marks,
            "--transpose": self.transpose,
        }
        documents = {"--caption": bool(self.caption), "--label": bool(self.label)}
        refused = (looks if kind in DATA else {}) | (documents if kind not in DOCUMENTS else {})
        for option, given in refused.items():
            if given:
                others = or_list([*(DOCUMENTS if option in documents else LOOKED_AT)])
                raise UsageError(
                    f"{option} means nothing in {kind or 'a terminal'}; it is for {others}.",
                    f"the command without {option}",
                )


USUAL = TableLayout()
