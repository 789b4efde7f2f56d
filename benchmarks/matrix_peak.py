"""The matrix peak of the machine, measured."""

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from benchmarks.machine import cores
from benchmarks.processes import Server

CPU_SHAPES = (
    (512, 512, 512),
    (1024, 1024, 1024),
    (2048, 2048, 2048),
    (4096, 384, 1536),
    (4096, 1536, 384),
)
GPU_SHAPES = ((8192, 8192, 8192), (16384, 4096, 1024), (16384, 8192, 8192))


class MatrixPeak:
    """Processes that multiply matrices, all at once.

    On CPU cores one process of one thread each: no thread waits for another, which is the most
    that a set of cores gives.
    """

    def __init__(self, device: str, dtype: str, scratch: Path, *, quick: bool) -> None:
        self._shapes = GPU_SHAPES if device.startswith("cuda") else CPU_SHAPES
        self._seconds = 0.2 if quick else 1.0
        self._stack = ExitStack()
        count = 1 if device.startswith("cuda") else cores()
        threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._servers = [
            self._stack.enter_context(
                Server(
                    *("benchmarks.children.matmul", device, dtype, "1"),
                    scratch=scratch,
                    gpu=device.startswith("cuda"),
                    variables=threads,
                )
            )
            for _ in range(count)
        ]
        for server in self._servers:
            server.ask("ready")

    def rates(self) -> dict[str, float]:
        """FLOP/s of all processes together, by shape of the product."""
        found = {}
        for shape in self._shapes:
            for server in self._servers:
                server.send("rate", shape=shape, seconds=self._seconds)
            found["x".join(map(str, shape))] = sum(server.receive() for server in self._servers)
        return found

    def measure(self) -> float:
        """The best FLOP/s over the shapes."""
        return max(self.rates().values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
