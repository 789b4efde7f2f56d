"""sentence-transformers folders with parts that we do not compute: through that library itself."""

from typing import Any

from angle_bench.errors import ModelError, first_line
from angle_bench.models.spec import ModelSpec


def load_foreign(spec: ModelSpec, device: str) -> Any:
    """Mteb's own wrapper of sentence-transformers around a folder, under our name and revision.

    Raises:
        ModelError: sentence-transformers cannot load it.
    """
    from mteb.models.model_meta import ModelMeta, ScoringFunction
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
    from sentence_transformers import SentenceTransformer

    from angle_bench.models.backbone import pick_device

    try:
        model = SentenceTransformer(
            str(spec.folder),
            device=str(pick_device(device)),
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
