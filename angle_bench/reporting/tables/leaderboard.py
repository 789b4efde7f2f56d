"""A leaderboard as a value: rows, columns, and what stands where they meet.

Every renderer starts from here, and computes no average of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import stdev
from typing import Literal

from angle_bench.reporting.tables.table import TableRow
from angle_bench.reporting.tables.table_layout import USUAL, TableLayout
from angle_bench.reporting.zero_shot.trained_on import TrainedOn
from angle_bench.suites import averages
from angle_bench.suites.task import Suite

# MTEB's own short names of its task types, where they have any
_SHORT_TYPES = {
    "Classification": "Class.",
    "Clustering": "Clust.",
    "PairClassification": "Pair",
    "Reranking": "Rerank",
    "Retrieval": "Retr.",
    "Summarization": "Summ.",
}
RANKS = ("rank", "borda")
TRAINING = ("zero_shot", "seen")  # what a model was trained on: as declared, and by text
NO_SCORES = (*RANKS, *TRAINING)  # the kinds of columns that hold no scores


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: A task's name, `mean`, `types`, `type:STS`, `language:deu-Latn`, or the kind.
        header: What a table shows.
        kind: `mean` is over tasks, `types` over the means of the types, `type` over one of them,
            `public` over the tasks with public data, of a suite that also has private ones;
            `language` over the subsets of one; `rank` is the interval of ranks that cannot be
            told apart; `zero_shot` the share of the tasks that a model was not trained on, as
            declared, `seen` that of the items whose texts its training had.
    """

    key: str
    header: str
    kind: Literal[
        "task",
        "type",
        "mean",
        "types",
        "public",
        "language",
        "rank",
        "borda",
        "zero_shot",
        "seen",
    ]


@dataclass(frozen=True)
class BoardValue:
    """What stands in a row and a column.

    Attributes:
        score: A fraction, or a rank; None where a score is missing.
        share: How many of its scores there are, such as `53 of 56`.
        spread: The standard deviation over runs, a fraction.
        partial: It is the average of the scores that there are.
        stated: It was published as it is, not computed from the scores beside it.
    """

    score: float | None
    share: str = ""
    spread: float | None = None
    partial: bool = False
    stated: bool = False


@dataclass(frozen=True)
class Board:
    """Models over one suite, the best first.

    Attributes:
        rows: In the order in which they are shown, under labels that differ.
        base: The row that differences are to.
        partial: Whether averages are over the tasks that there are.
        decimals: Of what is shown ×100.
        warnings: What was left out or is doubtful, a line each.
        command: The command that made it.
        ranks: The Borda rank by label.
        unlike: Why a row is marked as having other settings, by label.
        intervals: The best and the worst rank that a row may have, by label; None if not asked for.
        ranked_by: What is drawn: the items of tasks, or tasks, of which scores are enough.
        ranked_over: Over how many tasks the intervals are, such as `32 of 41`; empty for all.
        better: The rows that are significantly better than the base.
        trained_on: What each model was trained on, by label; None if not asked for.
        layout: How a table of it is laid out.
    """

    suite: Suite
    rows: tuple[TableRow, ...]
    base: TableRow | None = None
    partial: bool = False
    decimals: int = 2
    warnings: tuple[str, ...] = ()
    command: str = ""
    ranks: dict[str, int | None] = field(default_factory=dict)
    unlike: dict[str, str] = field(default_factory=dict)
    intervals: Mapping[str, tuple[int, int]] | None = None
    ranked_by: Literal["items", "tasks"] = "items"
    ranked_over: str = ""
    better: frozenset[str] = frozenset()
    trained_on: Mapping[str, TrainedOn] | None = None
    layout: TableLayout = USUAL

    @property
    def columns(self) -> list[Column]:
        """The columns of the main table: tasks and their mean, or over several types averages."""
        if self.layout.columns == "summary":
            return self.summary
        if self.layout.columns == "languages":
            return [*self.summary[:1], *self.languages, *self._others]
        if len(averages.types(self.suite)) < 2:
            return self.every
        return self.by_type if self.layout.columns == "tasks" else self.summary

    @property
    def languages(self) -> list[Column]:
        """The languages of the suite, where their means were asked for."""
        told = {code for row in self.rows for code in row.languages}
        codes = [code for code in self.suite.shown_languages if code in told]
        return [Column(f"language:{code}", code, "language") for code in codes]

    @property
    def by_type(self) -> list[Column]:
        """The tasks of each type with their mean, then the averages over all of them."""
        kinds = {column.key: column for column in self.summary if column.kind == "type"}
        columns = []
        for key, column in kinds.items():
            tasks = [task for task in self.suite.task if f"type:{task.type}" == key]
            columns += [Column(task.name, task.header, "task") for task in tasks]
            columns.append(column)
        return [*columns, *(column for column in self.summary if column.key not in kinds)]

    @property
    def every(self) -> list[Column]:
        """Averages, all tasks, and languages where they were asked for."""
        tasks = [Column(task.name, task.header, "task") for task in self.suite.task]
        if len(tasks) == 1:
            others = [each for each in self._others if each.kind != "borda"]
            return [*tasks, *self.languages, *others]
        if len(averages.types(self.suite)) > 1:
            return [*self.summary, *tasks, *self.languages]
        return [*tasks, *self.languages, *self.summary]

    @property
    def summary(self) -> list[Column]:
        """The averages."""
        kinds = averages.types(self.suite)
        columns = [Column("mean", f"mean of {len(averages.counted(self.suite))}", "mean")]
        if len(kinds) > 1:
            columns.append(Column("types", f"mean of {len(kinds)} types", "types"))
            if self.suite.average == "types":
                columns.reverse()
        if public := averages.public(self.suite):
            columns.append(Column("public", f"mean of {len(public)} public", "public"))
        if len(kinds) > 1:
            columns += [
                Column(f"type:{kind}", _SHORT_TYPES.get(kind, kind), "type") for kind in kinds
            ]
        return [*columns, *self._others]

    @property
    def _others(self) -> list[Column]:
        """The columns of ranks, and of what models were trained on."""
        told = self.trained_on or {}
        training = (
            [] if self.trained_on is None else [Column("zero_shot", "zero-shot", "zero_shot")]
        )
        if any(each.measured for each in told.values()):
            training.append(Column("seen", "texts seen", "seen"))
        return [*self._rank_columns, *training]

    @property
    def _rank_columns(self) -> list[Column]:
        if len(self.rows) < 2:
            return []
        ranks = [] if self.intervals is None else [Column("rank", self._rank_header, "rank")]
        return [*ranks, Column("borda", "Borda", "borda")]

    @property
    def _rank_header(self) -> str:
        if self.ranked_by == "tasks":
            return "rank over tasks"
        return f"rank ({self.ranked_over})" if self.ranked_over else "rank"

    @property
    def headline(self) -> Column:
        """The column that the suite is judged by."""
        own = "types" if self.suite.average == "types" else "mean"
        return next((each for each in self.every if each.key == own), self.every[0])

    def value(self, row: TableRow, column: Column) -> BoardValue:
        """What stands in a row and a column."""
        if column.kind == "borda":
            return BoardValue(self.ranks.get(row.label))
        if column.kind == "rank":
            interval = (self.intervals or {}).get(row.label)
            return BoardValue(None if interval is None else interval[0])
        if column.kind in TRAINING:
            return BoardValue(self._training(row, column))
        if column.key in row.stated:
            return BoardValue(row.stated[column.key], stated=True)
        if row.runs:
            return self._over_runs(row, column)
        if column.kind == "language":
            return self._of_language(row, column)
        scores = self._under(row, column)
        share = averages.share(scores)
        whole = self._average(row, column, partial=False)
        if whole is not None or not self.partial:
            return BoardValue(whole, share)
        return BoardValue(self._average(row, column, partial=True), share, partial=True)

    def difference(self, row: TableRow, column: Column) -> float | None:
        """The score less the base's, a fraction; None for the base itself and for ranks."""
        if self.base is None or row.label == self.base.label or column.kind in NO_SCORES:
            return None
        mine, other = self.value(row, column), self.value(self.base, column)
        if mine.score is None or other.score is None or mine.partial or other.partial:
            return None  # partial averages are over other tasks
        return mine.score - other.score

    def coverage(self, row: TableRow) -> str:
        """How many tasks have a score: `53 of 56`."""
        return averages.coverage(self.suite, row.scores)

    def _of_language(self, row: TableRow, column: Column) -> BoardValue:
        found = row.languages.get(column.key.removeprefix("language:"))
        if found is None:
            return BoardValue(None)
        whole, share = found.there == found.asked, f"{found.there} of {found.asked}"
        if whole or not self.partial:
            return BoardValue(found.mean if whole else None, share)
        return BoardValue(found.mean, share, partial=True)

    def _training(self, row: TableRow, column: Column) -> float | None:
        told = (self.trained_on or {}).get(row.label)
        if told is None or column.kind == "seen":
            return None if told is None else told.seen
        return None if told.percent is None else told.percent / 100

    def _over_runs(self, row: TableRow, column: Column) -> BoardValue:
        values = [self.value(run, column) for run in row.runs]
        scores = [value.score for value in values if value.score is not None]
        share = averages.share(self._under(row, column))
        if column.kind == "language":
            share = values[0].share
        if len(scores) < len(values) or len({value.share for value in values}) > 1:
            return BoardValue(None, share)
        mean = sum(scores) / len(scores)
        return BoardValue(mean, share, stdev(scores), any(value.partial for value in values))

    def _under(self, row: TableRow, column: Column) -> list[float | None]:
        """The scores that a column is about."""
        if column.kind == "task":
            return [row.scores[[task.name for task in self.suite.task].index(column.key)]]
        if column.kind == "type":
            return averages.of_type(self.suite, row.scores, column.key.removeprefix("type:"))
        only_public = column.kind == "public"
        places = (averages.public if only_public else averages.counted)(self.suite)
        return [row.scores[at] for at in places]

    def _average(self, row: TableRow, column: Column, *, partial: bool) -> float | None:
        if column.kind == "types":
            return averages.mean_of_types(self.suite, row.scores, partial=partial)
        return averages.mean(self._under(row, column), partial=partial)
