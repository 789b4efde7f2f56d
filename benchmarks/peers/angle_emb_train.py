"""angle-emb's `fit`: `… angle_emb_train MODEL`.

It hands no callbacks on, so that the clock is one of transformers' own default callbacks.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import transformers.trainer
from angle_emb import AnglE  # type: ignore[import-not-found]
from datasets import Dataset
from transformers import TrainerCallback

from benchmarks.serving import serve
from benchmarks.step_times import StepTimes

TIMES: list[StepTimes] = []


class Timed(TrainerCallback):
    """Takes the end of every step."""

    def __init__(self) -> None:
        TIMES.append(StepTimes())

    def on_step_end(self, *_: Any, **__: Any) -> None:
        TIMES[-1].tick()


def main() -> None:
    """Answer `train`: the median seconds of a step."""
    transformers.trainer.DEFAULT_CALLBACKS.append(Timed)
    folder = sys.argv[1]

    def train(rows: str, steps: int) -> float:
        found = [json.loads(line) for line in Path(rows).read_text().splitlines()]
        angle = AnglE.from_pretrained(folder, pooling_strategy="mean", max_length=128)
        with tempfile.TemporaryDirectory() as output:
            angle.fit(
                Dataset.from_list(found),
                batch_size=32,
                output_dir=output,
                learning_rate=2e-5,
                warmup_steps=0,
                save_strategy="no",
                filter_duplicate=False,
                loss_kwargs={"cosine_w": 0.0, "ibn_w": 0.0, "angle_w": 1.0},
                argument_kwargs={"max_steps": steps, "report_to": "none", "disable_tqdm": True},
            )
        return TIMES[-1].median()

    serve({"train": train})


if __name__ == "__main__":
    main()
