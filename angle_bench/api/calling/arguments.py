"""Arguments that several functions take, as the values that the package works with."""

from angle_bench.api.calling.sizes import parse_size
from angle_bench.api.calling.words import Places, place
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.evaluation.run.run_options import StoreOptions


def access_of(
    mirror: Places | None, base: Places | None, trust_remote_code: bool, allow_pickle: bool
) -> LoadOptions:
    """Where checkpoints are looked for, and what may run code."""
    return LoadOptions.of(
        None if base is None else str(base),
        None if mirror is None else place(mirror),
        trust_remote_code,
        allow_pickle,
    )


def keeping_of(
    cache: bool, cache_dir: Places | None, cache_limit: str | int, cache_dtype: str = "float32"
) -> StoreOptions:
    """Where vectors are kept.

    Raises:
        UsageError: The limit is no size, or the dtype is unknown.
    """
    limit = cache_limit if isinstance(cache_limit, int) else parse_size(cache_limit)
    return StoreOptions(cache, None if cache_dir is None else place(cache_dir), limit, cache_dtype)
