"""The share of the measured float32 matrix peak that encoding reaches."""

from pathlib import Path
from statistics import mean, median

from benchmarks import sts_data
from benchmarks.command import MODEL, minilm
from benchmarks.core import Context, Outcome, Target
from benchmarks.matrix_peak import MatrixPeak
from benchmarks.processes import Server
from benchmarks.timing import say

GIGA = 1e9


def run(context: Context) -> Outcome:
    """Measure the peak, encode, measure the peak, encode, … and the peak once more."""
    parameters = matrix_parameters(minilm())
    texts = sts_data.sentences(context)
    place = str(sts_data.written(texts, context.scratch))
    peaks: list[float] = []
    seconds: list[float] = []
    tokens = 0
    scratch = context.scratch
    with (
        MatrixPeak("cpu", "float32", scratch, quick=context.quick) as machine,
        Server("benchmarks.children.ours", MODEL, '{"device": "cpu"}', scratch=scratch) as ours,
    ):
        ours.ask("encode", texts=place, first=256)
        peaks.append(machine.measure())
        for number in range(context.rounds):
            answer = ours.ask("encode", texts=place)
            seconds.append(answer["seconds"])
            tokens = answer["tokens"]
            peaks.append(machine.measure())
            say(f"round {number + 1}: {seconds[-1]:.2f} s, peak {peaks[-1] / GIGA:.0f} GFLOP/s")
    rates = [2 * parameters * tokens / taken for taken in seconds]
    around = [mean(peaks[place : place + 2]) for place in range(len(seconds))]
    share = median(rate / peak for rate, peak in zip(rates, around, strict=True))
    return Outcome(
        {"encode": seconds},
        [Target("share of the float32 matrix peak", ">=", 0.82, share)],
        {"share of the peak": share, "tokens/s": tokens / median(seconds)},
        {
            "matrix_parameters": parameters,
            "texts": len(texts),
            "tokens": tokens,
            "gflops_peak_before_and_after": [round(peak / GIGA, 1) for peak in peaks],
            "gflops_encoding": [round(rate / GIGA, 1) for rate in rates],
        },
    )


def matrix_parameters(folder: Path) -> int:
    """Parameters that every token is multiplied with: neither embeddings nor the unread pooler."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, local_files_only=True)
    outside = ("embeddings.", "pooler.")
    return sum(
        weight.numel() for name, weight in model.named_parameters() if not name.startswith(outside)
    )
