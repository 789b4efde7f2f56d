"""Engines of the forward pass, one core each: how fast, and how far from torch's vectors."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import checkpoints, sts_data
from benchmarks.command import minilm
from benchmarks.core import Context, Outcome
from benchmarks.environments import environment_of, installed_version
from benchmarks.machine import version
from benchmarks.processes import ChildFailed, Server
from benchmarks.timing import Case, interleave

NAMES = (
    *("torch", "torch compiled", "onnxruntime", "onnxruntime int8"),
    *("openvino", "openvino bf16", "openvino int8"),
)
PACKAGES = ("onnx", "onnxruntime", "openvino", "nncf")
TEXTS = {"all-MiniLM-L6-v2": 4096, "BERT-base": 512}
ROWS = 64  # of like length


def run(context: Context) -> Outcome:
    """Each shape in every engine, in turn."""
    python = environment_of(
        "engines", *PACKAGES, *(f"{name}=={_ours(name)}" for name in ("torch", "transformers"))
    )
    checkpoints.build_bert(context.scratch / "base", checkpoints.BASE)
    folders = {"all-MiniLM-L6-v2": minilm(), "BERT-base": context.scratch / "base" / "model"}
    texts = sts_data.sentences(context)
    timings: dict[str, list[float]] = {}
    facts: dict[str, Any] = {
        "versions": {name: installed_version(python, name) for name in (*PACKAGES, "torch")},
        "largest_difference_of_vectors": {},
    }
    notes: list[str] = []
    for shape, folder in folders.items():
        count = TEXTS[shape] // (8 if context.quick else 1)
        batches = _batches(folder, texts[:count], context.scratch / f"{shape}.npz")
        with ExitStack() as stack:
            servers = _servers(stack, python, folder, context.scratch)
            cases, vectors = _warm(servers, batches, shape, context.scratch, notes)
            timings |= interleave(cases, context.rounds)
        facts["largest_difference_of_vectors"] |= {
            name: float(np.abs(found - vectors[f"{shape}, torch"]).max())
            for name, found in vectors.items()
        }
    medians = Outcome(timings, []).medians
    ratios = {
        f"torch / {name}": medians[f"{name.split(', ')[0]}, torch"] / seconds
        for name, seconds in medians.items()
        if not name.endswith(", torch")
    }
    return Outcome(timings, [], ratios, facts, notes)


def _ours(package: str) -> str:
    return (version(package) or "").partition("+")[0]


def _servers(stack: ExitStack, python: Path, folder: Path, scratch: Path) -> dict[str, Server]:
    one = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return {
        name: stack.enter_context(
            Server(
                *("benchmarks.peers.engine_forward", folder, name),
                scratch=scratch,
                python=python,
                variables=one,
            )
        )
        for name in NAMES
    }


def _warm(
    servers: dict[str, Server], batches: str, shape: str, scratch: Path, notes: list[str]
) -> tuple[dict[str, Case], dict[str, np.ndarray]]:
    """One pass of each engine, which compiles what it compiles; one that cannot is noted."""
    cases: dict[str, Case] = {}
    vectors = {}
    for name, server in servers.items():
        saved = scratch / "vectors.npy"
        try:
            server.ask("load")
            server.ask("forward", batches=batches, save=str(saved))
        except ChildFailed as reason:
            notes.append(f"{shape}, {name} left out: {str(reason).splitlines()[-1]}")
            continue
        vectors[f"{shape}, {name}"] = np.load(saved)
        cases[f"{shape}, {name}"] = _case(server, batches)
    return cases, vectors


def _case(server: Server, batches: str) -> Case:
    return lambda: float(server.ask("forward", batches=batches))


def _batches(folder: Path, texts: list[str], place: Path) -> str:
    """A file with padded batches of tokens, 0 where there is none."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    rows = sorted(tokenizer(texts, truncation=True, max_length=256)["input_ids"], key=len)
    batches = []
    for start in range(0, len(rows), ROWS):
        these = rows[start : start + ROWS]
        padded = np.zeros((len(these), len(these[-1])), dtype=np.int64)
        for number, ids in enumerate(these):
            padded[number, : len(ids)] = ids
        batches.append(padded)
    np.savez(place, *batches)
    return str(place)
