"""What there is on this machine, and what a run would lack."""

import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.folder.adapter_config import is_adapter, recorded_revision
from angle_bench.checkpoints.registry.mteb_requirements import cannot_run, elsewhere
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.machine import available_memory, cores, processor
from angle_bench.errors import AngleBenchError, shell_word
from angle_bench.evaluation.run.record import versions
from angle_bench.evaluation.task_data import locate
from angle_bench.extras import extras, version_of
from angle_bench.files.places import cache_folder
from angle_bench.files.toml import user_files
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Suite, Task

# mteb by both names that it comes under, as pip has them
BESIDE = ("mteb", "mteb-core", "accelerate", "lmdb")


@dataclass(frozen=True)
class Need:
    """Something that a run needs.

    Attributes:
        name: The model or task.
        here: Whether it is on this machine.
        where: Where it is, or why it is not there.
        fix: What brings it; empty where it is there.
    """

    name: str
    here: bool
    where: str
    fix: str = ""


def machine() -> dict[str, Any]:
    """Versions, devices, memory and caches."""
    memory = available_memory()
    return {
        "python": platform.python_version(),
        "packages": versions() | {name: version_of(name) for name in BESIDE},
        "extras": extras(),
        "processor": processor(),
        "cores": cores(),
        "memory_available": memory,
        "accelerators": _accelerators(),
        "hub": hub.state(),
        "own_files": list(map(str, user_files())),
        "caches": {
            "hub": _folder(_hub_cache()),
            "data sets": _folder(_datasets_cache()),
            "angle-bench": _folder(cache_folder()),
        },
    }


def _accelerators() -> dict[str, str]:
    if find_spec("torch") is None:
        return {}

    from angle_bench.checkpoints.loading.devices import accelerator_names

    return accelerator_names()


def _hub_cache() -> Path:
    return Path(os.environ.get("HF_HUB_CACHE") or _hf_home() / "hub").expanduser()


def _datasets_cache() -> Path:
    return Path(os.environ.get("HF_DATASETS_CACHE") or _hf_home() / "datasets").expanduser()


def _hf_home() -> Path:
    above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HF_HOME") or Path(above) / "huggingface")


def _folder(place: Path) -> dict[str, Any]:
    existing = next(p for p in (place, *place.parents) if p.exists())
    return {
        "folder": str(place),
        "there": place.is_dir(),
        "free": shutil.disk_usage(existing).free,
        "writable": os.access(existing, os.W_OK),
    }


def model_needs(names: Sequence[str], access: LoadOptions) -> list[Need]:
    """Whether models, and the bases of adapters, are here."""
    return [_model_need(name, access) for name in names]


def _model_need(name: str, access: LoadOptions) -> Need:
    fix = f"angle-bench download -m {shell_word(name)}"
    try:
        spec = resolve(name, None, access)
        if spec.endpoint is not None:
            size, model = spec.endpoint.width, spec.short_revision
            return Need(name, True, f"answers with {size} dimensions, as {model}")
        if spec.loader == "mteb":
            if (why := cannot_run(spec.name)) is not None:
                return Need(name, False, why, elsewhere(spec.name))
            folder = hub.cached(spec.name, spec.revision)
        else:
            folder = spec.folder or hub.cached(spec.name, spec.revision)
        if folder is None:
            return Need(name, False, f"{spec.name}@{spec.short_revision} is not downloaded", fix)
        if spec.base is not None and not Path(spec.base).is_dir():
            revision = recorded_revision(folder, spec.base) if is_adapter(folder) else None
            base = access.in_mirror(spec.base) or hub.cached(spec.base, revision)
            if base is None:
                return Need(name, False, f"its base {spec.base} is not downloaded", fix)
        return Need(name, True, str(folder))
    except AngleBenchError as error:
        return Need(name, False, error.what, error.fix)


def data_needs(suite: Suite, mirror: Path | None) -> list[Need]:
    """Whether the data of tasks is here."""
    return [_data_need(task, mirror) for task in suite.task]


def _data_need(task: Task, mirror: Path | None) -> Need:
    parts = [mteb_task(part) for part in task.parts]
    needs = [_data_need(part, mirror) for part in parts if part is not None]
    if lacking := [need for need in needs if not need.here]:
        return Need(task.name, False, f"{len(lacking)} of its parts lack data", lacking[0].fix)
    if needs:
        return Need(task.name, True, f"{len(needs)} parts")
    try:
        located = locate(task, mirror)
    except AngleBenchError as error:
        return Need(task.name, False, error.what, error.fix)
    if located.origin != "hub":
        return Need(task.name, True, located.origin)
    # `datasets` keeps what it has converted under the data set and the commit
    kept = _datasets_cache() / task.dataset.replace("/", "___")
    if any(place.name.startswith(task.revision) for place in kept.glob("*/*/*")):
        return Need(task.name, True, str(kept))
    fix = f"angle-bench download -t {shell_word(task.name)}"
    return Need(task.name, False, f"{task.dataset} is not downloaded", fix)
