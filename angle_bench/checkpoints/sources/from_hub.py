"""A ModelSpec from a repository of the hub."""

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.checkpoints.registry.mteb_models import known_names
from angle_bench.checkpoints.sources.from_folder import from_folder
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.checkpoints.suggestions import checkpoints_near
from angle_bench.errors import ModelError, UsageError, did_you_mean, or_list, shell_word


def from_hub(ref: ModelRef, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    """A repository of the hub that no row knows, downloaded.

    Raises:
        UsageError: There is none, and a name is near.
        ModelError: It cannot be fetched or read.
    """
    try:
        commit = hub.commit_of(ref.name, ref.revision)
        hub.fetch(ref.name, commit)
    except ModelError as error:
        if "gated" in error.what:
            raise
        here = checkpoints_near(ref.name)
        near = [*here, *did_you_mean(ref.name, known_names())][:3]
        if not near:
            raise
        unseen = not here and hub.state() != "online"  # then the name may be right
        fix = f"-m {shell_word(near[0])}" + (
            ", or the same command with a network" if unseen else ""
        )
        raise UsageError(f"{error.what} Did you mean {or_list(near)}?", fix) from error
    return of_commit(ref, commit, overrides, access)


def of_commit(ref: ModelRef, commit: str, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    """The files of a commit, which is the revision unless they are put on another base.

    Raises:
        ModelError: They cannot be fetched or read.
    """
    spec = from_folder(ref, hub.fetch(ref.name, commit), overrides, access, None, ref.name)
    return spec if access.base and spec.base else spec.model_copy(update={"revision": commit})
