"""Models that we do not compute: loaded by the library that does."""

import json
from fnmatch import fnmatch
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from angle_bench.checkpoints.folder.config import read_json
from angle_bench.checkpoints.folder.content import content_files, content_hash
from angle_bench.checkpoints.loading.devices import pick_device
from angle_bench.checkpoints.loading.panics import panics_caught
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
    from angle_bench.evaluation.encoders.st_encoder import HandedOver

# whose versions may change a vector
LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch")


def load_from_mteb(spec: ModelSpec, device: str) -> Any:
    """A model of mteb's registry, by mteb's own loader.

    Raises:
        ModelError: Its library cannot load it.
    """
    import mteb

    revision = None if spec.revision == "no_revision_available" else spec.revision
    place = str(pick_device(devices_of(device)[0]))
    try:
        return mteb.get_model(spec.name, revision=revision, device=place)
    except Exception as error:  # its loaders raise whatever their libraries do
        raise ModelError(
            f"mteb could not load {spec.name}: {first_line(error)}",
            "the same command with a network, or what the message asks for",
        ) from error


def load_handed_over(
    spec: ModelSpec, computing: Computing, store: "Store | None" = None
) -> "HandedOver":
    """A folder that sentence-transformers computes.

    Raises:
        ModelError: It cannot be loaded, or not on this device, or gives no vector of a text.
        UsageError: It was asked for what that library does not have.
    """
    refuse_no_vector(spec)
    refuse_unused_options(spec, computing)
    devices = devices_of(computing.device)
    from sentence_transformers import SentenceTransformer

    from angle_bench.evaluation.encoders.st_encoder import HandedOver

    assert spec.folder is not None
    content = content_hash(spec.folder)
    try:
        with panics_caught():
            model = SentenceTransformer(
                str(spec.folder),
                device=str(pick_device(devices[0])),
                trust_remote_code=spec.trust.remote_code,
                local_files_only=True,
                model_kwargs=None if names_dtype(spec) else {"dtype": "float32"},
            )
    except Exception as error:  # it raises whatever its modules do
        raise ModelError(
            f"sentence-transformers could not load {spec.folder}: {first_line(error)}",
            "what the message asks for; --debug shows the traceback",
        ) from error
    return HandedOver(spec, model, _identity(spec, content), devices, store)


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
    settings = {"loader": spec.loader, **{name: version(name) for name in LIBRARIES}}
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
