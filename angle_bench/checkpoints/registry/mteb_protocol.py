"""What mteb's own loader of a name puts around texts, from generated data."""

from pydantic import BaseModel, ConfigDict

from angle_bench.checkpoints.instructions import ByRole
from angle_bench.checkpoints.prompts import ANY_ROLE, PromptPolicy, mteb_policy
from angle_bench.checkpoints.templates import INSTRUCTION, NO_PROMPT


class Protocol(BaseModel):
    """What a loader of mteb puts around texts; empty where it takes the folder's own prompts.

    Attributes:
        prompts: What stands before texts, under mteb's keys.
        otherwise: The key of `prompts` for texts that no key is for.
        templates: The same as templates with `{text}`.
        instructed: Templates with `{instruction}` by role, `""` for texts without one; None
            is what the folder has for texts without an entry.
        instruction: The loader's own instructions, by task, type or role.
        uninstructed: Types of tasks whose texts get what the folder has for texts without an entry.
        exceptions: Templates by task and role where that rule does not hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompts: dict[str, str] = {}
    otherwise: str = ""
    templates: dict[str, str] = {}
    instructed: dict[str, str | None] = {}
    instruction: dict[str, ByRole] = {}
    uninstructed: tuple[str, ...] = ()
    exceptions: dict[str, dict[str, str]] = {}

    def policy(self, own: PromptPolicy) -> PromptPolicy:
        """The policy of the loader for a folder that has prompts of its own.

        A default with an instruction is that of a row, which mteb does not know.
        """
        if self.instructed:
            of_row = INSTRUCTION in own.default
            return instructed_policy(self, NO_PROMPT if of_row else own.default)
        if self.templates:
            return mteb_policy(self.templates, templates=True)
        default = self.prompts.get(self.otherwise, NO_PROMPT)
        return mteb_policy(self.prompts, default) if self.prompts else own


def instructed_policy(protocol: Protocol, default: str = NO_PROMPT) -> PromptPolicy:
    """The policy of a loader that gives texts an instruction.

    Args:
        protocol: What the loader does.
        default: What the folder has for texts without an entry.
    """
    patterns = {
        role: default if pattern is None else pattern
        for role, pattern in protocol.instructed.items()
    }
    every = patterns.pop(ANY_ROLE)
    return PromptPolicy(
        default=every,
        role={role: pattern for role, pattern in patterns.items() if pattern != every},
        type=dict.fromkeys(protocol.uninstructed, default),
        task=dict(protocol.exceptions),
        variants=not protocol.exceptions,
        instruction=protocol.instruction,
    )
