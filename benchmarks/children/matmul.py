"""Matrix products as fast as the machine makes them: `… matmul DEVICE DTYPE THREADS`."""

import sys
import time

import torch

from benchmarks.serving import serve


def main() -> None:
    """Answer `ready` and `rate`."""
    device, dtype, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)

    def rate(shape: list[int], seconds: float) -> float:
        return _rate(shape, seconds, device, getattr(torch, dtype))

    serve({"ready": lambda: True, "rate": rate})


@torch.inference_mode()
def _rate(shape: list[int], seconds: float, device: str, dtype: torch.dtype) -> float:
    """FLOP/s of (m, k) x (k, n), over at least so many seconds."""
    m, k, n = shape
    left = torch.randn(m, k, device=device).to(dtype)
    right = torch.randn(k, n, device=device).to(dtype)
    made = torch.empty(m, n, device=device, dtype=dtype)
    torch.mm(left, right, out=made)
    _wait(device)
    start = time.perf_counter()
    products = 0
    while time.perf_counter() - start < seconds:
        for _ in range(4):
            torch.mm(left, right, out=made)
        _wait(device)
        products += 4
    return products * 2.0 * m * k * n / (time.perf_counter() - start)


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
