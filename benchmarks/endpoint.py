"""10,000 texts by an endpoint on 127.0.0.1, against the same model without HTTP before it."""

import json
import subprocess
import sys
import time
from uuid import uuid4

import angle_bench
from benchmarks import checkpoints
from benchmarks.command import MODEL, minilm
from benchmarks.core import ROOT, Context, Outcome, Target
from benchmarks.processes import environment, timed
from benchmarks.timing import interleave

TEXTS = 10_000
QUICK_TEXTS = 200
ALONE = """
import json, sys, time
from pathlib import Path
from tests.embeddings_server import of_checkpoint
embed, texts = of_checkpoint(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
embed(texts[:64])
start = time.perf_counter()
embed(texts)
print(time.perf_counter() - start)
"""


def run(context: Context) -> Outcome:
    """Time the texts alone: server and model are loaded, connections are not yet open.

    Client and server share the processor, and the server computes in one thread in both cases.
    """
    folder = str(minilm())
    count = QUICK_TEXTS if context.quick else TEXTS
    texts = checkpoints.texts(count, 3, 8)  # 22 tokens, about as many as a sentence of STS
    place = context.scratch / "texts.json"
    place.write_text(json.dumps(texts), encoding="utf-8")
    words = [sys.executable, "-m", "tests.embeddings_server", folder, "0"]
    server = subprocess.Popen(
        words, cwd=ROOT, env=environment(context.scratch), stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    url = server.stdout.readline().strip()

    def alone() -> float:
        command = [sys.executable, "-c", ALONE, folder, place]
        return float(timed(command, context.scratch)[1].splitlines()[-1])

    def served() -> float:
        with angle_bench.load(f"{uuid4().hex[:8]}=openai:tiny@{url}") as encoder:
            start = time.perf_counter()
            encoder.encode(texts)
            return time.perf_counter() - start

    try:
        timings = interleave({"the model alone": alone, "endpoint": served}, context.rounds)
    finally:
        server.kill()
        server.communicate()
    medians = Outcome(timings, []).medians
    share = medians["the model alone"] / medians["endpoint"]
    return Outcome(
        timings,
        [Target("speed of the endpoint, as a share of the server's own", ">=", 0.8, share)],
        {"texts/s": count / medians["endpoint"]},
        {"texts": count, "model": MODEL},
    )
