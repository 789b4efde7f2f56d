"""How many workers, and how many tokens to a batch: by a short measurement, remembered.

Neither changes a vector beyond rounding, so neither is part of any identity.
"""

from dataclasses import astuple, dataclass
from pathlib import Path

from angle_bench.checkpoints.spec import Settings
from angle_bench.encoding.workers.contract import Loaded, Probe, Rates, Workers
from angle_bench.files.cached_json import read_cached, write_cached
from angle_bench.files.places import cache_folder

BUDGETS = {
    "cpu": (512, 1024, 2048, 4096),
    "mps": (2048, 4096, 8192, 16384),
    "cuda": (8192, 16384, 32768, 65536, 131072),
}
UNMEASURED = {"cpu": 1024, "mps": 8192, "cuda": 32768}
WORTH_MEASURING = 2000  # texts; below, the measurement would cost more than it brings
PROBE_SECONDS = 1.5
GAIN = 1.03  # a larger batch must be faster by this much, since it costs memory


@dataclass(frozen=True)
class Choice:
    """What was measured to be fastest.

    Attributes:
        workers: How many of the workers to keep.
        threads: Threads of each; 0 where it is not a CPU.
        batch_tokens: The most padded tokens of a batch.
    """

    workers: int
    threads: int
    batch_tokens: int


def choose(workers: Workers, settings: Settings, texts: int) -> int:
    """Settle how the workers compute, and the batch budget.

    Where it pays, the layouts of processes and threads and the budgets are measured on the model
    itself for a few seconds; what was found is remembered for this model and hardware.

    Args:
        workers: Loaded or loading; some may be ended, if fewer with more threads are faster.
        settings: Of the model.
        texts: How many texts are to be computed now.

    Returns:
        The most padded tokens of a batch.
    """
    loaded = workers.loaded
    key = _key(loaded, workers.count, workers.may_shrink, settings)
    choice = _remembered(key)
    if choice is None and texts >= WORTH_MEASURING:
        choice = measure(workers)
        _remember(key, choice)
    if choice is None:
        return UNMEASURED[_kind(loaded)]
    if choice.workers < workers.count:
        workers.keep(choice.workers)
    if choice.threads:
        workers.probe(choice.workers, Probe(choice.threads, (), 0.0))
    return choice.batch_tokens


def measure(workers: Workers) -> Choice:
    """The fastest layout and budget of workers, by trying."""
    budgets = BUDGETS[_kind(workers.loaded)]  # where memory holds none, batches are halved
    if _kind(workers.loaded) != "cpu":
        rates = workers.probe(1, Probe(0, budgets, PROBE_SECONDS))
        return Choice(workers.count, 0, _best(rates, budgets[0]))
    best, most = None, 0.0
    for count, threads in layouts(workers.count, workers.threads, workers.may_shrink):
        rates = workers.probe(count, Probe(threads, budgets, PROBE_SECONDS))
        rate = max(rates.values(), default=0.0)
        if best is None or rate > GAIN * most:
            best, most = Choice(count, threads, _best(rates, budgets[0])), rate
    assert best is not None
    return best


def layouts(workers: int, threads: int, may_shrink: bool) -> list[tuple[int, int]]:
    """Processes and threads to try: as they are, then half the processes, and so on."""
    tries = [(workers, threads)]
    while may_shrink and tries[-1][0] > 1:
        count, each = tries[-1]
        tries.append((count // 2, each * count // (count // 2)))
    return tries


def _best(rates: Rates, smallest: int) -> int:
    """The smallest budget that is about as fast as the fastest."""
    most = max(rates.values(), default=0.0)
    return min((budget for budget, rate in rates.items() if rate * GAIN >= most), default=smallest)


def _kind(loaded: Loaded) -> str:
    return loaded.device.partition(":")[0]


def _key(loaded: Loaded, count: int, may_shrink: bool, settings: Settings) -> str:
    model = f"{loaded.parameters} {loaded.dimension} {loaded.layers} {loaded.attention}"
    return f"{loaded.hardware} {count} {may_shrink} {model} {settings.dtype} {settings.compile}"


def _place() -> Path:
    return cache_folder() / "budgets.json"


def _remembered(key: str) -> Choice | None:
    known = read_cached(_place()).get(key)
    whole = isinstance(known, list) and len(known) == 3 and all(type(n) is int for n in known)
    return Choice(*known) if known and whole else None


def _remember(key: str, choice: Choice) -> None:
    write_cached(_place(), read_cached(_place()) | {key: list(astuple(choice))})
