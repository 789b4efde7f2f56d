"""Whether the store holds the vectors of a run, said before the first is computed."""

from collections.abc import Iterable

from angle_bench.encoding.store.room import room_of
from angle_bench.evaluation.run.run_options import StoreOptions
from angle_bench.evaluation.task_data import Located
from angle_bench.suites.task import Task

SEARCHED = ("corpus", "queries")
_GIGA = 1 << 30


def texts_of_task(task: Task, located: Located) -> int | None:
    """How many texts a run encodes of a task; of local retrieval data, the rows of its files."""
    known = task.texts_of(located.limit)
    if known is not None or located.limit is not None or task.type != "Retrieval":
        return known
    counts = [
        count for part, count in located.counts.items() if part.rpartition("/")[2] in SEARCHED
    ]
    return sum(counts) if len(counts) >= len(SEARCHED) else None


def too_large(
    label: str, texts: Iterable[int | None], width: int, store_options: StoreOptions
) -> str | None:
    """What a user is told where the vectors of one model do not fit the store; else None.

    Args:
        label: The model.
        texts: How many each task has; None is not known and counts as none.
        width: The dimensions of a vector as it is stored.
        store_options: Where vectors are kept.
    """
    count = sum(known or 0 for known in texts)
    limit, dtype = store_options.limit_bytes, store_options.dtype
    room = room_of(count, width, dtype)
    if not store_options.on or room <= limit:
        return None
    options = f"--cache-limit {_gigabytes(room)}"
    if dtype == "float32":
        half = room_of(count, width, "float16")
        options += ", or --cache-dtype float16"
        options += "" if half <= limit else f" --cache-limit {_gigabytes(half)}"
    return (
        f"the vectors of {label} for {count:,} texts take about {_gigabytes(room)} in the store, "
        f"more than its limit of {limit / _GIGA:.3g}G: the rest is not stored, and another run "
        f"computes it again. Type: {options}"
    )


def _gigabytes(size: int) -> str:
    """A size that `--cache-limit` takes, rounded up."""
    return f"{-(-size // _GIGA)}G"
