"""Models that we do not compute: through the library that does."""

from typing import Any

from angle_bench.errors import ModelError, first_line
from angle_bench.models.backbone import pick_device
from angle_bench.models.spec import ModelSpec


def load_foreign(spec: ModelSpec, device: str) -> Any:
    """A model of mteb's registry, or a folder of sentence-transformers, in mteb's wrapper.

    Raises:
        ModelError: Its library cannot load it.
    """
    load = _from_mteb if spec.loader == "mteb" else _from_sentence_transformers
    return load(spec, str(pick_device(device)))


def _from_mteb(spec: ModelSpec, device: str) -> Any:
    import mteb

    revision = None if spec.revision == "no_revision_available" else spec.revision
    try:
        return mteb.get_model(spec.name, revision=revision, device=device)
    except Exception as error:  # its loaders raise whatever their libraries do
        raise ModelError(
            f"mteb could not load {spec.name}: {first_line(error)}",
            "the same command with a network, or what the message asks for",
        ) from error


def _from_sentence_transformers(spec: ModelSpec, device: str) -> Any:
    """Around it mteb's wrapper, under our name and revision."""
    from mteb.models.model_meta import ModelMeta, ScoringFunction
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(
            str(spec.folder),
            device=device,
            trust_remote_code=spec.trust.remote_code,
            local_files_only=True,
            model_kwargs={"dtype": "float32"},
        )
        encoder = SentenceTransformerEncoderWrapper(model)
    except Exception as error:  # it raises whatever its modules do
        raise ModelError(
            f"sentence-transformers could not load {spec.folder}: {first_line(error)}",
            "what the message asks for; --debug shows the traceback",
        ) from error
    encoder.mteb_model_meta = ModelMeta.create_empty(
        {
            "name": spec.name,
            "revision": spec.revision,
            "similarity_fn_name": ScoringFunction.COSINE,
            "framework": ["Sentence Transformers", "PyTorch"],
        }
    )
    return encoder
