"""What a command says in its record that it and the other jobs of its array compute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True)
class PlannedWork:
    """Models × tasks, before they are cut into parts.

    Attributes:
        models: The folder of each model below the results folder, by what tables call it.
        tasks: The names of those that each model is scored on.
        part: Which part of how many the command takes; 1 of 1 where it takes all.
        overwrite: Whether what is stored is computed again.
    """

    models: Mapping[str, str]
    tasks: Mapping[str, Sequence[str]]
    part: tuple[int, int] = (1, 1)
    overwrite: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for all jobs of an array, and for those that are submitted again."""
        tasks = [(label, *names) for label, names in self.tasks.items()]
        return (*self.models.items(), *tasks, self.overwrite)

    def to_dict(self) -> dict[str, Any]:
        """As a record holds it."""
        return {
            "models": dict(self.models),
            "tasks": {label: list(names) for label, names in self.tasks.items()},
            "part": list(self.part),
            "overwrite": self.overwrite,
        }

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "PlannedWork":
        """From a record.

        Raises:
            KeyError: A key is missing.
            TypeError: A value is of another kind.
            ValueError: It has a folder elsewhere, or a part that cannot be.
        """
        models = {str(label): str(folder) for label, folder in said["models"].items()}
        tasks = {label: list(map(str, said["tasks"][label])) for label in models}
        number, count = map(int, said["part"])
        for path in map(PurePosixPath, [*models.values(), *chain(*tasks.values())]):
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{path} is not below the results folder")
        if not 1 <= number <= count:
            raise ValueError(f"there is no part {number} of {count}")
        return cls(models, tasks, (number, count), bool(said["overwrite"]))
