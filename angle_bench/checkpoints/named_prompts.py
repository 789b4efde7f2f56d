"""The prompts that a call may ask for by name, as sentence-transformers' `prompt_name` does."""

from pathlib import Path

from angle_bench.checkpoints.folder.config import read_keys
from angle_bench.checkpoints.folder.honoured import PROMPTS_CONFIG
from angle_bench.checkpoints.prompts import ROLES, PromptPolicy
from angle_bench.checkpoints.templates import NO_PROMPT, as_template


def named_prompts(folder: Path, policy: PromptPolicy) -> dict[str, str]:
    """Templates by name: those that the folder's files have, and those of the settings in force.

    sentence-transformers has `query` and `document` in every model, empty where nothing is said.

    Args:
        folder: The checkpoint.
        policy: The prompts in force, which may be others than the folder's own.
    """
    return dict.fromkeys(ROLES, NO_PROMPT) | stored_prompts(folder) | by_key(policy)


def stored_prompts(folder: Path) -> dict[str, str]:
    """The templates of a folder that sentence-transformers wrote, by their names there."""
    prompts = read_keys(folder / PROMPTS_CONFIG).get("prompts") or {}
    return {name: as_template(text or NO_PROMPT) for name, text in prompts.items()}


def by_key(policy: PromptPolicy) -> dict[str, str]:
    """The templates of a policy under mteb's keys: roles, types, tasks, the latter with roles."""
    found: dict[str, str] = {}
    for table in (policy.type, policy.task):
        for name, entry in table.items():
            if isinstance(entry, str):
                found[name] = entry
            else:
                found |= {
                    f"{name}-{role}" if role else name: template for role, template in entry.items()
                }
    return found | policy.role
