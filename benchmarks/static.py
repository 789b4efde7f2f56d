"""A million texts through a static model, beside model2vec's own `encode`."""

import random
from pathlib import Path

import numpy as np

from benchmarks import sts_data
from benchmarks.command import minilm
from benchmarks.core import Context, Outcome, Target
from benchmarks.processes import Server
from benchmarks.timing import interleave

TEXTS = 1_000_000
QUICK_TEXTS = 20_000
SHORTEST, LONGEST = 4, 12  # words
DIMENSION = 256


def run(context: Context) -> Outcome:
    """Load both once, then encode in turn."""
    texts = _texts(context, QUICK_TEXTS if context.quick else TEXTS)
    place = str(sts_data.written(texts, context.scratch))
    folder = build_static(context.scratch / "static")
    scratch = context.scratch
    with (
        Server("benchmarks.children.ours", folder, "{}", scratch=scratch) as ours,
        Server("benchmarks.peers.model2vec_encode", folder, scratch=scratch) as theirs,
    ):
        servers = {"angle-bench": ours, "model2vec": theirs}
        for name, server in servers.items():
            server.ask("encode", texts=place, first=1024, save=str(scratch / f"{name}.npy"))
        timings = interleave(
            {
                name: lambda server=server: float(server.ask("encode", texts=place)["seconds"])
                for name, server in servers.items()
            },
            context.rounds,
        )
    apart = np.abs(np.load(scratch / "angle-bench.npy") - np.load(scratch / "model2vec.npy")).max()
    medians = Outcome(timings, []).medians
    share = medians["model2vec"] / medians["angle-bench"]
    return Outcome(
        timings,
        [Target("speed, as a share of model2vec's own", ">=", 0.9, share)],
        {"texts/s": len(texts) / medians["angle-bench"]},
        {"texts": len(texts), "largest_difference_of_vectors": float(apart)},
    )


def build_static(folder: Path) -> Path:
    """Random vectors of the tokens of all-MiniLM-L6-v2, written by model2vec."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm() / "tokenizer.json"))
    vectors = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), DIMENSION))
    StaticModel(vectors.astype(np.float32), tokenizer, config={}).save_pretrained(folder)
    return folder


def _texts(context: Context, count: int) -> list[str]:
    """Distinct rows of words of the STS tasks, as often as they occur there."""
    known = " ".join(sts_data.sentences(context)).split()
    draw = random.Random(3)
    made: dict[str, None] = {}
    while len(made) < count:
        made[" ".join(draw.choices(known, k=draw.randint(SHORTEST, LONGEST)))] = None
    return list(made)
