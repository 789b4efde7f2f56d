"""Workers kept from one model to the next, so that what both have in common is loaded once."""

from collections.abc import Callable

from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Workers
from angle_bench.encoding.workers.silence import Patience
from angle_bench.encoding.workers.start import start
from angle_bench.evaluation.run.run_options import Computing


class IdleWorkers:
    """Holds the workers of a model until the next one is known.

    The next one may be the same weights under another prompt, or another adapter of their base.

    Args:
        say: Told at once of a worker that says nothing.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self._say = say
        self._kept: tuple[Checkpoint, Workers] | None = None

    def start(self, checkpoint: Checkpoint, computing: Computing) -> Workers:
        """Workers for a checkpoint: the kept ones if they have it, or its base, else new ones."""
        if self._kept is not None:
            kept, workers = self._kept
            same = checkpoint.same_vectors(kept)
            if same or checkpoint.shares_base(kept):
                self._kept = None
                if not same:
                    workers.switch(checkpoint)
                return workers
        self.close()
        patience = Patience(computing.worker_timeout, self._say)
        if computing.ray is None:
            return start(checkpoint, computing.device, patience)
        from angle_bench.encoding.workers.ray.ray_workers import start_ray

        return start_ray(computing.ray, checkpoint, computing.device, patience)

    def keep(self, checkpoint: Checkpoint, workers: Workers | None) -> None:
        """Hold workers that have this checkpoint loaded."""
        if workers is None:
            return
        self.close()
        if workers.count:
            self._kept = (checkpoint, workers)
        else:  # all of them died
            workers.close()

    def close(self) -> None:
        """End what is held."""
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None
