"""TensorBoard: an event file for each model, without torch or tensorflow."""

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from angle_bench.evaluation.tracking.model_report import ModelReport, TrackedTable

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

FOLDER = ".tensorboard"


class TensorboardTracker:
    """Event files in TENSORBOARD_LOGGING_DIR; by default in `.tensorboard` of the results."""

    def __init__(self, results: Path) -> None:
        self._root = Path(os.environ.get("TENSORBOARD_LOGGING_DIR") or results / FOLDER)

    def report(self, model: ModelReport) -> str:
        """Scores as scalars; tables, config and failures as texts.

        Returns:
            The folder of the event file.
        """
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        folder = self._root / f"{_safe(model.name)}-{stamp}"
        folder.mkdir(parents=True, exist_ok=True)
        writer = EventFileWriter(str(folder))
        for summary in _summaries(model):
            writer.add_event(Event(wall_time=time.time(), step=0, summary=summary))
        writer.close()
        return str(folder)


def _summaries(model: ModelReport) -> "list[Summary]":
    from tensorboard.compat.proto.summary_pb2 import Summary

    scalars = [
        Summary(value=[Summary.Value(tag=name, simple_value=score)])
        for name, score in model.metrics.items()
    ]
    config = TrackedTable(("key", "value"), list(model.config.items()))
    failures = TrackedTable(("task", "why"), list(model.failures.items()))
    tables = {"config": config, **model.tables}
    if model.failures:
        tables["failures"] = failures
    return scalars + [_text(name, table.to_markdown()) for name, table in tables.items()]


def _text(name: str, text: str) -> "Summary":
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
    metadata = create_summary_metadata(display_name=name, description="")
    return Summary(value=[Summary.Value(tag=name, metadata=metadata, tensor=tensor)])


def _safe(name: str) -> str:
    """A name without what a path would take apart."""
    return re.sub(r"[^\w.=@-]+", "_", name)
