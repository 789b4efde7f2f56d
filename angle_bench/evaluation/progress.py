"""What a run tells whoever watches it."""

from collections.abc import Sequence

from angle_bench.checkpoints.spec import ModelSpec


class Progress:
    """The events of a run, in the order they happen. Every method returns at once.

    Here nobody watches: watchers override what they show.
    """

    def loading(self, spec: ModelSpec) -> None:
        """A checkpoint is about to be fetched and loaded."""

    def model(self, header: str, tasks: int, texts: int) -> None:
        """A checkpoint is loaded; so many tasks and texts (0 if unknown) are to be done."""

    def note(self, line: str) -> None:
        """Something good to know: which tasks use a prompt, what would be faster."""

    def encoding(self, unique: int, texts: int) -> None:
        """The texts of several tasks are computed before the first: so many distinct ones."""

    def task(self, name: str, number: int, texts: int) -> None:
        """Task number `number` of the model starts; so many texts are expected of it."""

    def texts(self, count: int) -> None:
        """That many more texts are encoded."""

    def scored(self, name: str, scores: Sequence[float], seconds: float) -> None:
        """A task is scored and stored, by every variant of the model; scores are fractions."""

    def failed(self, name: str, what: str, fix: str) -> None:
        """A task failed; the others go on."""

    def waiting(self, what: str) -> None:
        """Nothing is left but what another process is computing."""

    def warning(self, text: str) -> None:
        """Something that the user should know."""

    def tracked(self, line: str) -> None:
        """A tracker has taken the scores; where they are."""

    def close(self) -> None:
        """Nothing more will come."""
