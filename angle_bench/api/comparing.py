"""Is a candidate better than the base, and how sure is that?"""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from angle_bench.api.picture import Picture
from angle_bench.api.words import Names, Places, listed, place, public, warn
from angle_bench.errors import AngleBenchError, ResultsError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.evaluation.scored_models import Named
    from angle_bench.reporting.compare import Comparison as Found
    from angle_bench.reporting.compare import Row
    from angle_bench.reporting.verdict import Verdict as Judged

COLUMNS = (
    *("label", "level", "task", "difference", "low", "high", "p", "verdict", "standard_error"),
    *("degrees_of_freedom", "effective_sentences", "p_equivalent", "resolves", "refusal"),
)


@dataclass(frozen=True)
class Verdict:
    """A difference between a candidate and the base, and what can be said of it.

    Attributes:
        label: The candidate.
        task: The task, or task and subset; empty for the mean over tasks.
        difference: Candidate minus base, in points (×100).
        interval: Its 95 % confidence interval, in points, not adjusted; NaN without a verdict.
        p: Two-sided, by Holm over what was asked for at the same time.
        verdict: better, worse, equivalent, not significant or no verdict.
        standard_error: In points; NaN without a verdict.
        degrees_of_freedom: Of Student's t.
        effective_sentences: The effective number of independent sentences.
        p_equivalent: Of the two one-sided tests within the margin, adjusted likewise.
        resolves: The difference that is found with 80 % power, in points.
        refusal: Why there is no verdict; empty where there is one.
        sentence: The verdict in words.
    """

    label: str
    task: str
    difference: float
    interval: tuple[float, float]
    p: float
    verdict: str
    standard_error: float
    degrees_of_freedom: float
    effective_sentences: float
    p_equivalent: float
    resolves: float
    refusal: str
    sentence: str = field(repr=False)

    @classmethod
    def of(cls, label: str, task: str, judged: "Judged") -> "Verdict":
        """A verdict in points."""
        estimate = judged.estimate
        low, high = estimate.interval()
        return cls(
            label=label,
            task=task,
            difference=100 * estimate.difference,
            interval=(100 * low, 100 * high),
            p=judged.p,
            verdict=judged.word,
            standard_error=100 * estimate.error,
            degrees_of_freedom=estimate.freedom,
            effective_sentences=estimate.effective,
            p_equivalent=judged.p_equivalent,
            resolves=100 * estimate.resolves(),
            refusal=judged.refusal,
            sentence=judged.text(interval=True),
        )


@dataclass(frozen=True)
class Candidate:
    """What came of one candidate.

    Attributes:
        overall: On the mean over tasks; None where only scores without predictions are stored.
        by_task: On each task, by its column header, adjusted over tasks.
        by_subset: On each split and subset of each task, adjusted over all of them.
    """

    label: str
    overall: Verdict | None
    by_task: Mapping[str, Verdict]
    by_subset: Mapping[str, Verdict] = field(repr=False)

    @classmethod
    def of(cls, row: "Row") -> "Candidate":
        """A row of a comparison."""
        tell = {
            name: {key: Verdict.of(row.label, key, each) for key, each in verdicts.items()}
            for name, verdicts in (("task", row.by_task), ("subset", row.by_subset))
        }
        overall = None if row.verdict is None else Verdict.of(row.label, "", row.verdict)
        return cls(row.label, overall, tell["task"], tell["subset"])

    @property
    def difference(self) -> float:
        """Candidate minus base, in points; NaN where nothing was compared item by item."""
        return math.nan if self.overall is None else self.overall.difference

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % confidence interval, in points."""
        return (math.nan, math.nan) if self.overall is None else self.overall.interval

    @property
    def p(self) -> float:
        """Two-sided, by Holm over the candidates."""
        return math.nan if self.overall is None else self.overall.p

    @property
    def verdict(self) -> str:
        """Better, worse, equivalent, not significant or no verdict."""
        return "no verdict" if self.overall is None else self.overall.verdict


@dataclass(frozen=True, repr=False)
class Comparison:
    """Candidates beside a base on the same items.

    Attributes:
        base: Its label.
        candidates: By label, the largest difference first.
        found: All that was compared, as the reports have it.
        errors: One for each candidate or task without scores.
        warnings: What was left out or is doubtful, a line each.
        common_tasks: What all have scores of, where they have none of what was asked.
    """

    base: str
    candidates: Mapping[str, Candidate]
    found: "Found"
    errors: tuple[AngleBenchError, ...] = ()
    warnings: tuple[str, ...] = ()
    common_tasks: tuple[str, ...] = ()

    def __getitem__(self, label: str) -> Candidate:
        """A candidate by its label.

        Raises:
            KeyError: There is none; those there are are named.
        """
        if label not in self.candidates:
            known = ", ".join(self.candidates) or "none"
            raise KeyError(f"no candidate is called {label}; there are: {known}")
        return self.candidates[label]

    def __iter__(self) -> Iterator[Candidate]:
        """The candidates, the largest difference first."""
        return iter(self.candidates.values())

    def __len__(self) -> int:
        """How many candidates."""
        return len(self.candidates)

    @property
    def verdicts(self) -> dict[str, str]:
        """What is said of each candidate's mean, by its label."""
        return {each.label: each.verdict for each in self}

    @property
    def method(self) -> str:
        """One line on data, test and correction that can be pasted into a paper."""
        from angle_bench.reporting.compare_sentences import method

        return method(self.found) if any(each.overall for each in self) else ""

    def to_dict(self, by: Literal["task", "subset"] | None = None, changes: int = 0) -> Any:
        """Plain values, those of `angle-bench compare --json`; differences are in points.

        Args:
            by: `subset` for verdicts on subsets, too.
            changes: How many of the pairs that moved most are listed.
        """
        from angle_bench.reporting.compare_json import as_json

        return as_json(self.found, by, changes)

    def to_dataframe(self) -> "pd.DataFrame":
        """A row for each verdict: level is mean, task or subset; numbers are in points."""
        import pandas as pd

        rows = []
        for each in self:
            levels = (("task", each.by_task), ("subset", each.by_subset))
            found = [("mean", each.overall)] if each.overall is not None else []
            found += [(level, one) for level, named in levels for one in named.values()]
            for level, one in found:
                low, high = one.interval
                rows.append(vars(one) | {"level": level, "low": low, "high": high})
        frame = pd.DataFrame({name: [row[name] for row in rows] for name in COLUMNS})
        texts = ("label", "level", "task", "verdict", "refusal")
        frame = frame.astype({name: "str" if name in texts else "float64" for name in COLUMNS})
        frame.attrs |= {"unit": "points", "base": self.base, "method": self.method}
        return frame

    def to_text(self, by: Literal["task", "subset"] | None = None, changes: int = 0) -> str:
        """What `angle-bench compare` prints."""
        from angle_bench.reporting.compare_text import text

        return text(self.found, by, changes)

    def to_latex(self) -> str:
        """A booktabs table: difference, interval, p value and verdict of each candidate."""
        from angle_bench.reporting.compare_latex import table

        return table(self.found)

    def to_html(self, by: Literal["task", "subset"] | None = None, changes: int = 0) -> str:
        """A page with text, forest plot and changed pairs; nothing is fetched."""
        from angle_bench.reporting.compare_page import page

        return page(self.found, by, changes)

    def plot(self) -> Picture:
        """Differences with their 95 % intervals, as a forest plot.

        Raises:
            ResultsError: Nothing was compared item by item.
        """
        from angle_bench.reporting.compare_page import forest_of

        svg = forest_of(self.found)
        if not svg:
            raise ResultsError("nothing was compared item by item.", "angle-bench run, first")
        return Picture(svg)

    def __repr__(self) -> str:
        """What the command prints."""
        return self.to_text()

    def _repr_html_(self) -> str:
        from html import escape

        from angle_bench.reporting.compare_page import forest_of

        return f"<pre>{escape(self.to_text())}</pre>{forest_of(self.found)}"


@public
def compare(
    base: str,
    *candidates: str,
    tasks: Names = "STS",
    results: Places = "results",
    model_names: Names = (),
    seen: bool = False,
    margin: float = 0.30,
    method: Literal["sentences", "pairs"] = "sentences",
    allow_different: bool = False,
    mirror: Places | None = None,
) -> Comparison:
    """Compare stored scores on the same items: differences, intervals, verdicts.

    Args:
        base: What the others are compared with: a name, a label or a folder with scores.
        candidates: Likewise, or a glob; `LABEL=A,B,C` are seeds of a recipe.
        tasks: What would stand after `-t`.
        results: The results folder.
        model_names: `[FOLDER=]NAME` where files and path do not say the model's name.
        seen: Whether the verdict is on the items that no training saw.
        margin: A difference below it counts as none, in points.
        method: `pairs` resamples pairs as if they shared no sentence.
        allow_different: Whether models may be compared that are used differently.
        mirror: A folder with checkpoints under their hub ids.

    Returns:
        Verdicts by candidate. A candidate without scores is in `errors`, and warned of.

    Raises:
        UsageError: A name is unknown, or the models are used differently.
        ResultsError: The base, or every candidate, has no scores.

    Examples:
        >>> c = compare("base", "tuned", tasks="STS")
        >>> c["tuned"].verdict, c["tuned"].p < 0.001
        ('better', True)
    """
    _refuse(candidates, margin, method, seen)

    from angle_bench.checkpoints.access import Access
    from angle_bench.evaluation.scored_models import find_scored
    from angle_bench.reporting.compare import How
    from angle_bench.reporting.compare import compare as compare_sides
    from angle_bench.reporting.pairing import Side
    from angle_bench.results.stored_models import stored_models
    from angle_bench.results.suites import select

    suite = select(listed(tasks))
    lines: list[str] = []
    stored = stored_models(place(results), lines, listed(model_names))
    access = Access.of(None, None if mirror is None else place(mirror), False, False)
    found = find_scored([base, *candidates], stored, access, ",".join(listed(tasks)), lines)
    if found.errors and (found.lacks_first or len(found.groups) < 2):
        raise found.errors[0]
    first, *others = [Side.of(group.label, group.models) for group in found.groups]
    if not others:
        raise UsageError(
            "all words have one label, so nothing is left to compare.",
            "angle-bench compare BASE OTHER",
        )
    how = How(margin / 100, method, seen, allow_different)
    compared = compare_sides(first, others, suite, how)
    common = _common(found.groups) if compared.scored_nowhere else ()
    result = Comparison(
        base=first.label,
        candidates={row.label: Candidate.of(row) for row in compared.rows},
        found=compared,
        errors=(*found.errors, *_missing(compared)),
        warnings=(*lines, *compared.warnings),
        common_tasks=tuple(common),
    )
    warn([*result.warnings, *(error.what for error in result.errors)])
    return result


def _refuse(candidates: tuple[str, ...], margin: float, method: str, seen: bool) -> None:
    if not candidates:
        raise UsageError("no candidate is named.", "angle-bench compare BASE CANDIDATE")
    if not 0 <= margin < math.inf:
        raise UsageError(f"--margin {margin} is no difference in points.", "--margin 0.30")
    if method not in ("sentences", "pairs"):
        raise UsageError(f"there is no method {method}.", "--method sentences, or --method pairs")
    if seen and method == "pairs":
        raise UsageError(
            "--seen clusters on sentences; pairs cannot.", "the command without --method"
        )


def _common(groups: "Sequence[Named]") -> list[str]:
    """The tasks that every model has a file of."""
    from angle_bench.results.known_tasks import known_task

    files = [
        frozenset().union(*(folder.files for folder in model.folders))
        for group in groups
        for model in group.models
    ]
    return sorted(name for name in frozenset.intersection(*files) if known_task(name) is not None)


def _missing(comparison: "Found") -> list[AngleBenchError]:
    """What has no scores, with the command that makes them."""
    return [
        ResultsError(
            f"{name} has no scores of {', '.join(tasks)}.",
            shlex.join(
                ["angle-bench", "run", *comparison.model(name).run_words(), "-t", ",".join(tasks)]
            ),
        )
        for name, tasks in comparison.missing.items()
    ]
