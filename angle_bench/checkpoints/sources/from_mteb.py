"""A ModelSpec from a name that mteb's own loader loads."""

from dataclasses import replace

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.checkpoints.registry.mteb_models import (
    NO_REVISION,
    gives_token_vectors,
    mteb_models,
    mteb_protocol,
)
from angle_bench.checkpoints.sources.from_hub import of_commit
from angle_bench.checkpoints.sources.row_settings import refuse_overrides
from angle_bench.checkpoints.spec import ModelSpec


def from_mteb(ref: ModelRef, name: str, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    """A name that mteb's own loader loads, in mteb's spelling.

    With a setting it is computed here, under the prompts of that loader where no others are typed.

    Raises:
        UsageError: A setting was typed, and that loader prompts by code of its own, or another
            library has to compute the folder.
        ModelError: It is to be computed here, and cannot be fetched or read.
    """
    revision = ref.revision or mteb_models()[name] or NO_REVISION
    if overrides.given() and mteb_protocol(name) is not None:
        if overrides.prompt is None:
            overrides = replace(overrides, prompts=overrides.prompts or "mteb")
        known = None if revision == NO_REVISION else revision
        return of_commit(ModelRef(name, ref.label), hub.commit_of(name, known), overrides, access)
    refuse_overrides(name, "mteb", overrides)
    return ModelSpec(
        name=name,
        label=ref.label or name.rpartition("/")[2],
        revision=revision,
        loader="mteb",
        kind="multi-vector encoder" if gives_token_vectors(name) else "encoder",
    )
