"""Trains with `EvaluateCallback` in every process, as `in_processes` does without it.

FOLDER/cases.json names the cases, each with the arguments of the callback, None for none, and the
kind of the trainer. What each process has at the end goes into FOLDER/CASE-RANK.json.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from angle_bench import EvaluateCallback
from angle_bench.errors import AngleBenchError
from tests.training.test_callback import mlm_trainer, st_trainer


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    for name, asked in json.loads((folder / "cases.json").read_text()).items():
        callback = None
        if asked["callback"] is not None:
            callback = EvaluateCallback(results=folder / f"results-{name}", **asked["callback"])
        if asked["trainer"] == "transformers":
            trainer = mlm_trainer(folder, callback)
        else:
            trainer = st_trainer(folder, name, callback, max_steps=4, logging_steps=1)
        if callback is not None and asked.get("reports"):
            callback.logging_to(trainer)
        said: dict[str, Any] = {"error": None}
        try:
            trainer.train()
        except AngleBenchError as error:
            said["error"] = error.what
        digest = hashlib.sha256()
        for weight in trainer.model.parameters():
            digest.update(weight.detach().numpy().tobytes())
        said |= {
            "digest": digest.hexdigest(),
            "step": trainer.state.global_step,
            "log": trainer.state.log_history,
        }
        (folder / f"{name}-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
