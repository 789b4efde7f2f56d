"""Checkpoint: what a worker has to know in order to load a model. Values only, no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.spec import NO_TRUST, Output, Settings, Trust

BYTES_OF_A_WEIGHT = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "8bit": 1.0, "4bit": 0.5}


# the settings that the base of an adapter is loaded with
OF_THE_BASE = {"dtype", "attention", "compile", "quantization", "bidirectional_start"}
# the settings that say what a text is before it becomes token ids, or what becomes of its vector
OF_THE_TEXT = {"prompts", "max_length", "lowercase", "prepare_sentence", "include_prompt"}
OF_THE_VECTOR = {"precision"}


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
        base: Where the base of an adapter is.
        base_name: The hub id of the base, if it has one.
        base_content: The hash of the base's files.
        trust: What of it may run code.
        outputs: The layers and poolings to give, instead of those of the settings.
    """

    folder: Path
    name: str
    revision: str
    content: str
    settings: Settings
    parameters: int
    outputs: tuple[Output, ...] = ()
    base: Path | None = None
    base_name: str | None = None
    base_content: str | None = None
    trust: Trust = NO_TRUST

    @property
    def bytes(self) -> int:
        """What its weights take as they are computed with."""
        size = BYTES_OF_A_WEIGHT[self.settings.quantization or self.settings.dtype]
        return int(self.parameters * size)

    def same_vectors(self, other: "Checkpoint") -> bool:
        """Whether workers that have the other one loaded compute this one as it is.

        Prompts, preparation and length are the parent's; a length beyond the other's was not
        checked against the model's positions.
        """
        mine, its = (each.order("", 0) for each in (self, other))
        for order in (mine, its):
            elsewhere = OF_THE_TEXT | OF_THE_VECTOR
            order["settings"] = {k: v for k, v in order["settings"].items() if k not in elsewhere}
        shorter = self.settings.max_length <= other.settings.max_length
        return shorter and self.content == other.content and mine == its

    def shares_base(self, other: "Checkpoint") -> bool:
        """Whether both are adapters that one copy of their base serves, one after the other."""
        alike = ("base", "base_content", "trust")
        same = all(getattr(self, name) == getattr(other, name) for name in alike)
        settings = (self.settings, other.settings)
        mine, its = (one.model_dump(include=OF_THE_BASE) for one in settings)
        swappable = not any(one.merge_adapter or one.compile for one in settings)
        return self.base is not None and same and mine == its and swappable

    def order(self, device: str, threads: int) -> dict[str, Any]:
        """What a worker is told, as plain values."""
        return {
            "folder": str(self.folder),
            "base": None if self.base is None else str(self.base),
            "trust": self.trust.model_dump(mode="json"),
            "settings": self.settings.model_dump(mode="json"),
            "outputs": [list(output) for output in self.outputs],
            "device": device,
            "threads": threads,
        }
