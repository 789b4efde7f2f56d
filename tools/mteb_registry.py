"""What `make generate` reads of mteb that mteb does not document: its registries."""

from mteb.get_tasks import _SIMILAR_TASKS as SIMILAR_TASKS
from mteb.get_tasks import _TASKS_REGISTRY as TASKS
from mteb.models.get_model_meta import _MODEL_RENAMES as MODEL_RENAMES
from mteb.models.model_implementations import MODEL_REGISTRY as MODELS
from mteb.models.model_implementations.bmretriever_models import BMRetrieverWrapper
from mteb.models.model_implementations.kalm_models import KALMWrapper
from mteb.models.model_implementations.nomic_models import NomicWrapper
from mteb.models.model_implementations.qwen3_models import q3e_instruct_loader
from mteb.models.model_implementations.samilpwc_models import instruct_loader
from mteb.models.model_implementations.uae_models import UAEWrapper
from mteb.models.model_implementations.voyage_models import voyage_4_nano_loader
from mteb.models.model_meta import ModelMeta

__all__ = [
    "MODELS",
    "MODEL_RENAMES",
    "SIMILAR_TASKS",
    "TASKS",
    "BMRetrieverWrapper",
    "KALMWrapper",
    "NomicWrapper",
    "UAEWrapper",
    "extras_of",
    "instruct_loader",
    "q3e_instruct_loader",
    "voyage_4_nano_loader",
]


def extras_of(meta: ModelMeta) -> list[str]:
    """The extras of mteb without which it refuses to load a model."""
    return [extra.replace("_", "-") for extra in meta._resolve_extras_groups()]
