"""Prompt policy: which template a text gets, by task, task type and role."""

import re
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict, model_validator

PLACEHOLDER = "{text}"
NO_PROMPT = ""
# the authors' own, by the names that their code and papers use
NAMED = {
    "A": 'Summarize sentence "{text}" in one word:"',
    "B": 'You can only output one word. Summarize "{text}":"',
    "C": "Represent this sentence for searching relevant passages: {text}",
    "none": NO_PROMPT,
}

_VARIANT = re.compile(r"(HardNegatives)?(\.v\d+)?$")
_CQADUPSTACK = re.compile(r"^CQADupstack\w+Retrieval$")
# the roles that mteb encodes texts in; other types have none
_ROLES: dict[str, tuple[str | None, ...]] = {
    name: ("query", "document")
    for name in ("Retrieval", "Reranking", "InstructionRetrieval", "InstructionReranking")
}
_RENAMED = {"Touche2020Retrieval": "Touche2020"}

_MTEB_ROLES = ("query", "document")
_ANY_ROLE = ""  # in an entry by role: of every other role, and of texts without one

ByRole = str | dict[str, str]


def base_task(name: str) -> str:
    """The task whose prompt entry a variant inherits.

    >>> [base_task(n) for n in ("FEVERHardNegatives", "STS22.v2", "CQADupstackTexRetrieval")]
    ['FEVER', 'STS22', 'CQADupstackRetrieval']
    """
    base = _VARIANT.sub("", name)
    if _CQADUPSTACK.match(base):
        return "CQADupstackRetrieval"
    return _RENAMED.get(base, base)


class PromptPolicy(BaseModel):
    """Templates by task, task type and role; `""` means explicitly none.

    The order of CONTRACTS "Prompts": task and role, task, type and role, type, role, default.
    Roles are mteb's prompt types, `query` and `document`; STS texts have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: str = NO_PROMPT
    role: dict[str, str] = {}
    type: dict[str, ByRole] = {}
    task: dict[str, ByRole] = {}

    @model_validator(mode="after")
    def _templates_hold_the_text_once(self) -> "PromptPolicy":
        for template in self.templates():
            check_template(template)
        return self

    def templates(self) -> Iterator[str]:
        """Every template of the policy."""
        yield self.default
        yield from self.role.values()
        for entry in (*self.type.values(), *self.task.values()):
            yield from [entry] if isinstance(entry, str) else entry.values()

    def template_for(self, task: str | None, task_type: str | None, role: str | None) -> str:
        """The template for a text of this task, type and role; the first match wins."""
        names = [name for name in (task, base_task(task) if task else None) if name is not None]
        entries = [self.task.get(name) for name in names]
        entries.append(self.type.get(task_type) if task_type else None)
        for entry in entries:
            if isinstance(entry, str):
                return entry
            for known in (role, _ANY_ROLE):
                if entry is not None and known in entry:
                    return entry[known]
        return self.role.get(role, self.default) if role else self.default

    def summary(self, tasks: Iterable[tuple[str, str]]) -> str:
        """A few words on the prompts that tasks get, given as pairs of name and type.

        Without tasks it is the default one, or where that is none, whatever there is.
        """
        used = {template for _, _, template in self.used(tasks)}
        used = used or {self.default} - {NO_PROMPT} or set(self.templates())
        if used <= {NO_PROMPT}:
            return "no prompt"
        return f"prompt {named(used.pop())}" if len(used) == 1 else "prompts by task"

    def used(self, tasks: Iterable[tuple[str, str]]) -> list[tuple[str, str | None, str]]:
        """Task, role and template of every text that tasks have, given as pairs of name and type.

        The role is None for types whose texts have none, such as STS.
        """
        return [
            (name, role, self.template_for(name, task_type, role))
            for name, task_type in tasks
            for role in _ROLES.get(task_type, (None,))
        ]

    def by_template(self, tasks: Iterable[tuple[str, str]]) -> list[str]:
        """A line for every template: its name or words, and the tasks and roles that get it."""
        where: dict[str, list[str]] = {}
        for name, role, template in self.used(tasks):
            where.setdefault(template, []).append(name if role is None else f"{name} ({role})")
        return [f"prompt {named(template)}: {', '.join(w)}" for template, w in where.items()]


def mteb_policy(prompts: Mapping[str, str]) -> PromptPolicy:
    """The policy of prompts under mteb's keys: a role, or a task or type with or without a role.

    Args:
        prompts: Templates, or prefixes of texts, as `model_prompts` of mteb's loaders has them.

    >>> mteb_policy({"query": "q: "}).template_for("ArguAna", "Retrieval", "query")
    'q: {text}'
    """
    roles: dict[str, str] = {}
    entries: dict[str, dict[str, str]] = {}
    for key, text in prompts.items():
        template = text if PLACEHOLDER in text or not text else f"{text}{PLACEHOLDER}"
        if key in _MTEB_ROLES:
            roles[key] = template
            continue
        name, dash, role = key.rpartition("-")
        if not dash or role not in _MTEB_ROLES:
            name, role = key, _ANY_ROLE
        entries.setdefault(name, {})[role] = template
    # mteb keeps tasks and types in one table; no task is called like a type
    plain = {name: _simplest(entry) for name, entry in entries.items()}
    return PromptPolicy(role=roles, task=plain, type=plain)


def _simplest(entry: dict[str, str]) -> ByRole:
    return entry[_ANY_ROLE] if list(entry) == [_ANY_ROLE] else entry


def check_template(template: str) -> None:
    """Refuse a template that does not hold `{text}` exactly once.

    Raises:
        ValueError: With what is wrong and an example.
    """
    if template != NO_PROMPT and template.count(PLACEHOLDER) != 1:
        raise ValueError(
            f"the prompt {template!r} must hold {PLACEHOLDER} exactly once, "
            f"as in 'query: {PLACEHOLDER}'"
        )


def typed_template(typed: str) -> str:
    """The template that a name or a template stands for.

    Raises:
        ValueError: It is neither.

    >>> typed_template("none"), typed_template("query: {text}")
    ('', 'query: {text}')
    """
    by_name = {name.casefold(): template for name, template in NAMED.items()}
    template = by_name.get(typed.strip().casefold(), typed)
    if template == NO_PROMPT and typed.strip().casefold() != "none":
        raise ValueError("an empty prompt is written none")
    check_template(template)
    return template


def named(template: str) -> str:
    """How a template is shown: by the authors' letter if it has one.

    >>> named(""), named("query: {text}"), named(NAMED["C"])
    ('none', "'query: {text}'", 'C')
    """
    letters = [name for name, known in NAMED.items() if known == template]
    return letters[0] if letters else repr(template)


def prepare_sentence(text: str) -> str:
    """A sentence as the authors' STS script gives it to their LLaMA checkpoints.

    A sentence gets a final `.` unless it ends in one of `. ? " '`; double quotes become single
    ones, and then a final `?` becomes `.`.

    >>> prepare_sentence('He said "no"'), prepare_sentence("Why?"), prepare_sentence("A dog")
    ("He said 'no'", 'Why.', 'A dog.')
    """
    if text and text[-1] not in ".?\"'":
        text += "."
    text = text.replace('"', "'")
    return f"{text[:-1]}." if text.endswith("?") else text


def render(template: str, text: str) -> str:
    """Put a text into its template; other braces stay as they are."""
    return template.replace(PLACEHOLDER, text, 1) if template else text
