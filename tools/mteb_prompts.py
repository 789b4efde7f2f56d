"""What mteb puts around texts, read off the installed mteb: instructions of tasks, and loaders.

A loader is asked with the model that it would load replaced by one that has no weights; what its
wrapper then makes of a task is its own code. Only wrappers whose way of prompting is known by its
class are put into data; the names of the others are listed, so that a run can refuse them.
"""

import inspect
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, get_args
from unittest.mock import MagicMock, patch

from mteb.abstasks.abstask import get_abstask_prompt
from mteb.abstasks.task_metadata import TaskMetadata, TaskType
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.instruct_wrapper import InstructSentenceTransformerModel
from mteb.models.model_meta import ModelMeta
from mteb.models.sentence_transformer_wrapper import (
    SentenceTransformerEncoderWrapper,
    sentence_transformers_loader,
)
from mteb.types import PromptType

from angle_bench.checkpoints.instructions import ByRole
from angle_bench.checkpoints.prompts import ANY_ROLE, ROLES, PromptPolicy, roles_of
from angle_bench.checkpoints.registry.mteb_protocol import Protocol, instructed_policy
from angle_bench.checkpoints.templates import INSTRUCTION, PLACEHOLDER, as_template, render
from tools.mteb_registry import (
    TASKS,
    BMRetrieverWrapper,
    KALMWrapper,
    NomicWrapper,
    UAEWrapper,
    instruct_loader,
    q3e_instruct_loader,
    voyage_4_nano_loader,
)

# functions that build one of the wrappers that are known
_FUNCTIONS = (
    *(q3e_instruct_loader, instruct_loader),
    *(voyage_4_nano_loader, sentence_transformers_loader),
)
_KNOWN = (SentenceTransformerEncoderWrapper, InstructSentenceTransformerModel)
# classes of mteb that prompt in a way of their own which data can hold
_READ = (UAEWrapper, NomicWrapper, KALMWrapper, BMRetrieverWrapper)
# which KALMWrapper gives no instruction, and a model whose vectors NomicWrapper changes as well
_UNINSTRUCTED_BY_KALM = ("STS", "PairClassification", "Summarization")
_CHANGED_BY_NOMIC = "nomic-ai/nomic-embed-text-v1.5"
_ASKING = ("get_instruction", "format_instruction", "get_task_instruction")
_SENTINEL = "what a task asks for"
# a rule with more exceptions than this is not the rule
_MOST_EXCEPTIONS = 25


def instructions_of_types() -> dict[str, str]:
    """What mteb instructs for tasks that have no prompt, by the type of the task."""
    found: dict[str, list[str]] = {name: [] for name in get_args(TaskType)}
    for kind in TASKS.values():
        found[kind.metadata.type].append(getattr(kind, "abstask_prompt", ""))
    return {name: max(texts, key=texts.count, default="") for name, texts in found.items()}


def own_instructions(
    metas: Iterable[TaskMetadata], by_type: Mapping[str, str]
) -> dict[str, ByRole]:
    """The instructions of tasks that differ from their type's: a text, or texts by role."""
    found: dict[str, ByRole] = {}
    for meta in metas:
        if isinstance(meta.prompt, dict):
            found[meta.name] = {str(role): text for role, text in meta.prompt.items()}
            continue
        instruction = meta.prompt or get_abstask_prompt(meta.name)
        if instruction != by_type[meta.type]:
            found[meta.name] = instruction
    return found


def protocol_of(meta: ModelMeta, tasks: Iterable[TaskMetadata]) -> Protocol | None:
    """What the loader of a model puts around the texts of tasks.

    Returns:
        None where that is code which no data can hold.
    """
    if meta.loader_kwargs.get("include_prompt") is False or not _is_known(meta.loader):
        return None
    if meta.name == _CHANGED_BY_NOMIC:
        return None
    wrapper = _without_weights(meta)
    encode = type(wrapper).encode
    if isinstance(wrapper, SentenceTransformerEncoderWrapper):
        given = meta.loader_kwargs.get("model_prompts") or {}
        prompts = {str(getattr(key, "value", key)): text for key, text in given.items()}
        if encode is UAEWrapper.encode:
            return Protocol(templates=prompts)
        if encode is NomicWrapper.encode:
            return Protocol(prompts=prompts, otherwise="document")
        return Protocol(prompts=prompts)
    uninstructed = _UNINSTRUCTED_BY_KALM if encode is KALMWrapper.encode else ()
    return _instructed(wrapper, tasks, uninstructed)


def _is_known(loader: Any) -> bool:
    if not inspect.isclass(loader):
        return loader in _FUNCTIONS
    if not issubclass(loader, _KNOWN):
        return False
    if loader in _READ:
        return True
    base = next(known for known in _KNOWN if issubclass(loader, known))
    kept = ("encode", "get_prompt_name", "__init__", *_ASKING)
    return all(getattr(loader, name) is getattr(base, name) for name in kept)


def wraps_a_transformer(meta: ModelMeta) -> bool:
    """Whether the loader of a model is one of mteb's wrappers around a SentenceTransformer."""
    loader = meta.loader
    return loader in _FUNCTIONS or (inspect.isclass(loader) and issubclass(loader, _KNOWN))


class _NoWeights:
    """What wrappers ask of sentence-transformers' model while they are built."""

    def __init__(self, *_: Any, prompts: dict[str, str] | None = None, **__: Any) -> None:
        self.prompts = {"query": "", "document": ""} | (prompts or {})
        self.default_prompt_name = None

    def _first_module(self) -> Any:
        config = SimpleNamespace(_attn_implementation="eager")
        return SimpleNamespace(auto_model=SimpleNamespace(config=config))


def _without_weights(meta: ModelMeta) -> Any:
    modules = "sentence_transformers.models"
    with (
        quiet(),  # mteb imports from a place that sentence-transformers has given up
        patch("sentence_transformers.SentenceTransformer", _NoWeights),
        patch(f"{modules}.Transformer", MagicMock()),
        patch(f"{modules}.Pooling", MagicMock()),
    ):
        return meta.loader(meta.name, revision=meta.revision, **meta.loader_kwargs)  # type: ignore[misc]


def _instructed(
    wrapper: InstructSentenceTransformerModel,
    tasks: Iterable[TaskMetadata],
    uninstructed: tuple[str, ...],
) -> Protocol | None:
    patterns: dict[str, str | None] = {role: _pattern(wrapper, role) for role in (*ROLES, ANY_ROLE)}
    if not wrapper.apply_instruction_to_passages:
        patterns["document"] = None
    given = {str(key): entry for key, entry in (wrapper.prompts_dict or {}).items()}
    common: dict[str, Any] = {"instructed": patterns, "instruction": given}
    protocol = Protocol(**common, uninstructed=uninstructed)
    exceptions: dict[str, dict[str, str]] = {}
    policy = instructed_policy(protocol)
    with quiet():
        for meta in (task for task in tasks if task.type not in uninstructed):
            if wrong := _exceptions(wrapper, policy, meta):
                exceptions[meta.name] = wrong
    if len(exceptions) > _MOST_EXCEPTIONS:
        return None
    return Protocol(**common, uninstructed=uninstructed, exceptions=exceptions)


def _pattern(wrapper: AbsEncoder, role: str) -> str:
    """The template of a role, `{instruction}` in the place of the instruction."""
    if wrapper.instruction_template is None:
        return f"{INSTRUCTION}{PLACEHOLDER}"
    made = wrapper.format_instruction(_SENTINEL, _prompt_type(role))
    return as_template(made).replace(_SENTINEL, INSTRUCTION)


def _exceptions(
    wrapper: InstructSentenceTransformerModel, policy: PromptPolicy, meta: TaskMetadata
) -> dict[str, str]:
    """Where the rule does not give what the wrapper gives: the right template by role."""
    wrong = {}
    for role in roles_of(meta.name, meta.type):
        if role == "document" and not wrapper.apply_instruction_to_passages:
            continue
        right = wrapper.get_task_instruction(meta, _prompt_type(role))
        if render(policy.template_for(meta.name, meta.type, role), "") != right:
            wrong[role or ANY_ROLE] = as_template(right)
    return wrong


def _prompt_type(role: str | None) -> PromptType | None:
    return None if role in (None, ANY_ROLE) else PromptType(role)


@contextmanager
def quiet() -> Iterator[None]:
    """Without mteb's notices, such as that a task has no prompt for a role."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
