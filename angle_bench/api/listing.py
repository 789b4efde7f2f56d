"""What is known by name: models, tasks and recipes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.words import public
from angle_bench.errors import UsageError, did_you_mean, fix_said_as, or_list, shell_word

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.checkpoints.registry.entry import Entry
    from angle_bench.training.recipe.read_recipe import RecipeSource

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
def models(name: str | None = None) -> Listing:
    """The checkpoints that are known by name: the registry, and rows of your angle-bench.toml.

    Args:
        name: One of them, or a name that mteb loads; by default all rows.

    Raises:
        UsageError: There is no such row, or an angle-bench.toml is invalid.

    Examples:
        >>> models()["WhereIsAI/UAE-Large-V1"]["pooling"]
        'cls'
    """
    if name is not None:
        known = _known(name)
        return Listing([known], MODEL_COLUMNS, known)
    return Listing([entry.to_dict() for entry in entries()], MODEL_COLUMNS)


def _known(name: str) -> dict[str, Any]:
    from angle_bench.checkpoints.registry.mteb_models import mteb_name
    from angle_bench.checkpoints.registry.registry import find

    theirs = mteb_name(name) if find(name) is None else None
    return entry_of(name).to_dict() if theirs is None else of_mteb(theirs)


def of_mteb(name: str) -> dict[str, Any]:
    """What is known of a name that mteb's own loader computes, as plain values."""
    from angle_bench.checkpoints.registry import mteb_models as known
    from angle_bench.checkpoints.registry.mteb_requirements import cannot_run, elsewhere

    protocol, why = known.mteb_protocol(name), cannot_run(name)
    by = (
        "code of its own in mteb: one device, nothing stored"
        if known.has_own_code(name)
        else "a SentenceTransformer in mteb's own loader: every device, vectors stored"
    )
    prompts = None if protocol is None else protocol.model_dump(exclude_defaults=True)
    facts = {
        "name": name,
        "revision": known.mteb_models()[name],
        "computed_by": by,
        "prompts": "by code of its own in mteb"
        if protocol is None
        else prompts or "the folder's own",
        "extras": known.required_extras(name),
        "cannot_run": why,
        "instead": None if why is None else elsewhere(name),
    }
    return {key: value for key, value in facts.items() if value}


def entries() -> "list[Entry]":
    """The rows of the registry, and the user's own, which come before those of their names."""
    from angle_bench.checkpoints.registry.registry import registry, users_entries

    return list({each.name: each for each in (*registry().values(), *users_entries())}.values())


def entry_of(name: str) -> "Entry":
    """The row of a name.

    Raises:
        UsageError: There is none; the nearest names are named.
    """
    from angle_bench.checkpoints.registry.registry import find, registry, users_entries

    if (entry := find(name)) is not None:
        return entry
    near = did_you_mean(name, [*(each.name for each in users_entries()), *registry()])
    hint = f" Did you mean {or_list(near)}?" if near else ""
    raise UsageError(
        f"no row of the registry is called {name}.{hint}",
        f"angle-bench models show {shell_word(near[0])}" if near else "angle-bench models list",
    )


@public
def tasks(name: str | None = None, *, everything: bool = False) -> Listing:
    """The tasks of a suite or benchmark; without a name the suites.

    Args:
        name: What may stand after `-t`.
        everything: Whether `to_dict()["names"]` also has mteb's other benchmarks, and every task.

    Raises:
        UsageError: There is no such suite or task.

    Examples:
        >>> tasks("STS").names[:2]
        ['STS12', 'STS13']
    """
    from angle_bench.suites.names import known_names
    from angle_bench.suites.select import find_all, joined
    from angle_bench.suites.shipped import suites

    if name is not None:
        suite = joined(find_all([name]))
        rows = [task.model_dump(mode="json") for task in suite.task]
        plain = suite.model_dump(mode="json", exclude_defaults=True)
        private = [task.name for task in suite.task if task.private]
        return Listing(rows, TASK_COLUMNS, plain | ({"private": private} if private else {}))
    said = [suite.model_dump(mode="json", exclude_defaults=True) for suite in suites().values()]
    rows = [
        {**suite.model_dump(mode="json", exclude={"task"}), "tasks": len(suite.task)}
        for suite in suites().values()
    ]
    names = known_names() if everything else list(suites())
    return Listing(rows, SUITE_COLUMNS, {"names": names, "suites": said})


@public
def recipes(name: str | None = None) -> Listing:
    """The ready recipes of `train`: what each trains, and on what.

    Args:
        name: One of them, or a file: `to_dict()` is all that it says.

    Raises:
        UsageError: There is no such recipe.

    Examples:
        >>> "sts-b" in recipes().names
        True
    """
    from angle_bench.training.recipe.read_recipe import read_recipe_source, recipe_names

    if name is not None:
        content = draft_of(name).content
        plain = json.loads(json.dumps(content, default=str))
        return Listing([{"name": name, **said_of(content)}], RECIPE_COLUMNS, plain)
    rows = [{"name": name, **said_of(read_recipe_source(name).content)} for name in recipe_names()]
    return Listing(rows, RECIPE_COLUMNS)


def draft_of(name: str) -> "RecipeSource":
    """A recipe as it is written.

    Raises:
        UsageError: There is no such recipe.
    """
    from angle_bench.training.recipe.read_recipe import read_recipe_source

    shown = fix_said_as("angle-bench train ", "angle-bench recipes show ")
    with shown, fix_said_as(" -n", ""):
        return read_recipe_source(name)


def said_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a list says of a recipe."""
    sources = content["data"]["train"]
    names = content["model"]["name"]
    return {
        "description": content.get("description", ""),
        "models": names if isinstance(names, list) else [names],
        "data": [source.get("hub", source.get("path")) for source in sources],
    }
