"""bfloat16 on a GPU: a random model in the shape of BERT-large against sentence-transformers."""

from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks import checkpoints
from benchmarks.batch_search import best_batch
from benchmarks.core import Context, Outcome, SkipBenchmark, Target
from benchmarks.matrix_peak import MatrixPeak
from benchmarks.peak import matrix_parameters
from benchmarks.processes import Server
from benchmarks.sts_data import written
from benchmarks.timing import interleave

DTYPE = "bfloat16"
BATCHES = (32, 64, 128, 256, 512, 1024)
TEXTS, QUICK_TEXTS = 40_000, 4_000
SEARCH_TEXTS = 10_000
SHORTEST, LONGEST = 4, 90


def run(context: Context) -> Outcome:
    """Run on the first GPU.

    Raises:
        SkipBenchmark: There is none.
    """
    import torch

    if not torch.cuda.is_available():
        raise SkipBenchmark("there is no CUDA device")
    return on_device(context, "cuda:0", checkpoints.LARGE)


def on_device(context: Context, device: str, shape: dict[str, int]) -> Outcome:
    """Time both encoders on a device, and compare one worker's vectors with two workers'."""
    texts = checkpoints.texts(QUICK_TEXTS if context.quick else TEXTS, SHORTEST, LONGEST)
    place = str(written(texts, context.scratch))
    checkpoints.build_bert(context.scratch / "large", shape, DTYPE)
    folder = context.scratch / "large" / "model"
    parameters = matrix_parameters(folder)
    with MatrixPeak(device, DTYPE, context.scratch, quick=context.quick) as machine:
        before = machine.measure()
        timings, tokens, best = _timings(context, folder, device, place)
        peak = mean([before, machine.measure()])
    medians = Outcome(timings, []).medians
    ours = medians["angle-bench"]
    default, at_best = (medians[name] / ours for name in list(timings)[1:])
    rates = {f"{name} tokens/s": tokens / seconds for name, seconds in medians.items()}
    shares = {
        f"{name} share of the peak": 2 * parameters * rate / peak
        for name, rate in zip(medians, rates.values(), strict=True)
    }
    difference = _two_workers(context, folder, device, place)
    return Outcome(
        timings,
        [
            Target("times faster than sentence-transformers, default", ">=", 2, default, "x"),
            Target("times faster than sentence-transformers, best batch", ">=", 1.3, at_best, "x"),
            Target("largest difference between one worker and two", "<=", 0, difference),
        ],
        rates | shares,
        {
            "texts": len(texts),
            "tokens": tokens,
            "shape": shape,
            "matrix_parameters": parameters,
            "tflops_peak": round(peak / 1e12, 1),
            "best_batch": best,
        },
    )


def _timings(
    context: Context, folder: Path, device: str, place: str
) -> tuple[dict[str, list[float]], int, int]:
    """Seconds by case, tokens of one round, and the peer's best batch size."""
    scratch = context.scratch
    with (
        _ours(context, folder, device) as ours,
        Server(
            *("benchmarks.peers.sentence_transformers_encode", folder, device, DTYPE),
            scratch=scratch,
            gpu=True,
        ) as theirs,
    ):
        warm: dict[str, Any] = {"texts": place, "first": 2000}
        ours.ask("encode", **warm)
        theirs.ask("encode", **warm)
        best = best_batch(theirs, BATCHES, texts=place, first=SEARCH_TEXTS)
        tokens = int(ours.ask("encode", texts=place)["tokens"])
        timings = interleave(
            {
                "angle-bench": lambda: float(ours.ask("encode", texts=place)["seconds"]),
                "sentence-transformers": lambda: float(
                    theirs.ask("encode", texts=place)["seconds"]
                ),
                f"sentence-transformers, batch {best}": lambda: float(
                    theirs.ask("encode", texts=place, batch=best)["seconds"]
                ),
            },
            context.rounds,
        )
    return timings, tokens, best


def _two_workers(context: Context, folder: Path, device: str, place: str) -> float:
    """The largest absolute difference of any number between one worker's and two's vectors."""
    saved: list[str] = []
    for devices in (device, f"{device},{device}"):
        saved.append(str(context.scratch / f"{len(saved)}.npy"))
        with _ours(context, folder, devices) as ours:
            ours.ask("encode", texts=place, first=SEARCH_TEXTS, save=saved[-1])
    one, two = map(np.load, saved)
    return float(np.abs(one - two).max())


def _ours(context: Context, folder: Path, devices: str) -> Server:
    options = f'{{"device": "{devices}", "dtype": "{DTYPE}"}}'
    scratch = context.scratch
    return Server("benchmarks.children.ours", folder, options, scratch=scratch, gpu=True)
