"""The worker in this very process."""

from collections.abc import Iterable, Iterator

from angle_bench.encoding.portable_tokenizer import PortableTokenizer, portable
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.child import switched
from angle_bench.encoding.workers.contract import (
    Batch,
    BatchFailed,
    Loaded,
    OutOfMemory,
    Probe,
    Rates,
    Switch,
    Vectors,
    worker_error,
)
from angle_bench.encoding.workers.forward import Forward
from angle_bench.errors import AngleBenchError


class InlineWorker:
    """One loaded model, in this process."""

    def __init__(self, forward: Forward) -> None:
        self.forward = forward
        self.loaded: Loaded = forward.loaded
        self.warnings: list[str] = list(forward.loaded.warnings)
        self.threads = 0
        self.may_shrink = False
        self.count = 1

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[int, Vectors]]:
        """Vectors of every batch, in order."""
        for batch in batches:
            yield batch.number, self._vectors(batch)

    def _vectors(self, batch: Batch) -> Vectors:
        try:
            return self.forward(batch)
        except OutOfMemory as error:
            raise BatchFailed(batch.number, error.text, str(error)) from error
        except AngleBenchError:
            raise
        except Exception as error:
            raise worker_error(f"{type(error).__name__}: {error}") from error

    def probe(self, count: int, question: Probe) -> Rates:
        """Tokens a second for each batch budget."""
        return self.forward.probe(question)

    def tokenizer(self) -> PortableTokenizer | None:
        """The tokenizer that is loaded, where it is a plain one."""
        return portable(self.forward.backbone.tokenizer)

    def keep(self, count: int) -> None:
        """There is but one."""

    def switch(self, checkpoint: Checkpoint) -> None:
        """Put another adapter on the base that is loaded."""
        order = checkpoint.order(self.loaded.device, self.threads)
        self.forward = switched(self.forward, Switch(order))
        self.loaded = self.forward.loaded
        self.warnings += self.loaded.warnings

    def close(self) -> None:
        """Nothing to end."""
