"""The batch size at which a peer is fastest, so that it is compared at its best."""

from collections.abc import Sequence
from typing import Any

from benchmarks.processes import Server
from benchmarks.timing import say


def best_batch(server: Server, batches: Sequence[int], **options: Any) -> int:
    """The fastest of these batch sizes, each tried twice."""
    seconds = {
        batch: min(server.ask("encode", batch=batch, **options)["seconds"] for _ in range(2))
        for batch in batches
    }
    best = min(seconds, key=seconds.__getitem__)
    say("by batch size: " + ", ".join(f"{batch}: {s:.2f} s" for batch, s in seconds.items()))
    return best
