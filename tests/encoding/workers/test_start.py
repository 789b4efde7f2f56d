"""What `-d` means on a machine: devices, processes, threads; and what the machine has."""

import os
import sys
from pathlib import Path

import pytest

from angle_bench.checkpoints.loading import devices
from angle_bench.encoding import machine
from angle_bench.encoding.workers import start
from angle_bench.encoding.workers.start import (
    WORKER_BYTES,
    WorkerPlaces,
    check_devices,
    most_processes,
    places,
)
from angle_bench.errors import ModelError, UsageError

CORES = 8
GIB = 1 << 30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 8 cores that tells nothing else; tests write its files."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(CORES)), raising=False)
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    return tmp_path


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine on which torch sees two GPUs."""
    seen = ["cuda:0", "cuda:1"]
    monkeypatch.setattr(start, "has_accelerator", lambda: True)
    monkeypatch.setattr(devices, "accelerators", lambda: seen)
    return seen


@pytest.fixture
def no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "has_accelerator", lambda: False)
    monkeypatch.setattr(devices, "accelerators", lambda: [])


def memory(system: Path, available: int) -> None:
    (system / "meminfo").write_text(
        f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {available >> 10} kB\n"
    )


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("auto", ["auto"]),
        ("cpu", ["cpu"]),
        ("cpu:12", ["cpu:12"]),
        ("mps", ["mps"]),
        ("cuda", ["cuda"]),
        ("cuda:0, cuda:10", ["cuda:0", "cuda:10"]),
    ],
)
def test_devices_are_taken_apart(text: str, devices: list[str]) -> None:
    assert check_devices(text) == devices


@pytest.mark.parametrize(
    "text", ["", "gpu", "cpu:", "cpu:0", "cpu:-1", "cpu:two", "cuda:", "cuda:x", "mps:0", "CPU"]
)
def test_what_is_no_device_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="there is no device") as caught:
        check_devices(text)
    assert repr(text) in caught.value.what
    assert "-d" in caught.value.fix


def test_a_comma_too_many_is_refused() -> None:
    with pytest.raises(UsageError, match=r"there is no device 'cuda:0,'"):
        check_devices("cuda:0,")


@pytest.mark.parametrize("text", ["cpu,cpu", "cuda:0,cpu", "auto,cuda:0", "cpu:2,cpu:2"])
def test_a_cpu_or_auto_is_not_mixed_with_others(text: str) -> None:
    with pytest.raises(UsageError, match=f"-d {text} mixes"):
        check_devices(text)


def test_cpu_means_a_process_of_one_thread_for_each_core(system: Path, no_gpus: None) -> None:
    whole = WorkerPlaces(("cpu",) * CORES, 1, may_shrink=True)
    assert places("cpu", 0) == whole
    assert places("auto", 0) == whole


@pytest.mark.parametrize(("count", "threads"), [(1, 8), (3, 2), (8, 1), (20, 1)])
def test_processes_that_are_counted_share_the_cores(system: Path, count: int, threads: int) -> None:
    memory(system, 0)  # whoever names a number gets it
    assert places(f"cpu:{count}", GIB) == WorkerPlaces(("cpu",) * count, threads, may_shrink=False)


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("auto", ("cuda:0", "cuda:1")),
        ("cuda", ("cuda:0", "cuda:1")),
        ("cuda:1", ("cuda:1",)),
        ("cuda:1,cuda:0", ("cuda:1", "cuda:0")),
    ],
)
def test_gpus_get_a_worker_each(gpus: list[str], text: str, devices: tuple[str, ...]) -> None:
    assert places(text, GIB) == WorkerPlaces(devices)


@pytest.mark.parametrize(("text", "absent"), [("cuda:2", "cuda:2"), ("mps", "mps")])
def test_a_device_that_is_not_here_is_named_beside_those_that_are(
    gpus: list[str], text: str, absent: str
) -> None:
    with pytest.raises(ModelError, match=f"no {absent} here; torch sees cuda:0, cuda:1"):
        places(text, 0)


def test_a_gpu_where_none_is_says_so(no_gpus: None) -> None:
    with pytest.raises(ModelError, match="no cuda:0 here; torch sees no accelerator") as caught:
        places("cuda", 0)
    assert "-d cpu" in caught.value.fix


@pytest.mark.parametrize(
    ("workers", "count"), [(0.5, 1), (1.01, 1), (2.99, 2), (3.01, 3), (CORES + 5, CORES)]
)
def test_memory_and_cores_bound_the_processes(system: Path, workers: float, count: int) -> None:
    weights = 300 << 20
    memory(system, int(workers * (weights + WORKER_BYTES) / start.MEMORY_SHARE))
    assert most_processes(weights) == count


@pytest.mark.parametrize(("workers", "count"), [(0.5, 1), (1.01, 1), (2.01, 2), (3.01, 3)])
def test_shared_weights_are_counted_once(system: Path, workers: float, count: int) -> None:
    weights = 3000 << 20
    memory(system, int((weights + workers * WORKER_BYTES) / start.MEMORY_SHARE))
    assert most_processes(weights, shared=True) == count


def test_weights_that_no_memory_holds_still_get_one_process(system: Path) -> None:
    memory(system, 4 * GIB)
    assert most_processes(100 * GIB) == 1


def test_where_the_system_tells_no_memory_the_cores_decide(system: Path) -> None:
    assert machine.available_memory() is None
    assert most_processes(100 * GIB) == CORES


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", 8),
        ("400000 100000", 4),
        ("250000 100000", 2),
        ("50000 100000", 1),
        ("6400000 100000", 8),
        ("", 8),
    ],
)
def test_a_containers_quota_bounds_the_cores(system: Path, quota: str, cores: int) -> None:
    (system / "cpu.max").write_text(f"{quota}\n")
    assert machine.cores() == cores


@pytest.mark.parametrize(
    ("limit", "left"), [("max", 8 * GIB), (str(3 * GIB), 2 * GIB), (str(99 * GIB), 8 * GIB)]
)
def test_a_containers_limit_bounds_the_memory(system: Path, limit: str, left: int) -> None:
    memory(system, 8 * GIB)
    (system / "memory.max").write_text(f"{limit}\n")
    (system / "memory.current").write_text(f"{GIB}\n")
    assert machine.available_memory() == left


def test_a_container_over_its_limit_still_gets_one_process(system: Path) -> None:
    (system / "memory.max").write_text(f"{GIB}\n")
    (system / "memory.current").write_text(f"{2 * GIB}\n")
    assert most_processes(0) == 1


def test_the_processor_has_its_name_and_its_cores(system: Path) -> None:
    (system / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz: v2\n")
    assert machine.processor() == f"Fast CPU @ 3 GHz: v2 x{CORES}"


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_this_machine_tells_what_it_has() -> None:
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)
    found = machine.available_memory()
    assert found is not None
    assert found > 1 << 20
