"""angle-bench's training: `… ours_train MODEL`."""

import sys
import tempfile
from pathlib import Path

from angle_bench.training.loop.fine_tune import fine_tune
from angle_bench.training.loop.training_events import TrainingProgress
from angle_bench.training.loop.training_request import TrainingRequest
from angle_bench.training.recipe.recipe import Recipe
from benchmarks.serving import serve
from benchmarks.step_times import StepTimes


class Timed(TrainingProgress):
    """Takes the end of every step."""

    def __init__(self) -> None:
        self.times = StepTimes()

    def step(self, _done: int) -> None:
        self.times.tick()


def main() -> None:
    """Answer `train`: the median seconds of a step."""
    model = sys.argv[1]

    def train(rows: str, steps: int) -> float:
        recipe = Recipe.model_validate(
            {
                "model": {"name": model, "pooling": "mean", "max_length": 128},
                "data": {"train": [{"path": rows}], "shuffle": False},
                "loss": {"ibn_w": 0.0, "angle_w": 1.0},
                "train": {"batch_size": 32, "max_steps": steps, "learning_rate": 2e-5},
                "select": {"suite": ""},
            }
        )
        watch = Timed()
        with tempfile.TemporaryDirectory() as folder:
            fine_tune(recipe, TrainingRequest(Path(folder) / "out", device="cpu"), watch)
        return watch.times.median()

    serve({"train": train})


if __name__ == "__main__":
    main()
