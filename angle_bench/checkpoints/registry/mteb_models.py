"""Names that mteb can load, from generated data, so that no command imports mteb to know them."""

from angle_bench.checkpoints.registry.mteb_protocol import Protocol
from angle_bench.checkpoints.registry.registry import registry, users_entries
from angle_bench.files.places import shipped_json

_FILE = "mteb-models.json"
NO_REVISION = "no_revision_available"  # what mteb calls the revision of a name that has none


def mteb_models() -> dict[str, str | None]:
    """The text encoders of mteb by name, each with the revision that mteb loads."""
    known: dict[str, str | None] = shipped_json(_FILE)["models"]
    return known


def mteb_name(name: str) -> str | None:
    """Mteb's spelling of a name, None where it has no such text encoder."""
    wanted = name.casefold()
    return next((known for known in mteb_models() if known.casefold() == wanted), None)


def mteb_protocol(name: str) -> Protocol | None:
    """What mteb's own loader of a name of its puts around texts; None where that is code."""
    said = shipped_json(_FILE)
    if name in said["by_code"]:
        return None
    same = said["protocol"].get(name)
    return Protocol() if same is None else Protocol.model_validate(said["protocols"][same])


def is_instructed(name: str) -> bool:
    """Whether mteb says that a model of its is given prompts or instructions."""
    return name in shipped_json(_FILE)["instructed"]


def has_own_code(name: str) -> bool:
    """Whether mteb computes a name by code of its own, not by a SentenceTransformer."""
    return name in shipped_json(_FILE)["own_code"]


def gives_token_vectors(name: str) -> bool:
    """Whether mteb says that a model of its gives a vector of each token of a text."""
    return name in shipped_json(_FILE)["multi_vector"]


def required_extras(name: str) -> list[str]:
    """The extras of mteb that a name of its needs."""
    found: list[str] = shipped_json(_FILE)["extras"].get(name, [])
    return found


def known_names() -> list[str]:
    """Every model name that can be typed: the user's own, the registry's, mteb's."""
    own = [entry.name for entry in users_entries()]
    return list(dict.fromkeys([*own, *registry(), *mteb_models()]))
