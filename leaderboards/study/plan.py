"""What the study runs: recipes, seeds, tasks, and where everything lies."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BASE = "all-MiniLM-L6-v2"
SEEDS = (1, 2, 3)
TRIPLETS = Path("data/snli-triplets.jsonl")
CHECKPOINTS = Path("checkpoints/study")
WORK = Path("checkpoints/study/results")  # with the texts of the data, which are not passed on
RESULTS = Path("results/study")

# STS15 is not in the data of the study; SICK-R and SICKRelatedness share SICK's test part, so one
# mean has the former and the other the latter
STS = ("STS12", "STS13", "STS14", "STS16", "STSBenchmark", "SICK-R")
STS_SENTEVAL = ("STS12", "STS13", "STS14", "STS16", "STSBenchmark", "SICKRelatedness")
TRANSFER = ("MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC")
DEV_TASK = "STSB-dev"
GRID_TASK = "STSBenchmark"
LAYERS = (1, 2, 3, 4, 5, 6)
SIZES = (32, 64, 128, 384)


@dataclass(frozen=True)
class Trained:
    """A recipe of tasks/recipes/study.

    Attributes:
        name: Of its file.
        shown: What tables call it.
        data: What it is trained on.
    """

    name: str
    shown: str
    data: str

    def checkpoint(self, seed: int) -> Path:
        """Where a seed is trained to."""
        return CHECKPOINTS / f"{self.name}-seed{seed}"

    def model(self, seed: int) -> str:
        """The name under which its scores are stored."""
        return f"local/{self.name}-seed{seed}"


RECIPES = (
    Trained("sts-cosine", "cosine", "STS-B"),
    Trained("sts-angle", "angle", "STS-B"),
    Trained("sts-ibn", "ibn", "STS-B"),
    Trained("sts-cosine-angle", "cosine + angle", "STS-B"),
    Trained("sts-all", "cosine + ibn + angle", "STS-B"),
    Trained("sts-self-distilled", "cosine + angle, distilled from itself", "STS-B"),
    Trained("sts-espresso", "cosine + angle, Espresso", "STS-B"),
    Trained("snli", "ibn + cln", "SNLI"),
    Trained("snli-angle", "ibn + cln + angle", "SNLI"),
)
GRID_RECIPES = ("sts-cosine-angle", "sts-espresso")
# each asks what the second has that the first has not
STEPS = (
    ("sts-angle", "sts-cosine", "cosine instead of angle"),
    ("sts-cosine", "sts-cosine-angle", "angle beside cosine"),
    ("sts-cosine-angle", "sts-all", "ibn beside cosine and angle"),
    ("sts-cosine-angle", "sts-self-distilled", "self-distillation"),
    ("sts-cosine-angle", "sts-espresso", "Espresso (one epoch at 5e-5)"),
    ("snli", "snli-angle", "angle beside ibn and cln (SNLI)"),
)


def recipe(name: str) -> Trained:
    """The recipe of a name."""
    return next(each for each in RECIPES if each.name == name)


def training_of(folder: Path) -> dict[str, Any]:
    """What a training says of itself (`training.json`)."""
    found: dict[str, Any] = json.loads((folder / "training.json").read_text("utf-8"))
    return found
