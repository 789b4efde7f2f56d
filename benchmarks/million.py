"""A million short texts through a tiny model: what the encoder adds to its parts."""

from typing import Any

from benchmarks import checkpoints
from benchmarks.core import Context, Outcome, Target
from benchmarks.memory import Sampler, proportional_set
from benchmarks.processes import Server
from benchmarks.sts_data import written
from benchmarks.timing import interleave, say

TEXTS = 1_000_000
QUICK_TEXTS = 20_000
SHORTEST, LONGEST = 3, 12
GIGABYTE = 1e9


def run(context: Context) -> Outcome:
    """Measure memory once by itself, then time the parts and the whole in turn."""
    texts = checkpoints.texts(QUICK_TEXTS if context.quick else TEXTS, SHORTEST, LONGEST)
    distinct = len(set(texts))
    place = str(written(texts, context.scratch))
    checkpoints.build_bert(context.scratch / "tiny", checkpoints.TINY)
    folder = str(context.scratch / "tiny" / "model")
    over, peak = _memory(context, folder, place)
    scratch = context.scratch
    with (
        Server("benchmarks.children.parts", folder, scratch=scratch) as parts,
        _ours(context, folder) as ours,
    ):
        parts.ask("read", texts=place)
        tokens = parts.ask("sort")
        ours.ask("read", texts=place)
        ours.ask("encode", texts=place, first=1024)
        timings = interleave(
            {
                "tokenise": lambda: float(parts.ask("tokenise")),
                "forward": lambda: float(parts.ask("forward")),
                "angle-bench": lambda: float(ours.ask("encode", texts=place)["seconds"]),
            },
            context.rounds,
        )
    medians = Outcome(timings, []).medians
    share = (medians["tokenise"] + medians["forward"]) / medians["angle-bench"]
    return Outcome(
        timings,
        [
            Target("speed, as a share of tokenising and forward in a row", ">=", 0.8, share),
            Target("peak memory over the vectors", "<=", 1, over / GIGABYTE, "GB"),
        ],
        {"share of the parts": share, "texts/s": len(texts) / medians["angle-bench"]},
        {
            "texts": len(texts),
            "distinct_texts": distinct,
            "tokens": tokens,
            "peak_bytes_over_loaded": peak,
            "peak_bytes_over_loaded_and_vectors": over,
        },
    )


def _ours(context: Context, folder: str) -> Server:
    return Server("benchmarks.children.ours", folder, '{"device": "cpu"}', scratch=context.scratch)


def _memory(context: Context, folder: str, place: str) -> tuple[int, int]:
    """Peak bytes over the loaded model and its texts, without and with the vectors."""
    with _ours(context, folder) as ours:
        ours.ask("read", texts=place)
        ours.ask("encode", texts=place, first=1024)  # starts the workers, which load the model
        loaded = proportional_set(ours.pid)
        with Sampler(ours.pid) as sampler:
            answer: dict[str, Any] = ours.ask("encode", texts=place)
    peak = sampler.peak - loaded
    say(f"memory: {peak / GIGABYTE:.2f} GB, of which vectors {answer['bytes'] / GIGABYTE:.2f} GB")
    return peak - answer["bytes"], peak
