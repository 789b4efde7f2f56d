"""Texts per second of `encode`: angle-bench, sentence-transformers and angle-emb."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import sts_data
from benchmarks.batch_search import best_batch
from benchmarks.command import MODEL, minilm
from benchmarks.core import Context, Outcome, SkipBenchmark
from benchmarks.environments import environment_of, installed_version
from benchmarks.machine import version
from benchmarks.processes import Server
from benchmarks.timing import Case, interleave

BATCHES = (8, 16, 32, 64, 128, 256)
QUICK_BATCHES = (32, 64)
TEXTS = 7500  # a random third of them: rates are per text, and five cases take turns
SEARCH_TEXTS = 2000
MAX_LENGTH = "256"


def run(context: Context) -> Outcome:
    """Load every encoder once, then encode in turn."""
    texts = sts_data.sentences(context)[:TEXTS]
    place = str(sts_data.written(texts, context.scratch))
    notes: list[str] = []
    facts: dict[str, Any] = {"texts": len(texts), "best_batch": {}}
    with ExitStack() as stack:
        servers = _servers(context, stack, notes, facts)
        cases: dict[str, Case] = {}
        for name, server in servers.items():
            server.ask("encode", texts=place, first=256)
            cases[name] = _case(server, texts=place)
            if name != "angle-bench":
                batches = QUICK_BATCHES if context.quick else BATCHES
                best = best_batch(server, batches, texts=place, first=SEARCH_TEXTS)
                facts["best_batch"][name] = best
                cases[f"{name}, batch {best}"] = _case(server, texts=place, batch=best)
        timings = interleave(cases, context.rounds)
        facts["largest_difference_of_vectors"] = _differences(context, servers, place)
    medians = Outcome(timings, []).medians
    ours = medians["angle-bench"]
    rates = {f"{name} texts/s": len(texts) / seconds for name, seconds in medians.items()}
    times = {f"{name} / angle-bench": s / ours for name, s in medians.items() if s != ours}
    return Outcome(timings, [], rates | times, facts, notes)


def _servers(
    context: Context, stack: ExitStack, notes: list[str], facts: dict[str, Any]
) -> dict[str, Server]:
    folder, scratch = minilm(), context.scratch
    servers = {
        "angle-bench": stack.enter_context(
            Server("benchmarks.children.ours", MODEL, '{"device": "cpu"}', scratch=scratch)
        ),
        "sentence-transformers": stack.enter_context(
            Server(
                *("benchmarks.peers.sentence_transformers_encode", folder, "cpu", "float32"),
                scratch=scratch,
            )
        ),
    }
    try:
        python = _angle_emb()
    except SkipBenchmark as reason:
        notes.append(f"angle-emb left out: {reason}")
        return servers
    facts["angle_emb_versions"] = {
        package: installed_version(python, package)
        for package in ("angle-emb", "torch", "transformers")
    }
    servers["angle-emb"] = stack.enter_context(
        Server(
            *("benchmarks.peers.angle_emb_encode", folder, "mean", MAX_LENGTH),
            scratch=scratch,
            python=python,
        )
    )
    return servers


def _angle_emb() -> Path:
    """angle-emb pins a transformers of its own; torch is the same as ours."""
    torch = (version("torch") or "").partition("+")[0]
    return environment_of("angle-emb", "angle-emb", f"torch=={torch}")


def _case(server: Server, **options: Any) -> Case:
    return lambda: float(server.ask("encode", **options)["seconds"])


def _differences(context: Context, servers: dict[str, Server], place: str) -> dict[str, float]:
    """The largest absolute difference of any number in a peer's vectors from ours."""
    saved = {}
    for name, server in servers.items():
        saved[name] = str(context.scratch / f"{name}.npy")
        server.ask("encode", texts=place, first=SEARCH_TEXTS, save=saved[name])
    ours = np.load(saved.pop("angle-bench"))
    return {name: float(np.abs(np.load(file) - ours).max()) for name, file in saved.items()}
