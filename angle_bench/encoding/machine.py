"""What this process may use of the machine: cores and memory."""

import mmap
import os
import platform
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CPUINFO = Path("/proc/cpuinfo")
_CGROUP = Path("/sys/fs/cgroup")
_OPENBLAS = 256 << 20  # its library and its buffers, and what else scipy.linalg loads


def cores() -> int:
    """The cores this process may run on: its affinity, and its container's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(allowed or 1, _quota() or 10**6))


def _quota() -> int | None:
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    if not quota.isdigit() or not period.isdigit():
        return None
    return max(1, int(quota) // int(period))


def available_memory() -> int | None:
    """Bytes that can still be used, None where the system does not say."""
    lines = (line.split() for line in _read(_MEMINFO).splitlines())
    free = next((int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"), None)
    limit, used = _read(_CGROUP / "memory.max"), _read(_CGROUP / "memory.current")
    if limit.isdigit() and used.isdigit():
        left = int(limit) - int(used)
        return left if free is None else min(free, left)
    return free


def limited_address_space() -> bool:
    """Whether the process may not have any amount of memory (`ulimit -v`)."""
    try:
        import resource
    except ImportError:  # no such limit on Windows
        return False
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def prepare_for_little_memory() -> None:
    """Where memory is limited, take care that a library which gets none ends, and does not wait.

    scipy's OpenBLAS asks for its buffers when it is loaded, and for ever where it does not get
    them: it is loaded while there is room for them. A tokenizer that fails prints where, for which
    it needs memory, too, and waits for itself where it gets none: it prints the failure alone.

    Raises:
        MemoryError: There is no room for OpenBLAS.
    """
    if not limited_address_space():
        return
    os.environ["RUST_BACKTRACE"] = "0"
    try:
        mmap.mmap(-1, _OPENBLAS).close()
    except OSError as error:
        raise MemoryError(f"there are no {_OPENBLAS >> 20} MiB for OpenBLAS") from error
    import scipy.linalg  # noqa: F401


def processor() -> str:
    """The processor's name and how many cores may be used."""
    lines = (line.partition(":") for line in _read(_CPUINFO).splitlines())
    name = next((value.strip() for key, _, value in lines if key.strip() == "model name"), "")
    return f"{name or platform.processor()} x{cores()}"


def _read(place: Path) -> str:
    try:
        return place.read_text().strip()
    except OSError:  # another system, or another version of control groups
        return ""
