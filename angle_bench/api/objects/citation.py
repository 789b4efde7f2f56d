"""How scores were measured, as text and BibTeX."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from angle_bench.errors import AngleBenchError

if TYPE_CHECKING:
    from angle_bench.reporting.paper.paragraph import Cited, MeasuredGroup
    from angle_bench.suites.task import Suite


@dataclass(frozen=True, repr=False)
class Citation:
    """A paragraph on how scores were measured, and what it cites.

    Attributes:
        suite: What was measured.
        groups: The models, as their run records say.
        parts: The paragraph, with what it cites.
        errors: One for each model without scores.
        warnings: What is doubtful, a line each.
    """

    suite: "Suite"
    groups: "tuple[MeasuredGroup, ...]"
    parts: "tuple[Cited, ...]"
    errors: tuple[AngleBenchError, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of what is cited, each once."""
        from angle_bench.reporting.paper.paragraph import keys

        return tuple(keys(self.parts))

    @property
    def bibtex(self) -> str:
        """The entries of all of these, as mteb's metadata has them."""
        from angle_bench.suites.citations import bibtex

        return bibtex(self.keys)

    def paragraph(self, markup: Literal["latex", "markdown"] = "latex") -> str:
        r"""The text to paste, with `\citep{…}` of natbib or `[@…]` of pandoc."""
        from angle_bench.reporting.paper.paragraph import written

        return written(self.parts, markup)

    def to_text(self, markup: Literal["latex", "markdown"] = "latex") -> str:
        """The paragraph, then the BibTeX."""
        return f"{self.paragraph(markup)}\n\n{self.bibtex}"

    def to_dict(self) -> Any:
        """Plain values, those of `angle-bench cite --json`."""
        from angle_bench.suites.citations import of_task

        return {
            "suite": self.suite.signature,
            "tasks": {task.name: list(of_task(task.name)) for task in self.suite.task},
            "models": [
                {"label": group.label, "checkpoints": [one.values() for one in group.models]}
                for group in self.groups
            ],
            "latex": self.paragraph("latex"),
            "markdown": self.paragraph("markdown"),
            "keys": list(self.keys),
            "bibtex": self.bibtex,
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        """What the command prints."""
        return self.to_text()
