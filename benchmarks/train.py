"""Seconds per training step: angle-bench, SentenceTransformerTrainer and angle-emb's fit."""

import json
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.command import minilm
from benchmarks.core import Context, Outcome, SkipBenchmark, Target
from benchmarks.environments import environment_of, installed_version
from benchmarks.machine import version
from benchmarks.processes import Server
from benchmarks.timing import Case, interleave

BATCH = 32
STEPS = 20
SEED = 0
QUICK_STEPS = 3


def run(context: Context) -> Outcome:
    """The same pairs of STS-B in batches of 32 with the angle objective, in turn."""
    steps = QUICK_STEPS if context.quick else STEPS
    rows = str(_rows(context, steps))
    notes: list[str] = []
    facts: dict[str, Any] = {"batch": BATCH, "steps": steps, "objective": "angle"}
    with ExitStack() as stack:
        servers = _servers(context, stack, notes, facts)
        cases = {name: _case(server, rows, steps) for name, server in servers.items()}
        timings = interleave(cases, context.rounds)
    medians = Outcome(timings, []).medians
    ours = medians.pop("angle-bench")
    ratios = {f"{name} / angle-bench": seconds / ours for name, seconds in medians.items()}
    targets = [
        Target(f"times faster than {name}", ">=", 1.8, seconds / ours, "x")
        for name, seconds in medians.items()
    ]
    return Outcome(timings, targets, ratios, facts, notes)


def _rows(context: Context, steps: int) -> Path:
    from angle_bench.evaluation.reader.select_files import read_rows

    rows = list(read_rows(context.data / "mteb/stsbenchmark-sts/train.parquet"))
    kept = [
        {"text1": row["sentence1"], "text2": row["sentence2"], "label": row["score"] / 5}
        for row in random.Random(SEED).sample(rows, BATCH * steps)  # by source they are alike
    ]
    place = context.scratch / "pairs.jsonl"
    place.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    return place


def _servers(
    context: Context, stack: ExitStack, notes: list[str], facts: dict[str, Any]
) -> dict[str, Server]:
    folder, scratch = str(minilm()), context.scratch

    def server(module: str, **more: Any) -> Server:
        return stack.enter_context(Server(module, folder, scratch=scratch, **more))

    servers = {
        "angle-bench": server("benchmarks.children.ours_train"),
        "sentence-transformers": server("benchmarks.peers.sentence_transformers_train"),
    }
    torch = (version("torch") or "").partition("+")[0]
    try:
        python = environment_of("angle-emb", "angle-emb", f"torch=={torch}")
    except SkipBenchmark as reason:
        notes.append(f"angle-emb left out: {reason}")
        return servers
    facts["angle_emb_version"] = installed_version(python, "angle-emb")
    servers["angle-emb"] = server("benchmarks.peers.angle_emb_train", python=python)
    return servers


def _case(server: Server, rows: str, steps: int) -> Case:
    return lambda: float(server.ask("train", rows=rows, steps=steps))
