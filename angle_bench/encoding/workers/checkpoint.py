"""Checkpoint: what a worker has to know in order to load a model. Values only, no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.models.spec import Settings

BYTES_OF_A_WEIGHT = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, as a process or a node that may lack it needs to know it.

    Attributes:
        folder: Where it is here, and perhaps on another node too.
        name: Its hub id, or `local/<folder>`.
        revision: Its commit on the hub, if it comes from there.
        content: The hash of the files that change a vector (`models.content`).
        settings: What is used of it.
        parameters: How many it has.
        layers: The layers to pool, instead of the one of the settings.
    """

    folder: Path
    name: str
    revision: str
    content: str
    settings: Settings
    parameters: int
    layers: tuple[int | None, ...] = ()

    @property
    def bytes(self) -> int:
        """What its weights take as they are computed with."""
        return self.parameters * BYTES_OF_A_WEIGHT[self.settings.dtype]

    def order(self, device: str, threads: int) -> dict[str, Any]:
        """What a worker is told, as plain values."""
        return {
            "folder": str(self.folder),
            "settings": self.settings.model_dump(mode="json"),
            "layers": list(self.layers),
            "device": device,
            "threads": threads,
        }
