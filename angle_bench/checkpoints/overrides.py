"""Settings typed for one run, over those that a checkpoint has of its own."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.registry.mteb_models import mteb_name, mteb_protocol
from angle_bench.checkpoints.spec import POOLINGS, Settings, typed_pooling
from angle_bench.checkpoints.templates import typed_template
from angle_bench.errors import UsageError

# what to type instead of a value that cannot be
_POSSIBLE = {
    "attention": "sdpa, eager or flash_attention_2",
    "dtype": "float32, bfloat16 or float16",
    "max-length": "128",
    "similarity": "cosine or dot",
}


@dataclass(frozen=True)
class Overrides:
    """Settings typed for one run; None leaves the checkpoint's own."""

    pooling: str | int | None = None
    prompt: str | None = None
    prompts: str | None = None  # "mteb": what mteb's own loader would put around texts
    max_length: int | None = None
    dtype: str | None = None
    attention: str | None = None
    compile: bool | None = None
    similarity: str | None = None
    bidirectional_start: int | None = None
    quantization: str | None = None
    merge_adapter: bool | None = None
    include_prompt: bool | None = None
    prepare_sentence: bool | None = None

    def given(self) -> dict[str, Any]:
        """Only what was typed."""
        return {key: value for key, value in vars(self).items() if value is not None}

    def apply(self, settings: Settings, name: str) -> Settings:
        """The settings with these changes.

        Args:
            settings: The checkpoint's own.
            name: Its hub id, which mteb's prompts go by.

        Raises:
            UsageError: A value is not one of the allowed ones.
        """
        changes = self.given()
        changes.pop("prompt", None)
        changes.pop("prompts", None)
        if (policy := self.prompt_policy(name, settings.prompts)) is not None:
            changes["prompts"] = policy
        if self.pooling is not None:
            changes["pooling"] = typed_pooling(str(self.pooling))
        try:
            return settings.with_changes(**changes)
        except ValidationError as error:
            raise _impossible(error) from error

    def prompt_policy(self, name: str, own: PromptPolicy) -> PromptPolicy | None:
        """What was typed of prompts; None where nothing was.

        Args:
            name: The hub id, which mteb's prompts go by.
            own: The policy of the checkpoint itself.

        Raises:
            UsageError: There is no such prompt or policy.
        """
        if self.prompts is None:
            return None if self.prompt is None else _one_prompt(self.prompt)
        if self.prompt is not None:
            raise UsageError(
                "--prompt and --prompts cannot be combined.", f"--prompt {self.prompt}"
            )
        if self.prompts != "mteb":
            raise UsageError(
                f"there is no prompt policy {self.prompts}.",
                "--prompts mteb, or --prompt PROMPT around every text",
            )
        known = mteb_name(name)
        if known is None:
            raise UsageError(
                f"mteb has no prompts of {name}.", "--prompt A, B, C, none or a template"
            )
        protocol = mteb_protocol(known)
        if protocol is None:
            raise UsageError(
                f"mteb's loader of {known} puts prompts around texts by code of its own, which "
                "--prompts mteb cannot follow.",
                "--prompt PROMPT, or a template of your own for each type in angle-bench.toml",
            )
        return protocol.policy(own)


def _one_prompt(typed: str) -> PromptPolicy:
    """One template around every text, whatever its task and role."""
    try:
        return PromptPolicy(default=typed_template(typed))
    except ValueError as error:
        raise UsageError(
            f"--prompt {typed!r} cannot be used: {error}.",
            "--prompt A, B, C, none or a template such as 'query: {text}'",
        ) from error


def _impossible(error: ValidationError) -> UsageError:
    first = error.errors()[0]
    name = str(first["loc"][0]).replace("_", "-")
    if name == "pooling":
        known = ", ".join(pooling for pooling in POOLINGS if pooling != "all")
        return UsageError(
            f"--pooling {first['input']} is not possible: there is no such pooling.",
            f"--pooling {known} or the number of a token",
        )
    return UsageError(
        f"--{name} {first['input']} is not possible: {first['msg'].lower()}.",
        f"--{name} {_POSSIBLE.get(name, 'with another value')}",
    )
