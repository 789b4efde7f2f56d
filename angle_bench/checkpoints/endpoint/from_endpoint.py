"""A ModelSpec from `openai:MODEL@URL`: the server is asked who it is."""

import re

import numpy as np

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.endpoint.api_client import EmbeddingsApi
from angle_bench.checkpoints.endpoint.endpoint import Endpoint
from angle_bench.checkpoints.endpoint.endpoint_ref import (
    KEY_VARIABLE,
    EndpointRef,
    api_key,
    endpoint_ref,
)
from angle_bench.checkpoints.endpoint.probe import (
    PROBES,
    Vectors,
    packed,
    recognised,
    reported_of,
)
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import UsageError, or_list, some

ORGANISATION = "endpoint"  # of the folders that results of endpoints are stored in


def from_endpoint(
    ref: ModelRef,
    overrides: Overrides,
    access: LoadOptions,
    prompts: PromptPolicy = PromptPolicy(),  # noqa: B008  frozen
) -> ModelSpec:
    """An endpoint, asked what it reports of the model, and for the vectors of the probe texts.

    Args:
        ref: What is typed.
        overrides: Settings that were typed, of which it takes prompts.
        access: Where models are and what of them may run: a server takes none of it.
        prompts: What is put around texts where no others are typed.

    Raises:
        UsageError: It has no address, or a setting was typed that no endpoint takes.
        ModelError: The server cannot be reached, or does not answer as it should.
    """
    asked = endpoint_ref(ref)
    _refuse_settings(asked, overrides, access)
    prompts = overrides.prompt_policy(asked.model, prompts) or prompts
    with EmbeddingsApi(asked) as api:
        models = api.models()
        probe = api.submit(PROBES).result().vectors
    reported = reported_of(asked.model, models)
    revision, changed = recognised(asked, reported, probe)
    notes = (changed, _unlisted(asked, reported, models), _in_clear(asked))
    return ModelSpec(
        name=f"{ORGANISATION}/{re.sub(r'[^A-Za-z0-9_.-]+', '-', asked.model)}",
        label=ref.label or f"openai:{asked.model}",
        revision=revision,
        loader="endpoint",
        endpoint=Endpoint(
            url=asked.address,
            model=asked.model,
            reported=reported,
            probe=packed(probe),
            width=probe.shape[1],
            normalizes=is_normalized(probe),
            prompts=prompts,
        ),
        note="; ".join(filter(None, notes)) or None,
    )


def is_normalized(vectors: Vectors) -> bool:
    """Whether vectors have length 1, up to what half precision rounds."""
    return bool(np.abs(np.linalg.norm(vectors, axis=1) - 1.0).max() < 0.01)


def _refuse_settings(asked: EndpointRef, overrides: Overrides, access: LoadOptions) -> None:
    given = [key for key in overrides.given() if key not in ("prompt", "prompts")]
    options = [f"--{key.replace('_', '-')}" for key in given]
    options += ["--base"] if access.base is not None else []
    options += ["--trust-remote-code"] if access.trust.remote_code else []
    options += ["--allow-pickle"] if access.trust.pickle else []
    if options:
        raise UsageError(
            f"{asked.typed} is computed by its server; {or_list(options)} cannot change that.",
            f"the same command without {or_list(options)}",
        )


def _unlisted(
    asked: EndpointRef, reported: str, models: list[dict[str, object]] | None
) -> str | None:
    """That a server answers for a model that it does not list, as some do for any name."""
    if reported or not models:
        return None
    listed = some([str(each.get("id")) for each in models])
    return f"{asked.address} lists {listed}, not {asked.model}, and answers for it all the same"


def _in_clear(asked: EndpointRef) -> str | None:
    if asked.address.startswith("https://") or asked.is_loopback or not api_key().secret:
        return None
    return f"texts and {KEY_VARIABLE} go to {asked.address} unencrypted"
