"""Workers kept from one model to the next, so that the base of several adapters is loaded once."""

from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Workers
from angle_bench.encoding.workers.start import start
from angle_bench.evaluation.options import Computing


class Between:
    """Holds the workers of an adapter until the next model is known."""

    def __init__(self) -> None:
        self._kept: tuple[Checkpoint, Workers] | None = None

    def start(self, checkpoint: Checkpoint, computing: Computing) -> Workers:
        """Workers for a checkpoint: the kept ones where they have its base, else new ones."""
        if self._kept is not None and checkpoint.shares_base(self._kept[0]):
            (_, workers), self._kept = self._kept, None
            workers.switch(checkpoint)
            return workers
        self.close()
        if computing.ray is None:
            return start(checkpoint, computing.device)
        from angle_bench.encoding.workers.ray import start_ray

        return start_ray(computing.ray, checkpoint, computing.device)

    def keep(self, checkpoint: Checkpoint, workers: Workers | None) -> None:
        """Hold workers that have this checkpoint loaded."""
        if workers is not None:
            self.close()
            self._kept = (checkpoint, workers)

    def close(self) -> None:
        """End what is held."""
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None
