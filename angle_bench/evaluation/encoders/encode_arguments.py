"""The arguments of `encode`, checked: what a call asks for beside its texts."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from angle_bench.checkpoints.prompts import ROLES
from angle_bench.checkpoints.templates import (
    INSTRUCTION,
    PLACEHOLDER,
    as_template,
    check_written,
    placeholders,
)
from angle_bench.errors import UsageError, did_you_mean, or_list


class ArgumentError(UsageError, ValueError):
    """An argument of `encode` that cannot be honoured."""


@dataclass(frozen=True)
class EncodeCall:
    """What a call of `encode` asks for beside its texts.

    Attributes:
        task: The name of mteb's task.
        task_type: Its type.
        metadata: The task as mteb describes it.
        role: `query`, `document` or None.
        prompt: The prompt itself, before all others.
        prompt_name: The name of a prompt of the checkpoint.
        batch_size: The most texts of a batch, for libraries that cut batches by texts.
    """

    task: str | None = None
    task_type: str | None = None
    metadata: Any = None
    role: str | None = None
    prompt: str | None = None
    prompt_name: str | None = None
    batch_size: int = 32


def prompt_named(name: str, prompts: Mapping[str, str], model: str) -> str:
    """The prompt of a name.

    Raises:
        ArgumentError: There is none of that name; those that there are are named.
    """
    if not isinstance(name, str) or name not in prompts:
        near = did_you_mean(str(name), prompts)
        hint = f" Did you mean {or_list(near)}?" if near else ""
        raise ArgumentError(
            f"{model} has no prompt named {name!r}, only {', '.join(prompts) or 'none'}.{hint}",
            f'prompt_name="{(near or list(prompts) or ["query"])[0]}", or prompt="…" for its text',
        )
    return prompts[name]


def call_template(prompt: str) -> str:
    """The template of a call's prompt, which stands before a text or holds `{text}` itself.

    Raises:
        ArgumentError: It holds a word in braces that nothing fills.
    """
    words = placeholders(prompt)
    template = prompt if PLACEHOLDER in words else as_template(prompt)
    if INSTRUCTION in words and PLACEHOLDER not in words:  # never encoded as it is written
        template = f"{prompt}{PLACEHOLDER}"
    try:
        check_written(template)
    except ValueError as error:
        raise ArgumentError(f"{error}.", 'prompt="query: "') from error
    return template


def role_of(role: str | None, prompt_type: Any) -> str | None:
    """The role of a call: ours, or mteb's.

    Raises:
        ArgumentError: They differ, or there is no such role.
    """
    theirs = None if prompt_type is None else str(getattr(prompt_type, "value", prompt_type))
    if role is not None and theirs is not None and role != theirs:
        raise ArgumentError(
            f"role={role!r} and prompt_type={theirs!r} cannot be combined.", "one of the two"
        )
    asked = role if role is not None else theirs
    return None if asked is None else one_of("role", asked, ROLES)


def prompt_of(prompt: str | None) -> str | None:
    """The prompt of a call, as it was given.

    Raises:
        ArgumentError: It is no string.
    """
    if prompt is not None and not isinstance(prompt, str):
        raise ArgumentError(f"the prompt {prompt!r} is no string.", 'prompt="query: "')
    return prompt


def one_of(what: str, given: str, known: tuple[str, ...]) -> str:
    """A value that is known, as it was given.

    Raises:
        ArgumentError: It is not known; those that are are named.
    """
    if given not in known:
        near = did_you_mean(str(given), known) or list(known)
        raise ArgumentError(
            f"there is no {what} {given!r}, only {or_list(list(known))}.", f'{what}="{near[0]}"'
        )
    return given


def count_of(what: str, given: Any) -> int:
    """A whole number of 1 or more, as it was given.

    Raises:
        ArgumentError: The value is not a whole number of 1 or more.
    """
    try:
        number = 0 if isinstance(given, bool) else operator.index(given)
    except TypeError:
        number = 0
    if number < 1:
        raise ArgumentError(f"{what} is {given!r}, no whole number of 1 or more.", f"{what}=32")
    return number
