"""A worker process: load the model, then answer batches until the parent is gone."""

import json
import os
import queue
import sys
import threading
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.encoding.workers.contract import Batch, Failed
from angle_bench.errors import AngleBenchError
from angle_bench.models.spec import Settings

if TYPE_CHECKING:
    from angle_bench.encoding.forward import Forward


def main() -> None:
    """Serve one parent over the socket whose descriptor is the first argument."""
    descriptor, order = sys.argv[1:]
    if not os.environ.get("ANGLE_BENCH_VERBOSE"):
        warnings.filterwarnings("ignore")
    os.set_inheritable(int(descriptor), False)  # who holds this end open hides our death
    connection = Connection(int(descriptor))
    questions: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(connection, questions), daemon=True).start()
    try:
        forward = load_forward(**json.loads(order))
    except Exception as error:
        connection.send(failed(error))
        return
    connection.send(forward.loaded)
    while True:
        connection.send(answer(forward, questions.get()))


def listen(connection: Connection, questions: "queue.SimpleQueue[Any]") -> None:
    """Take questions as they come, so that the parent's sending never waits for ours.

    When the parent is gone, by whatever cause, this process ends at once, in mid-batch too.
    """
    while True:
        try:
            questions.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)


def answer(forward: "Forward", question: Any) -> Any:
    """Vectors for a batch, rates for a probe; an exception as text."""
    try:
        return forward(question) if isinstance(question, Batch) else forward.probe(question)
    except Exception as error:
        return failed(error)


def load_forward(
    folder: str, settings: dict[str, Any], device: str, layers: list[int | None], threads: int
) -> "Forward":
    """Load the model from its folder and settings."""
    import torch

    from angle_bench.encoding.forward import Forward
    from angle_bench.models.backbone import load_backbone, pick_device

    if threads:
        torch.set_num_threads(threads)
    used = Settings.model_validate(settings)
    return Forward(load_backbone(Path(folder), used, pick_device(device)), used, tuple(layers))


def failed(error: Exception) -> Failed:
    """An exception as text: it need not be one that can be pickled."""
    from angle_bench.encoding.forward import OutOfMemory

    what, fix = f"{type(error).__name__}: {error}", ""
    if isinstance(error, AngleBenchError):
        what, fix = error.what, error.fix
    return Failed(
        what=what,
        fix=fix,
        trace="".join(traceback.format_exception(error)),
        text=error.text if isinstance(error, OutOfMemory) else None,
    )
