"""Where and with what the figures were measured."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.core import ROOT

PACKAGES = (
    *("angle-bench", "mteb", "sentence-transformers", "torch", "transformers", "tokenizers"),
    *("datasets", "numpy", "lmdb"),
)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def circumstances() -> dict[str, Any]:
    """Date, commit, machine and versions."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "cpu": _cpu(),
            "cores": cores(),
            "memory_gib": round(
                os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1
            ),
            "gpu": _gpu(),
            "system": platform.platform(terse=True),
            "load_before": round(os.getloadavg()[0], 2),
        },
        "versions": {"python": platform.python_version()} | _versions(),
    }


def version(package: str) -> str | None:
    """The installed version of a package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _versions() -> dict[str, str]:
    found = {package: version(package) for package in PACKAGES}
    return {package: installed for package, installed in found.items() if installed}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    widest = next((flag for flag in ("avx512f", "avx2", "avx") if flag in flags), "")
    return " ".join(filter(None, [names[0] if names else platform.machine(), widest]))


def _gpu() -> str | None:
    if shutil.which("nvidia-smi") is None:
        return None
    said = _said("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return said.splitlines()[0] if said else None


def _commit() -> str | None:
    commit = _said("git", "rev-parse", "HEAD")
    changed = _said("git", "status", "--porcelain", "--", ".", ":!benchmarks/results")
    return f"{commit} with changes" if commit and changed else commit or None


def _said(*command: str) -> str:
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return ended.stdout.strip() if ended.returncode == 0 else ""
