"""Means by language, as on mteb's site: over the scores of a language's subsets, of all tasks.

A score is that of one subset in one split of a task. It counts for each language that mteb names of
its subset, for a pair of languages once for each, and for `acm_Arab-acm_Arab` twice, as in mteb.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from angle_bench.reporting.tables.table import LanguageScore, TableCell, TableRow
from angle_bench.results.result_file import UnreadableResult, read_result
from angle_bench.suites import averages
from angle_bench.suites.task import Suite, Task


def with_languages(suite: Suite, rows: Sequence[TableRow]) -> list[TableRow]:
    """Rows that know the mean of each language; the files of their scores are read once more.

    Args:
        suite: The columns.
        rows: From stored results; a row that was published has no scores of subsets.
    """
    return [_with_languages(suite, row) for row in rows]


def _with_languages(suite: Suite, row: TableRow) -> TableRow:
    runs = tuple(_with_languages(suite, run) for run in row.runs)
    there: dict[str, list[float]] = {}
    asked: dict[str, int] = {}
    for at in averages.counted(suite):
        task = suite.task[at]
        for languages, score in _scores(task, row.cells[at]):
            for language in languages:
                asked[language] = asked.get(language, 0) + 1
                if score is not None:
                    there.setdefault(language, []).append(score)
    means = {
        language: LanguageScore(
            math.fsum(there[language]) / len(there[language]) if language in there else None,
            len(there.get(language, ())),
            count,
        )
        for language, count in asked.items()
    }
    return replace(row, runs=runs, languages=means)


def _scores(task: Task, cell: TableCell) -> Iterator[tuple[tuple[str, ...], float | None]]:
    """The languages and the score of each subset in each split; None where there is none."""
    if task.parts:  # an aggregate has the score of its parts together
        yield task.languages, cell.score
        return
    stored = _stored(task, cell)
    for split in task.splits:
        for subset in task.subsets:
            yield task.languages_of(subset), stored.get(split, {}).get(subset)


def _stored(task: Task, cell: TableCell) -> dict[str, dict[str, float]]:
    """The scores by split and subset that a cell is the mean of."""
    if cell.score is None or cell.origin is None:
        return {}
    try:
        found = read_result(Path(cell.origin.file), task.metric)
    except UnreadableResult:  # which was read a moment ago: it is being written
        return {}
    return {} if found is None else {split: dict(by) for split, by in found.scores.items()}
