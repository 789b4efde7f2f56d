"""Which tasks a row's model was trained on, as mteb's models declare it by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from angle_bench.reporting.tables.table import TableRow
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.suites.training_sets import declared_tasks, in_mteb


@dataclass(frozen=True)
class Declaration:
    """What is declared of a row.

    Attributes:
        tasks: None where nothing is.
        bases: The models that declare it, where the row's own do not.
    """

    tasks: frozenset[str] | None
    bases: tuple[str, ...] = ()


def declaration(row: TableRow, models: Sequence[StoredModel]) -> Declaration:
    """What is declared of a row; of several runs, of all of them together.

    Args:
        row: The row.
        models: What it was read from; none of a published row, which has a name alone.
    """
    name = row.source.model if row.source is not None else ""
    made = [_of_model(model) for model in models] or [Declaration(declared_tasks(name))]
    known = [each.tasks for each in made if each.tasks is not None]
    if len(known) < len(made):  # one run of which nothing is known leaves the others unknown
        return Declaration(None)
    bases = dict.fromkeys(base for each in made for base in each.bases)
    return Declaration(frozenset().union(*known), tuple(bases))


def _of_model(model: StoredModel) -> Declaration:
    """A model that mteb has speaks for itself, even where it says nothing."""
    if in_mteb(model.name):
        return Declaration(declared_tasks(model.name))
    base = model.made_from
    if base is None or (found := declared_tasks(base)) is None:
        return Declaration(None)
    return Declaration(found, (base,))
