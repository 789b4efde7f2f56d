"""Which template a row's texts get, where a recipe has several for a role. No torch."""

from dataclasses import dataclass

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.training.data.dataset import Example, draw
from angle_bench.training.recipe.data_sections import Prompts

# beside the numbers of columns, from which texts are drawn by the same hash
_NUMBERS = {"text": -1, "query": -2, "document": -3}


@dataclass(frozen=True)
class PromptDraw:
    """The templates of a training.

    Attributes:
        policy: Those that the candidate is to be used with.
        prompts: The recipe's, with more of them for a role; None has no more.
        seed: What is drawn from, with epoch and row.
    """

    policy: PromptPolicy
    prompts: Prompts | None = None
    seed: int = 0

    def own(self, place: int, labelled: bool) -> str:
        """The candidate's template of a row's text.

        Args:
            place: Of the text in the row.
            labelled: Whether the row is of format A.
        """
        role = None if labelled else "document" if place else "query"
        return self.policy.template_for(None, None, role)

    def drawn(self, example: Example, place: int) -> str:
        """The template that a row's text gets in an epoch; texts of one role get the same."""
        labelled = example.label is not None
        role = "text" if labelled else "document" if place else "query"
        own = self.own(place, labelled)
        more: tuple[str, ...] = getattr(self.prompts, f"more_{role}", ())
        if not more:
            return own
        every = (own, *more)
        number = draw(self.seed, example.epoch, example.row, _NUMBERS[role], len(every))
        return every[number]
