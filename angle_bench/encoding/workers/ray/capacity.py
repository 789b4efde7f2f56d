"""How many actors a Ray cluster has room for, and what each asks of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from angle_bench.encoding.workers.start import WORKER_BYTES, check_devices
from angle_bench.errors import ModelError, UsageError

PARTS = 10_000  # ray counts a core in ten-thousandths


@dataclass(frozen=True)
class Room:
    """What actors a cluster has room for.

    Attributes:
        device: Where each computes, as it sees it.
        count: How many.
        resources: What each asks of ray.
        threads: Threads of each; 0 leaves it to torch.
    """

    device: str
    count: int
    resources: dict[str, float]
    threads: int


def room(nodes: Sequence[Mapping[str, float]], devices: str, weights: int) -> Room:
    """The actors that `-d` means on a cluster.

    Args:
        nodes: The resources of each living node, as ray names them; memory in bytes.
        devices: `auto`, `cuda`, `cpu`, or `cpu:4` for four actors.
        weights: Bytes of the weights: a node gets no more CPU actors than its memory holds.

    Raises:
        UsageError: It names devices of one machine.
        ModelError: The cluster has no such device.
    """
    names = check_devices(devices)
    kind, _, number = names[0].partition(":")
    if len(names) > 1 or kind == "mps" or (kind == "cuda" and number):
        raise UsageError(
            f"-d {devices} names devices of one machine; ray places actors itself.",
            "-d auto, -d cuda, -d cpu or -d cpu:4 with --ray",
        )
    gpus = int(sum(node.get("GPU", 0) for node in nodes))
    cpus = int(sum(node.get("CPU", 0) for node in nodes))
    if gpus and kind in ("auto", "cuda"):
        return Room("cuda:0", gpus, {"num_gpus": 1, "num_cpus": 0}, 0)
    if kind == "cuda" or not cpus:
        raise ModelError(
            f"the ray cluster has no {'GPU' if kind == 'cuda' else 'CPU'} to compute on.",
            "-d cpu with --ray" if cpus else "ray start on a node with --num-cpus",
        )
    if number:
        share = _share([node.get("CPU", 0) for node in nodes], int(number))
        return Room("cpu", int(number), {"num_cpus": share}, 1)
    need = weights + WORKER_BYTES
    fit = sum(int(min(node.get("CPU", 0), node.get("memory", 0) // need)) for node in nodes)
    if not fit:
        return Room("cpu", 1, {"num_cpus": 1}, 1)
    return Room("cpu", fit, {"num_cpus": 1, "memory": need}, 1)


def _share(cpus: Sequence[float], count: int) -> float:
    """The largest part of a core, at most a whole one, that fits so many times on the nodes.

    An actor has its part on one node: 1 and 1 cores hold three halves, but not three thirds of 2.
    """
    nodes = {int(PARTS * cpu) for cpu in cpus}
    tried = {PARTS} | {node // number for node in nodes for number in range(1, count + 1)}
    fit = (
        part
        for part in tried
        if 0 < part <= PARTS and sum(int(PARTS * cpu) // part for cpu in cpus) >= count
    )
    return max(fit, default=0) / PARTS
