"""Prompt policy: which template a text gets, by task, task type and role."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from angle_bench.checkpoints.instructions import ByRole, task_instruction, task_types
from angle_bench.checkpoints.templates import (
    NO_PROMPT,
    as_template,
    check_template,
    filled,
    has_literal,
    named,
    wants_instruction,
)
from angle_bench.errors import UsageError

ROLES = ("query", "document")  # mteb's prompt types
ANY_ROLE = ""  # in an entry by role: of every other role, and of texts without one

_VARIANT = re.compile(r"(HardNegatives)?(\.v\d+)?$")
_CQADUPSTACK = re.compile(r"^CQADupstack\w+Retrieval$")
# the roles that mteb encodes texts in; other types have none
_ROLES: dict[str, tuple[str | None, ...]] = {
    name: ROLES
    for name in (
        *("Retrieval", "Reranking", "Any2AnyRetrieval"),
        *("InstructionRetrieval", "InstructionReranking"),
    )
}
# pairs of a premise and a hypothesis, which mteb encodes as document and query
_PAIRS_WITH_ROLES = ("TERRa", "TERRa.V2")
_RENAMED = {"Touche2020Retrieval": "Touche2020"}

# what sentence-transformers takes for documents that nothing else prompts, the first that is there
DOCUMENT_NAMES = ("document", "passage", "corpus")


def alike(first: "PromptPolicy", second: "PromptPolicy") -> bool:
    """Whether two policies prompt every task alike, however they say it."""
    if first == second:
        return True
    if first.instruction != second.instruction and (any(map(wants_instruction, first.templates()))):
        return False
    names = [None, *{**first.task, **second.task}]
    return all(
        first.pattern_for(name, kind, role) == second.pattern_for(name, kind, role)
        for name in names
        for kind in task_types()
        for role in (*ROLES, None)
    )


def base_task(name: str) -> str:
    """The task whose prompt entry a variant inherits.

    >>> [base_task(n) for n in ("FEVERHardNegatives", "STS22.v2", "CQADupstackTexRetrieval")]
    ['FEVER', 'STS22', 'CQADupstackRetrieval']
    """
    base = _VARIANT.sub("", name)
    if _CQADUPSTACK.match(base):
        return "CQADupstackRetrieval"
    return _RENAMED.get(base, base)


def roles_of(task: str, task_type: str) -> tuple[str | None, ...]:
    """The roles of a task's texts; `(None,)` where they have none, such as those of STS."""
    if task in _PAIRS_WITH_ROLES:
        return ROLES
    return _ROLES.get(task_type, (None,))


class PromptPolicy(BaseModel):
    """Templates by task, task type and role; `""` means explicitly none.

    The order of CONTRACTS "Prompts": task and role, task, type and role, type, role, default.
    Roles are mteb's prompt types, `query` and `document`; STS texts have none. In an entry by role,
    `""` is for every role that it does not name, and for texts without one.

    Attributes:
        default: The template of texts that nothing else is for.
        role: Templates by role.
        type: Templates by task type, or by task type and role.
        task: Templates by task, or by task and role.
        variants: Whether a task's entry is also for its variants, such as `FEVERHardNegatives`;
            mteb's own prompts are not.
        instruction: What `{instruction}` stands for, by task, type or role, in this order, where
            it is not the task's own instruction in mteb; a text or texts by role.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: str = NO_PROMPT
    role: dict[str, str] = {}
    type: dict[str, ByRole] = {}
    task: dict[str, ByRole] = {}
    variants: bool = True
    instruction: dict[str, ByRole] = {}

    @model_validator(mode="after")
    def _templates_hold_the_text_once(self) -> "PromptPolicy":
        for template in self.templates():
            check_template(template)
        return self

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what policies did not have at first: those of stored results stay the same."""
        made: dict[str, Any] = handler(self)
        newer = {"variants": self.variants is True, "instruction": not self.instruction}
        return {key: value for key, value in made.items() if not newer.get(key, False)}

    @property
    def filled_otherwise(self) -> bool:
        """Whether its words in braces are filled, or doubled; once they were taken as they are."""
        return any(
            wants_instruction(template) or has_literal(template) for template in self.templates()
        )

    def templates(self) -> Iterator[str]:
        """Every template of the policy."""
        yield self.default
        yield from self.role.values()
        for entry in (*self.type.values(), *self.task.values()):
            yield from [entry] if isinstance(entry, str) else entry.values()

    def template_for(
        self,
        task: str | None,
        task_type: str | None,
        role: str | None,
        instruction: ByRole | None = None,
    ) -> str:
        """The template for a text of this task, type and role, its instruction filled in.

        Args:
            task: A task's name, None for texts outside of any.
            task_type: Its type.
            role: `query` or `document`; None for texts that have none.
            instruction: A task's own, where mteb does not have the task.

        Raises:
            UsageError: The template wants an instruction, and there is no task that has one.
        """
        template = self.pattern_for(task, task_type, role)
        if not wants_instruction(template):
            return template
        if task is None:
            raise UsageError(
                f"the prompt {template!r} wants the instruction of a task, and texts outside of "
                "a task have none.",
                "a prompt with the instruction itself written in it, or --prompt none",
            )
        given = self._given_instruction(task, task_type, role)
        if given is None:
            given = task_instruction(task, task_type, role, instruction)
        return filled(template, given)

    def _given_instruction(self, task: str, task_type: str | None, role: str | None) -> str | None:
        for name in (task, task_type, role):
            if name is not None and name in self.instruction:
                entry = self.instruction[name]
                return entry if isinstance(entry, str) else entry.get(role or ANY_ROLE, "")
        return None

    def pattern_for(self, task: str | None, task_type: str | None, role: str | None) -> str:
        """The same, with `{instruction}` as it is written; the first match wins."""
        names = [name for name in (task, base_task(task) if task else None) if name is not None]
        entries = [self.task.get(name) for name in (names if self.variants else names[:1])]
        entries.append(self.type.get(task_type) if task_type else None)
        for entry in entries:
            if isinstance(entry, str):
                return entry
            for known in (role, ANY_ROLE):
                if entry is not None and known in entry:
                    return entry[known]
        return self.role.get(role, self.default) if role else self.default

    def summary(self, tasks: Iterable[tuple[str, str]]) -> str:
        """A few words on the prompts that tasks get, given as pairs of name and type.

        Without tasks it is the default one, or where that is none, whatever there is.
        """
        used = {pattern for _, _, pattern in self.used(tasks)}
        used = used or {self.default} - {NO_PROMPT} or set(self.templates())
        if used <= {NO_PROMPT}:
            return "no prompt"
        return f"prompt {named(used.pop())}" if len(used) == 1 else "prompts by task"

    def used(self, tasks: Iterable[tuple[str, str]]) -> list[tuple[str, str | None, str]]:
        """Task, role and template of every text that tasks have, given as pairs of name and type.

        The role is None for types whose texts have none, such as STS. `{instruction}` stays.
        """
        return [
            (name, role, self.pattern_for(name, task_type, role))
            for name, task_type in tasks
            for role in roles_of(name, task_type)
        ]

    def by_template(self, tasks: Iterable[tuple[str, str]]) -> list[str]:
        """A line for every template: its name or words, and the tasks and roles that get it."""
        where: dict[str, list[str]] = {}
        for name, role, template in self.used(tasks):
            where.setdefault(template, []).append(name if role is None else f"{name} ({role})")
        return [f"prompt {named(template)}: {', '.join(w)}" for template, w in where.items()]


def mteb_policy(
    prompts: Mapping[str, str], default: str = NO_PROMPT, *, templates: bool = False
) -> PromptPolicy:
    """The policy of prompts under mteb's keys: a role, or a task or type with or without a role.

    It is mteb's order: task and role, task, type and role, type, role. For documents that none
    of these prompts, sentence-transformers takes `document`, `passage` or `corpus`, the first that
    is there; for other texts its default.

    Args:
        prompts: What stands before a text, by key.
        default: What stands before texts without an entry: the prompt of `default_prompt_name`.
        templates: Whether prompts are templates with `{text}`.

    >>> mteb_policy({"query": "q: "}).template_for("ArguAna", "Retrieval", "query")
    'q: {text}'
    """
    made = {key: text if templates else as_template(text) for key, text in prompts.items()}
    roles = {"query": made["query"]} if "query" in made else {}
    if document := next((name for name in DOCUMENT_NAMES if name in made), None):
        roles["document"] = made[document]
    entries: dict[str, ByRole] = {}
    for key, template in made.items():
        name, _, role = key.rpartition("-")
        by_role = bool(name) and role in ROLES
        if not by_role and key in ("query", *DOCUMENT_NAMES):
            continue
        name, role = (name, role) if by_role else (key, ANY_ROLE)
        entry = entries.setdefault(name, {})
        if isinstance(entry, dict):
            entry[role] = template
    plain = {name: _without_roles(entry) for name, entry in entries.items()}
    return PromptPolicy(
        default=default if templates else as_template(default),
        role=roles,
        # mteb keeps tasks and types in one table; no task is called like a type
        task=plain,
        type=plain,
        variants=not plain or set(plain) <= task_types(),
    )


def _without_roles(entry: ByRole) -> ByRole:
    return entry[ANY_ROLE] if isinstance(entry, dict) and set(entry) == {ANY_ROLE} else entry
