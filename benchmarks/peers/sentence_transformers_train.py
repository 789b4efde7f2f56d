"""SentenceTransformerTrainer with its AnglELoss: `… sentence_transformers_train MODEL`."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.losses import AnglELoss
from torch.utils.data import SequentialSampler
from transformers import TrainerCallback

from benchmarks.serving import serve
from benchmarks.step_times import StepTimes


class Timed(TrainerCallback):
    """Takes the end of every step."""

    def __init__(self) -> None:
        self.times = StepTimes()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.times.tick()


def main() -> None:
    """Answer `train`: the median seconds of a step."""
    folder = sys.argv[1]

    def train(rows: str, steps: int) -> float:
        model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": "float32"})
        model.max_seq_length = 128
        found = [json.loads(line) for line in Path(rows).read_text().splitlines()]
        timed = Timed()
        with tempfile.TemporaryDirectory() as output:
            args = SentenceTransformerTrainingArguments(
                output_dir=output,
                per_device_train_batch_size=32,
                max_steps=steps,
                learning_rate=2e-5,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
                batch_sampler=lambda dataset, batch_size, **_: _Batches(len(dataset), batch_size),
            )
            trainer = SentenceTransformerTrainer(
                model=model,
                args=args,
                train_dataset=Dataset.from_list(found).rename_column("label", "score"),
                loss=AnglELoss(model),
                callbacks=[timed],
            )
            trainer.train()
        return timed.times.median()

    serve({"train": train})


class _Batches:
    """The rows as they stand, by the batch."""

    def __init__(self, rows: int, size: int) -> None:
        self._rows, self._size = rows, size
        self.sampler = SequentialSampler(range(rows))

    def __len__(self) -> int:
        return self._rows // self._size

    def __iter__(self) -> Any:
        for start in range(0, self._rows, self._size):
            yield list(range(start, min(start + self._size, self._rows)))


if __name__ == "__main__":
    main()
