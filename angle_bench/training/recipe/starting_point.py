"""The checkpoint that a recipe starts from, under the recipe's settings. No torch."""

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import ROLES, PromptPolicy
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.errors import NotRecordedError, UsageError, fix_said_as
from angle_bench.training.recipe.data_sections import Prompts
from angle_bench.training.recipe.recipe import Recipe

# what none trains by, and none teaches by, and why
NO_VECTOR: dict[str | int, str] = {
    "all": "a vector of every token, not one of a text",
    "cls_avg_v0": "by which the padding of its batch is part of a vector",
}


def starting_point(recipe: Recipe, access: LoadOptions) -> ModelSpec:
    """The checkpoint of a recipe; its settings are those that the candidate is to be used with.

    Raises:
        UsageError: It is unknown, or is none that can be trained here.
        ModelError: It cannot be read.
    """
    model = recipe.model
    changes = Overrides(
        pooling=model.pooling,
        max_length=model.max_length,
        include_prompt=model.include_prompt,
        bidirectional_start=model.bidirectional_start,
        prompt=None if recipe.prompts is None else "none",  # put in below
    )
    try:
        with fix_said_as("-m ", "--set model.name="):
            spec = resolve(model.name, changes, access)
    except NotRecordedError as error:
        raise UsageError(
            error.what,
            """--set 'model.pooling="last"' --set 'prompts.text="…{text}…"', or '' for none""",
        ) from error
    if spec.loader != "transformers" or spec.settings is None:
        raise UsageError(
            f"{spec.name} is loaded by {spec.computed_by}, and cannot be trained here.",
            "a model.name that is a checkpoint of transformers",
        )
    pooling = spec.settings.pooling
    if pooling in NO_VECTOR:
        raise UsageError(
            f"{spec.label} has the pooling {pooling}, {NO_VECTOR[pooling]}.",
            f"--set model.pooling={'cls_avg' if pooling == 'cls_avg_v0' else 'mean'}",
        )
    if spec.base is not None and (recipe.model.trainable or recipe.model.frozen):
        key = "trainable" if recipe.model.trainable else "frozen"
        raise UsageError(
            f"{spec.label} is an adapter, which trains as a whole on a frozen base; model.{key} "
            "is of the weights of a whole model.",
            f"the recipe without model.{key}; or angle-bench export --to merged first",
        )
    if spec.base is not None and recipe.lora is not None:
        raise UsageError(
            f"{spec.label} is an adapter already, and [lora] would put another one on it.",
            "the recipe without [lora], which trains the adapter further; or angle-bench export "
            "--to merged first",
        )
    settings = _prompted(spec.settings, recipe.prompts)
    for role in (None, *ROLES):
        settings.prompts.template_for(None, None, role)  # refuses {instruction}
    return spec.model_copy(update={"settings": settings})


def _prompted(settings: Settings, prompts: Prompts | None) -> Settings:
    if prompts is None:
        return settings
    role = {"query": prompts.query, "document": prompts.document}
    same = prompts.query == prompts.document == prompts.text
    policy = PromptPolicy(default=prompts.text, role={} if same else role)
    return settings.model_copy(update={"prompts": policy})
