"""Cross-encoders, sparse and multi-vector encoders: of sentence-transformers, by mteb's wrappers.

mteb's own wrapper decides what is scored how; here the folder is loaded, and named as it is stored.
"""

from typing import Any

from angle_bench.checkpoints.folder.weights import names_of_weights
from angle_bench.checkpoints.loading.devices import pick_device
from angle_bench.checkpoints.loading.panics import panics_caught
from angle_bench.checkpoints.spec import Kind, ModelSpec
from angle_bench.errors import ModelError, first_line
from angle_bench.evaluation.encoders.libraries.foreign import devices_of, names_dtype
from angle_bench.evaluation.run.run_options import Computing

# of each kind: its class in sentence-transformers, mteb's wrapper of that, mteb's name of the kind
_WRAPPED: dict[Kind, tuple[str, str, str]] = {
    "cross-encoder": ("CrossEncoder", "CrossEncoderWrapper", "cross-encoder"),
    "sparse encoder": ("SparseEncoder", "SparseEncoderWrapper", "sparse"),
    "multi-vector encoder": ("MultiVectorEncoder", "MultiVectorWrapper", "late-interaction"),
}


def load_wrapped(spec: ModelSpec, computing: Computing) -> Any:
    """A folder that gives no vector of a text, in the wrapper by which mteb scores it.

    Raises:
        ModelError: It cannot be loaded, or its weights have no head.
    """
    import sentence_transformers
    from mteb.models import sentence_transformer_wrapper

    assert spec.folder is not None
    kind, wrapper, _ = _WRAPPED[spec.kind]
    try:
        with panics_caught():
            model = getattr(sentence_transformers, kind)(
                str(spec.folder),
                device=str(pick_device(devices_of(computing.device)[0])),
                trust_remote_code=spec.trust.remote_code,
                local_files_only=True,
                model_kwargs=None if names_dtype(spec) else {"dtype": "float32"},
            )
    except Exception as error:  # it raises whatever its modules do
        raise ModelError(
            f"sentence-transformers could not load {spec.folder}: {first_line(error)}",
            "what the message asks for; --debug shows the traceback",
        ) from error
    if spec.kind == "cross-encoder":
        _refuse_several_scores(spec, model)
        _refuse_random_head(spec, model)
    wrapped = getattr(sentence_transformer_wrapper, wrapper)(model)
    wrapped.mteb_model_meta = _meta(spec, model, wrapped.mteb_model_meta)
    return wrapped


def _refuse_several_scores(spec: ModelSpec, model: Any) -> None:
    if (count := model.num_labels) != 1:
        raise ModelError(
            f"{spec.label} is a cross-encoder of {count} labels; documents are ranked by one "
            "score.",
            "a cross-encoder with num_labels=1",
        )


def _refuse_random_head(spec: ModelSpec, model: Any) -> None:
    """Refuse a classifier whose weights hold the transformer alone: its scores would be noise."""
    assert spec.folder is not None
    transformer = model.transformers_model
    prefix = getattr(transformer, "base_model_prefix", "")
    stored = names_of_weights(spec.folder)
    names = [] if transformer is None else list(transformer.state_dict())
    head = [name for name in names if not name.startswith(f"{prefix}.")]
    if stored and head and not set(head) & stored:
        raise ModelError(
            f"the weights of {spec.folder} lack the head of a cross-encoder, such as {head[-1]}: "
            "it would be random.",
            "the folder of a trained cross-encoder",
        )


def _meta(spec: ModelSpec, model: Any, theirs: Any) -> Any:
    """The description that mteb stores, under our name and revision."""
    from mteb.models.model_meta import ModelMeta

    return ModelMeta.create_empty(
        {
            "name": spec.name,
            "revision": spec.revision,
            "max_tokens": getattr(model, "max_seq_length", None),
            "n_parameters": sum(each.numel() for each in model.parameters()),
            "open_weights": True,
            "model_type": [_WRAPPED[spec.kind][2]],
            "experiment_kwargs": None
            if spec.settings_id is None
            else {"settings": spec.settings_id},
            "similarity_fn_name": theirs.similarity_fn_name,
            "framework": ["Sentence Transformers", "PyTorch"],
        }
    )
