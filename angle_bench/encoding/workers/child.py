"""A worker process: load the model, then answer batches until the parent is gone."""

import json
import os
import queue
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench import timeline
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.spec import Output, Settings, Trust
from angle_bench.encoding.machine import prepare_for_little_memory
from angle_bench.encoding.portable_tokenizer import portable
from angle_bench.encoding.workers.contract import (
    Batch,
    Failed,
    OutOfMemory,
    Switch,
    TokenizerWanted,
)
from angle_bench.encoding.workers.forking import (
    ParentWatch,
    WorkerEnds,
    fork_each,
    one_thread,
    reap,
    start_each,
)
from angle_bench.errors import MEMORY_FIX, AngleBenchError, no_memory
from angle_bench.quick_imports import quick_imports

if TYPE_CHECKING:
    from angle_bench.encoding.workers.forward import Forward


def main() -> None:
    """Serve one parent over the socket whose descriptor is the first argument; or several workers.

    The second argument is what is loaded, as JSON. With a third and a fourth one, the first are
    descriptors of several workers' sockets, these those of their logs, and the socket over which
    the parent is told how they end.
    """
    timeline.join()
    lines, order, *more = (json.loads(word) for word in sys.argv[1:])
    if not os.environ.get("ANGLE_BENCH_VERBOSE"):
        warnings.filterwarnings("ignore")
    for line in lines:
        os.set_inheritable(line, False)  # who holds this end open hides our death
    if not more:
        serve(lines[0], lambda: load_forward(**order))
        return
    logs, control = more
    for log in (*logs, control):
        os.set_inheritable(log, False)
    load_and_fork(order, WorkerEnds(tuple(lines), tuple(logs), Connection(control)))


def load_and_fork(order: dict[str, Any], ends: WorkerEnds) -> None:
    """Load the model once, for several workers."""
    watch = ParentWatch(ends.control)
    try:
        forward = load_forward(**order | {"threads": 1})
    except Exception as error:
        for line in ends.lines:
            Connection(line).send(failed(error))
        return
    watch.stop()
    if one_thread():
        started = fork_each(ends, partial(serve_forked, forward, order["threads"]))
    else:  # of a library, which no fork takes along
        del forward
        started = start_each(ends, sys.orig_argv[: 1 - len(sys.argv)], json.dumps(order))
    reap(started, ends)


def serve_forked(forward: "Forward", threads: int, line: int) -> None:
    """What a process does that was forked from the one that loaded the model."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    serve(line, lambda: forward)


def serve(descriptor: int, load: Callable[[], "Forward"]) -> None:
    """Load the model, then answer batches until the parent is gone."""
    connection = Connection(descriptor)
    questions: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(connection, questions), daemon=True).start()
    try:
        forward = load()
    except Exception as error:
        connection.send(failed(error))
        return
    connection.send(replace(forward.loaded, pid=os.getpid()))
    while True:
        question = questions.get()
        if isinstance(question, Switch):
            try:
                forward = switched(forward, question)
            except Exception as error:
                connection.send(failed(error))
                return
            connection.send(replace(forward.loaded, pid=os.getpid()))
        else:
            connection.send(answer(forward, question))


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
    """Vectors for a batch, rates for a probe, the tokenizer; an exception as text."""
    try:
        if isinstance(question, TokenizerWanted):
            return portable(forward.backbone.tokenizer)
        if isinstance(question, Batch):
            with timeline.span("forward", texts=len(question.lengths), tokens=len(question.ids)):
                return forward(question)
        with timeline.span("measure"):
            return forward.probe(question)
    except Exception as error:
        return failed(error)


def load_forward(
    folder: str,
    base: str | None,
    trust: dict[str, bool],
    settings: dict[str, Any],
    device: str,
    outputs: list[tuple[int | None, str | int]],
    threads: int,
) -> "Forward":
    """Load the model from its folder and settings."""
    prepare_for_little_memory()
    with quick_imports():
        import torch

        from angle_bench.checkpoints.loading.backbone import load_backbone
        from angle_bench.checkpoints.loading.devices import pick_device
        from angle_bench.encoding.workers.forward import Forward

    if threads:
        torch.set_num_threads(threads)
    used = Settings.model_validate(settings)
    place = CheckpointPaths(Path(folder), None if base is None else Path(base), Trust(**trust))
    wanted = tuple(Output(*output) for output in outputs)  # type: ignore[arg-type]
    with quick_imports(), timeline.span("load the model"):  # transformers imports its model now
        return Forward(load_backbone(place, used, pick_device(device)), used, wanted)


def switched(forward: "Forward", question: Switch) -> "Forward":
    """Another adapter on the base that is loaded; on a new one, where the last has changed it."""
    from angle_bench.checkpoints.loading.backbone import load_backbone
    from angle_bench.encoding.workers.forward import Forward

    order = question.order
    used = Settings.model_validate(order["settings"])
    place = CheckpointPaths(Path(order["folder"]), Path(order["base"]), Trust(**order["trust"]))
    backbone = forward.backbone
    assert backbone.adapted is not None
    if not backbone.adapted.detach():
        return load_forward(**order)
    wanted = tuple(Output(*output) for output in order["outputs"])
    loaded = load_backbone(place, used, backbone.device, base=backbone.model)
    return Forward(loaded, used, wanted)


def failed(error: Exception) -> Failed:
    """An exception as text: it need not be one that can be pickled."""
    what, fix = f"{type(error).__name__}: {error}", ""
    if isinstance(error, AngleBenchError):
        what, fix = error.what, error.fix
    elif no_memory(error) and not isinstance(error, OutOfMemory):
        what, fix = "memory ran out.", MEMORY_FIX
    return Failed(
        what=what,
        fix=fix,
        trace="".join(traceback.format_exception(error)),
        text=error.text if isinstance(error, OutOfMemory) else None,
    )
