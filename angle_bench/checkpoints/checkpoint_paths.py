"""Place: where a checkpoint is on this machine. Values only, no torch."""

from dataclasses import dataclass
from pathlib import Path

from angle_bench.checkpoints.spec import NO_TRUST, Trust


@dataclass(frozen=True)
class CheckpointPaths:
    """Where a checkpoint is here.

    Attributes:
        folder: The checkpoint, or the adapter.
        base: The base of an adapter; None for a whole checkpoint.
        trust: What of it may run code.
    """

    folder: Path
    base: Path | None = None
    trust: Trust = NO_TRUST

    @property
    def whole(self) -> Path:
        """The folder of the transformer."""
        return self.base or self.folder
