"""What a record says of one scored task."""

import platform
from typing import TYPE_CHECKING, Any

from angle_bench.checkpoints.folder.made_from import made_from
from angle_bench.checkpoints.folder.weights import bytes_of
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.evaluation.encoders.load import place_of
from angle_bench.evaluation.encoders.run_encoder import RunEncoder
from angle_bench.evaluation.run.record import SEED, model_record, utc_now, versions
from angle_bench.evaluation.task_data import Located
from angle_bench.evaluation.user_tasks.fields import unused_columns
from angle_bench.suites.task import Task

if TYPE_CHECKING:
    from angle_bench.evaluation.scoring.score import ScoredTask


def task_record(
    spec: ModelSpec,
    encoder: RunEncoder,
    task: Task,
    located: Located,
    scored: "ScoredTask",
) -> dict[str, Any]:
    """What a record says of one scored task."""
    verified = sum(part.samples for part in scored.verification.parts)
    return {
        "task": task.name,
        "model": model_record(spec) | checkpoint_record(spec),
        "device": encoder.device,
        "attention": encoder.attention,
        "prompts": encoder.prompts,
        "data": {
            "dataset": task.dataset,
            **located.provenance(),
            **({"unused_columns": unused_columns(task, located)} if located.read else {}),
            "verification": scored.verification.summary(),
        },
        "counts": {
            "samples": verified or task.samples,
            "predictions": sum(map(len, scored.predictions)),
        },
        "warnings": list(scored.warnings),
        "encoded_so_far": encoder.counted(),
        "phases": [dict(phase) for phase in scored.result.evaluation_phases or ()],
        "seed": SEED,
        "versions": versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "utc": utc_now(),
    }


def checkpoint_record(spec: ModelSpec) -> dict[str, Any]:
    """What a record says of a checkpoint's files; of those that mteb or a server has, nothing.

    Raises:
        ModelError: They are not here any more.
    """
    if spec.loader in ("mteb", "endpoint"):
        return {}
    place = place_of(spec)
    base = 0 if place.base is None else bytes_of(place.base)
    return {"weight_bytes": bytes_of(place.folder) + base, "made_from": made_from(place.folder)}
