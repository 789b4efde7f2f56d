"""What is known by name: models, tasks and recipes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from angle_bench.api.words import public

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20  # of a listing that a prompt shows


@dataclass(frozen=True, repr=False)
class Listing:
    """Things that are known by name.

    Attributes:
        rows: What is known of each, as plain values; each has a `name`.
        columns: Those that `to_dataframe` has.
        plain: What `to_dict` gives, where that is more than the rows.
    """

    rows: Sequence[Mapping[str, Any]]
    columns: tuple[str, ...]
    plain: Any = None

    @property
    def names(self) -> list[str]:
        """Their names, in their order."""
        return [str(row["name"]) for row in self.rows]

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        """What is known of one, whatever the case of its name.

        Raises:
            KeyError: There is none; the nearest names are named.
        """
        from angle_bench.errors import did_you_mean, or_list

        for row in self.rows:
            if str(row["name"]).casefold() == name.casefold():
                return row
        near = did_you_mean(name, self.names)
        hint = f" Did you mean {or_list(near)}?" if near else ""
        raise KeyError(f"nothing here is called {name}.{hint}")

    def __len__(self) -> int:
        """How many."""
        return len(self.rows)

    def to_dict(self) -> Any:
        """Plain values, those of the command's `--json`."""
        return [dict(row) for row in self.rows] if self.plain is None else self.plain

    def to_dataframe(self) -> "pd.DataFrame":
        """A row for each; what is not known is missing."""
        import pandas as pd

        data = {name: [row.get(name) for row in self.rows] for name in self.columns}
        return pd.DataFrame(data).convert_dtypes()

    def __repr__(self) -> str:
        """The first rows."""
        shown = self.to_dataframe().head(MOST_ROWS).to_string(max_colwidth=40)
        more = len(self) - MOST_ROWS
        return f"{shown}\n… and {more} more" if more > 0 else shown

    def _repr_html_(self) -> str:
        return str(self.to_dataframe().to_html())


MODEL_COLUMNS = (
    *("name", "pooling", "max_length", "dtype", "base", "bidirectional_start", "languages"),
    *("source", "row_file"),
)
TASK_COLUMNS = (
    *("name", "type", "dataset", "revision", "splits", "subsets", "metric", "samples"),
    "characters",
)
SUITE_COLUMNS = ("name", "tasks", "version", "average", "description")
RECIPE_COLUMNS = ("name", "description", "models", "data")


@public
def models() -> Listing:
    """The checkpoints that are known by name: the registry, and rows of your angle-bench.toml.

    Raises:
        UsageError: An angle-bench.toml cannot be meant.

    Examples:
        >>> models()["WhereIsAI/UAE-Large-V1"]["pooling"]
        'cls'
    """
    from angle_bench.checkpoints.registry import registry, users_entries

    entries = list({e.name: e for e in (*registry().values(), *users_entries())}.values())
    return Listing([entry.to_dict() for entry in entries], MODEL_COLUMNS)


@public
def tasks(name: str | None = None) -> Listing:
    """The tasks of a suite or benchmark; without a name the suites.

    Args:
        name: What may stand after `-t`.

    Raises:
        UsageError: There is no such suite or task.

    Examples:
        >>> tasks("STS").names[:2]
        ['STS12', 'STS13']
    """
    from angle_bench.results.shipped import suites
    from angle_bench.results.suites import find_all, joined

    if name is not None:
        suite = joined(find_all([name]))
        rows = [task.model_dump(mode="json") for task in suite.task]
        return Listing(rows, TASK_COLUMNS, suite.model_dump(mode="json", exclude_defaults=True))
    said = [suite.model_dump(mode="json", exclude_defaults=True) for suite in suites().values()]
    rows = [
        {**suite.model_dump(mode="json", exclude={"task"}), "tasks": len(suite.task)}
        for suite in suites().values()
    ]
    return Listing(rows, SUITE_COLUMNS, {"names": list(suites()), "suites": said})


@public
def recipes() -> Listing:
    """The ready recipes of `train`: what each trains, and on what.

    Examples:
        >>> "sts-b" in recipes().names
        True
    """
    from angle_bench.training.draft import read_draft, recipe_names

    rows = [{"name": name, **said_of(read_draft(name).content)} for name in recipe_names()]
    return Listing(rows, RECIPE_COLUMNS)


def said_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a list says of a recipe."""
    sources = content["data"]["train"]
    names = content["model"]["name"]
    return {
        "description": content.get("description", ""),
        "models": names if isinstance(names, list) else [names],
        "data": [source.get("hub", source.get("path")) for source in sources],
    }
