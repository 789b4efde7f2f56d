"""Models that we do not compute: loaded by the library that does."""

import json
from fnmatch import fnmatch
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.folder.config import read_json
from angle_bench.checkpoints.folder.content import content_files, content_hash
from angle_bench.checkpoints.loading.devices import pick_device
from angle_bench.checkpoints.loading.panics import panics_caught
from angle_bench.checkpoints.registry.mteb_models import NO_REVISION
from angle_bench.checkpoints.registry.mteb_requirements import cannot_run, elsewhere
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.workers.start import check_devices, has_accelerator, places
from angle_bench.errors import ModelError, first_line
from angle_bench.evaluation.run.run_options import (
    Computing,
    refuse_no_vector,
    refuse_unused_options,
)

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store
    from angle_bench.evaluation.encoders.libraries.st_encoder import HandedOver

# whose versions may change a vector
LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch")


def load_from_mteb(spec: ModelSpec, device: str, store: "Store | None" = None) -> Any:
    """A model of mteb's registry, by mteb's own loader.

    Where that is a wrapper around a SentenceTransformer, `KeptCalls` stands in the place of it.

    Args:
        spec: The name.
        device: A device string, as `--device` takes it.
        store: Where its vectors are kept.

    Raises:
        ModelError: Its code cannot run here, or its library cannot load it.
    """
    if (why := cannot_run(spec.name)) is not None:
        raise ModelError(why, elsewhere(spec.name))
    import mteb

    revision = None if spec.revision == NO_REVISION else spec.revision
    devices = devices_of(device)
    try:
        model: Any = mteb.get_model(
            spec.name, revision=revision, device=str(pick_device(devices[0]))
        )
    except Exception as error:  # its loaders raise whatever their libraries do
        raise _not_loaded(spec, error) from error
    return _with_kept_calls(spec, model, devices, store)


def _not_loaded(spec: ModelSpec, error: Exception) -> ModelError:
    """Without a network nothing else is known of a name; with one its code does not run here."""
    here = hub.is_commit(spec.revision) and hub.cached(spec.name, spec.revision) is not None
    return ModelError(
        f"mteb could not load {spec.name}: {first_line(error)}",
        elsewhere(spec.name) if here else "the same command with a network",
    )


def _with_kept_calls(
    spec: ModelSpec, wrapper: Any, devices: tuple[str, ...], store: "Store | None"
) -> Any:
    from sentence_transformers import SentenceTransformer

    from angle_bench.evaluation.encoders.libraries.library_vectors import LibraryVectors
    from angle_bench.evaluation.encoders.libraries.mteb_calls import KeptCalls

    inside = getattr(wrapper, "model", None)
    if type(inside) is not SentenceTransformer:  # a subclass gives other things than one vector
        return wrapper
    vectors = LibraryVectors(
        spec.label, inside, _identity_of_name(spec, wrapper, inside), devices, store
    )
    if not hub.is_commit(spec.revision):
        vectors.store = None
        vectors.said.append(f"mteb names no commit of {spec.label}: its vectors are not stored")
    wrapper.model = KeptCalls(vectors)
    return wrapper


def _identity_of_name(spec: ModelSpec, wrapper: Any, inside: Any) -> StoreIdentity:
    """Whose vectors they are: a commit, what mteb's loader made of it, and whose versions."""
    given = {
        name: value if isinstance(value, str | int | float | bool | None) else _said(value)
        for name, value in wrapper.mteb_model_meta.loader_kwargs.items()
        if name != "device"
    }
    settings = {
        "loader": spec.loader,
        "given": given,
        "length": str(inside.max_seq_length),
        "truncate_dim": inside.truncate_dim,
        **{name: version(name) for name in (*LIBRARIES, "mteb")},
    }
    return StoreIdentity(
        f"{spec.name}@{spec.revision}",
        json.dumps(settings, sort_keys=True),
        f"{spec.label}@{spec.short_revision} by {spec.loader}",
    )


def _said(value: Any) -> str:
    """A value of a loader in words that do not change from process to process."""
    if isinstance(value, dict):
        return str({str(key): _said(each) for key, each in value.items()})
    if isinstance(value, list | tuple):
        return str([_said(each) for each in value])
    return str(getattr(value, "__qualname__", value))


def load_handed_over(
    spec: ModelSpec, computing: Computing, store: "Store | None" = None
) -> "HandedOver":
    """A folder that sentence-transformers or model2vec computes.

    Raises:
        ModelError: It cannot be loaded, or not on this device, or gives no vector of a text.
        UsageError: It was asked for what that library does not have, or the library is missing.
    """
    refuse_no_vector(spec)
    refuse_unused_options(spec, computing)
    from angle_bench.evaluation.encoders.libraries.library_vectors import LibraryVectors
    from angle_bench.evaluation.encoders.libraries.st_encoder import HandedOver

    assert spec.folder is not None
    devices = ("cpu",) if spec.loader == "model2vec" else devices_of(computing.device)
    content = content_hash(spec.folder)
    try:
        with panics_caught():
            model = _model(spec, devices[0])
    except Exception as error:  # it raises whatever its modules do
        raise ModelError(
            f"{spec.loader} could not load {spec.folder}: {first_line(error)}",
            "what the message asks for; --debug shows the traceback",
        ) from error
    identity = _identity(spec, content)
    return HandedOver(spec, LibraryVectors(spec.label, model, identity, devices, store))


def _model(spec: ModelSpec, device: str) -> Any:
    assert spec.folder is not None
    if spec.loader == "model2vec":
        from angle_bench.evaluation.encoders.libraries.model2vec_model import Model2Vec

        return Model2Vec(spec.folder)
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        str(spec.folder),
        device=str(pick_device(device)),
        trust_remote_code=spec.trust.remote_code,
        local_files_only=True,
        model_kwargs=None if names_dtype(spec) else {"dtype": "float32"},
    )


def names_dtype(spec: ModelSpec) -> bool:
    """Whether a module of the folder says in which type it is computed."""
    assert spec.folder is not None
    for path, file in content_files(spec.folder).items():
        if fnmatch(path.rpartition("/")[2], "sentence_*_config.json"):
            config = read_json(file)
            given = config.get("model_args") or config.get("model_kwargs") or {}
            if {"dtype", "torch_dtype"} & set(given):
                return True
    return False


def _identity(spec: ModelSpec, content: str) -> StoreIdentity:
    """Whose vectors they are in the store; role and prompt go into the key of each text."""
    libraries = (*LIBRARIES, spec.loader) if spec.loader == "model2vec" else LIBRARIES
    settings = {"loader": spec.loader, **{name: version(name) for name in libraries}}
    return StoreIdentity(
        content,
        json.dumps(settings, sort_keys=True),
        f"{spec.label}@{spec.short_revision} by {spec.loader}",
    )


def devices_of(text: str) -> tuple[str, ...]:
    """The devices of `-d` for a library that uses all cores in one process.

    `cpu`, and `auto` where there is no accelerator, are one process; `cpu:4` is four.
    """
    names = check_devices(text)
    if names == ["cpu"] or (names == ["auto"] and not has_accelerator()):
        return ("cpu",)
    return places(text, 0).devices
