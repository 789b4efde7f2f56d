"""Prompt policy: which template a text gets, by task, task type and role."""

import re
from collections.abc import Iterable, Iterator

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
            if entry is not None and role in entry:
                return entry[role]
        return self.role.get(role, self.default) if role else self.default

    def summary(self, tasks: Iterable[tuple[str, str]]) -> str:
        """A few words on the prompts that tasks get, given as pairs of name and type."""
        used = {
            self.template_for(name, task_type, role)
            for name, task_type in tasks
            for role in _ROLES.get(task_type, (None,))
        }
        if used <= {NO_PROMPT}:
            return "no prompt"
        return f"prompt {used.pop()!r}" if len(used) == 1 else "prompts by task"


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


def render(template: str, text: str) -> str:
    """Put a text into its template; other braces stay as they are."""
    return template.replace(PLACEHOLDER, text, 1) if template else text
