"""How fast a device multiplies matrices: the speed that encoding cannot exceed."""

import time

import torch

from angle_bench.checkpoints.loading.devices import pick_device
from angle_bench.encoding.machine import cores

SIDE = {"cpu": 1024, "mps": 2048, "cuda": 8192}
SECONDS = 0.3


def flop_per_second(device: str, dtype: str) -> tuple[str, float]:
    """The device that `-d` means and the floating-point operations it does a second.

    A short measurement with square matrices in the model's dtype. Of several GPUs one is measured
    and the others count as much; on a CPU all cores that may be used work together.
    """
    names = device.split(",")
    place = pick_device(names[0].partition(":")[0] if names[0].startswith("cpu") else names[0])
    side = SIDE[place.type]
    if place.type == "cpu":
        torch.set_num_threads(cores())
    kind = getattr(torch, dtype)
    left = torch.randn(side, side, device=place, dtype=kind)
    right = torch.randn(side, side, device=place, dtype=kind)
    _multiply(left, right, 1)
    started = time.monotonic()
    count = 0
    while time.monotonic() - started < SECONDS:
        count += _multiply(left, right, 4)
    return place.type, len(names) * count * 2 * side**3 / (time.monotonic() - started)


def _multiply(left: torch.Tensor, right: torch.Tensor, times: int) -> int:
    for _ in range(times):
        product = left @ right
    float(product[0, 0])  # waits for the device
    return times
