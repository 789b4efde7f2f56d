"""What came of a comparison, in points: candidates, verdicts, frames, tables, a plot."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from angle_bench.api.objects.picture import Picture
from angle_bench.errors import AngleBenchError, ResultsError

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.reporting.comparison.comparison_table import ComparedRow
    from angle_bench.reporting.comparison.comparison_table import ComparisonTable as Found
    from angle_bench.reporting.comparison.verdict import DifferenceVerdict as Judged

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
            standard_error=100 * estimate.standard_error,
            degrees_of_freedom=estimate.degrees_of_freedom,
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
    def of(cls, row: "ComparedRow") -> "Candidate":
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
        from angle_bench.reporting.comparison.sentences import method

        return method(self.found) if any(each.overall for each in self) else ""

    def to_dict(self, by: Literal["task", "subset"] | None = None, changes: int = 0) -> Any:
        """Plain values, those of `angle-bench compare --json`; differences are in points.

        Args:
            by: `subset` for verdicts on subsets, too.
            changes: How many of the pairs that moved most are listed.
        """
        from angle_bench.reporting.formats.compare_json import as_json

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
        from angle_bench.reporting.comparison.text_report import text

        return text(self.found, by, changes)

    def to_latex(
        self,
        by: Literal["task", "subset"] | None = None,
        caption: str = "",
        label: str = "",
    ) -> str:
        """A table to print: difference, interval, p value and verdict of each candidate.

        Args:
            by: Verdicts on tasks or subsets, too.
            caption: Of the table; by default what is compared on what.
            label: What a document refers to it by.
        """
        from angle_bench.reporting.paper.compare_latex import table

        return table(self.found, by, caption, label, "angle_bench.compare")

    def to_html(self, by: Literal["task", "subset"] | None = None, changes: int = 0) -> str:
        """A page with verdicts and forest plot, with `changes` every pair; nothing is fetched."""
        from angle_bench.reporting.site.comparison_page import page

        return page(self.found, by, changes)

    def plot(self) -> Picture:
        """Differences with their 95 % intervals, as a forest plot.

        Raises:
            ResultsError: Nothing was compared item by item.
        """
        from angle_bench.reporting.formats.forest_plot import forest_of, standalone

        svg = forest_of(self.found)
        if not svg:
            raise ResultsError("nothing was compared item by item.", "angle-bench run, first")
        return Picture(standalone(svg))

    def __repr__(self) -> str:
        """What the command prints."""
        return self.to_text()

    def _repr_html_(self) -> str:
        from html import escape

        from angle_bench.reporting.formats.forest_plot import forest_of

        return f"<pre>{escape(self.to_text())}</pre>{forest_of(self.found)}"
