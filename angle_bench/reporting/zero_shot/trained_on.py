"""What a model was trained on of a suite, as values: two kinds of facts that stay apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# what stands where nothing is known of one kind
NOT_DECLARED, NOT_RECORDED = "not declared", "not recorded"


@dataclass(frozen=True)
class TaskTraining:
    """What is known of one model and one task.

    Attributes:
        declared: By name: whether the task is among what the model's makers declare in mteb. None
            where nothing is declared, or where the task is none of mteb's.
        seen: By text: the share of the task's items whose texts its training had. None where the
            texts of the training or of the items are not recorded.
    """

    declared: bool | None = None
    seen: float | None = None


@dataclass(frozen=True)
class TrainedOn:
    """What is known of one model.

    Attributes:
        tasks: By the name of each task of the suite.
        bases: The models whose declarations these are, where the model is their descendant and has
            none of its own.
    """

    tasks: Mapping[str, TaskTraining] = field(default_factory=dict)
    bases: tuple[str, ...] = ()

    @property
    def declared(self) -> list[str]:
        """The tasks that it was trained on, as declared."""
        return [name for name, each in self.tasks.items() if each.declared]

    @property
    def percent(self) -> int | None:
        """How many of mteb's tasks it was not trained on, as declared; rounded as mteb does.

        None where nothing is declared, which is not 100.
        """
        told = [each.declared for each in self.tasks.values() if each.declared is not None]
        return int(100 - 100 * (sum(told) / len(told))) if told else None

    @property
    def measured(self) -> dict[str, float]:
        """The share of items seen of each task of which it is known."""
        return {name: each.seen for name, each in self.tasks.items() if each.seen is not None}

    @property
    def seen(self) -> float | None:
        """The mean of these shares, None where there is none."""
        shares = list(self.measured.values())
        return sum(shares) / len(shares) if shares else None

    @property
    def known(self) -> bool:
        """Whether anything is known, of either kind."""
        return self.percent is not None or bool(self.measured)


NOTHING_KNOWN = TrainedOn()


def share_text(fraction: float) -> str:
    """A share in whole per cents; one that is not nothing does not look like it.

    >>> share_text(0.326), share_text(0.0), share_text(0.0004), share_text(0.9996), share_text(1.0)
    ('33 %', '0 %', '<1 %', '>99 %', '100 %')
    """
    rounded = round(100 * fraction)
    if fraction > 0 and rounded == 0:
        return "<1 %"
    return ">99 %" if fraction < 1 and rounded == 100 else f"{rounded} %"
