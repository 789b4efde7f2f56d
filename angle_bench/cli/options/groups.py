"""Options in groups: one dataclass each, spread over the verbs that take them."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from angle_bench.cli.options import options as shared

if TYPE_CHECKING:
    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.checkpoints.overrides import Overrides
    from angle_bench.evaluation.run.run_options import Computing, StoreOptions


R = TypeVar("R")


@dataclass(frozen=True)
class OutputOptions:
    """What is shown."""

    as_json: shared.Json = False
    quiet: shared.Quiet = False
    debug: shared.Debug = False


@dataclass(frozen=True)
class VerbosityOptions:
    """What is shown, also of the libraries underneath."""

    as_json: shared.Json = False
    quiet: shared.Quiet = False
    verbose: shared.Verbose = False
    debug: shared.Debug = False


@dataclass(frozen=True)
class Where:
    """Where models and data are looked for, and what may run code."""

    mirror: shared.Mirror = None
    offline: shared.Offline = False
    base: shared.Base = None
    trust_remote_code: shared.TrustRemoteCode = False
    allow_pickle: shared.AllowPickle = False

    def access(self) -> "LoadOptions":
        """As the functions of Python take it."""
        from angle_bench.checkpoints.access import LoadOptions

        return LoadOptions.of(self.base, self.mirror, self.trust_remote_code, self.allow_pickle)


@dataclass(frozen=True)
class Used:
    """How a model is used."""

    pooling: shared.Pooling = None
    prompt: shared.Prompt = None
    prompts: shared.Prompts = None
    max_length: shared.MaxLength = None
    dtype: shared.Dtype = None
    attention: shared.Attention = None
    compile: shared.Compile = False

    def overrides(self) -> "Overrides":
        """As the functions of Python take it.

        Raises:
            UsageError: The pooling gives no vector of a text.
        """
        from angle_bench.checkpoints.overrides import Overrides

        shared.refuse_all_tokens(self.pooling)
        return Overrides(**vars(self) | {"compile": self.compile or None})


@dataclass(frozen=True)
class Recorded:
    """How a model is used, as far as a checkpoint that is written records it."""

    pooling: shared.Pooling = None
    prompt: shared.Prompt = None
    max_length: shared.MaxLength = None
    dtype: shared.Dtype = None

    def overrides(self) -> "Overrides":
        """As the functions of Python take it.

        Raises:
            UsageError: The pooling gives no vector of a text.
        """
        return Used(self.pooling, self.prompt, None, self.max_length, self.dtype).overrides()


@dataclass(frozen=True)
class CacheOptions:
    """Where vectors are kept."""

    cache_dir: shared.CacheDir = None
    no_cache: shared.NoCache = False
    cache_limit: shared.CacheLimit = shared.DEFAULT_CACHE_LIMIT

    def store_options(self, dtype: str = "float32") -> "StoreOptions":
        """Where, as the functions of Python take it.

        Raises:
            UsageError: The limit is no size, the folder is a file, or the dtype is unknown.
        """
        from angle_bench.api.calling.run_plan import refuse_cache_dir
        from angle_bench.api.calling.sizes import parse_size
        from angle_bench.evaluation.run.run_options import StoreOptions

        refuse_cache_dir(self.cache_dir)
        limit = parse_size(self.cache_limit)
        return StoreOptions(not self.no_cache, self.cache_dir, limit, dtype)


@dataclass(frozen=True)
class Computed:
    """How vectors are computed, and where they are kept."""

    device: shared.Device = "auto"
    batch_tokens: shared.BatchTokens = None
    ray: shared.Ray = None
    worker_timeout: shared.WorkerTimeout = None
    cache_dir: shared.CacheDir = None
    no_cache: shared.NoCache = False
    cache_limit: shared.CacheLimit = shared.DEFAULT_CACHE_LIMIT

    def computing(self) -> "Computing":
        """How, as the functions of Python take it."""
        from angle_bench.evaluation.run.run_options import Computing

        return Computing(self.device, self.batch_tokens, self.ray, self.worker_timeout)

    def store_options(self, dtype: str = "float32") -> "StoreOptions":
        """Where, as the functions of Python take it.

        Raises:
            UsageError: The limit is no size, the folder is a file, or the dtype is unknown.
        """
        return CacheOptions(self.cache_dir, self.no_cache, self.cache_limit).store_options(dtype)


def grouped(verb: Callable[..., R]) -> Callable[..., R]:
    """A verb whose parameters that are groups are options of their own on the command line."""
    hints = get_type_hints(verb, include_extras=True)
    signature = inspect.signature(verb)
    groups = {name: hints[name] for name in signature.parameters if is_dataclass(hints[name])}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        if name in groups:
            parameters += _options(groups[name])
        else:
            parameters.append(parameter.replace(annotation=hints[name]))

    @wraps(verb)
    def called(**given: Any) -> R:
        held = {
            name: group(**{each.name: given.pop(each.name) for each in fields(group)})
            for name, group in groups.items()
        }
        return verb(**given, **held)

    kept = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    called.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in kept} | {
        "return": signature.return_annotation
    }
    return called


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(each),
            annotation=hints[each.name],
        )
        for each in fields(group)
    ]


def _default(option: "Field[Any]") -> Any:
    if option.default_factory is not MISSING:
        return option.default_factory()
    return inspect.Parameter.empty if option.default is MISSING else option.default
