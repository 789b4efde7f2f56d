"""The model card: README.md of a checkpoint, with the head that the hub reads."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from angle_bench.checkpoints.spec import Settings
from angle_bench.checkpoints.templates import named
from angle_bench.files.card_head import split_card
from angle_bench.training.checkpoint.st_files import inexpressible

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class CardFacts:
    """What a card says.

    Attributes:
        name: The title.
        settings: How its vectors are taken.
        base_model: What it was trained from, or its adapter belongs to: a hub id or a folder.
        adapter: Whether it is an adapter of that.
        license: Of the base, as the hub writes it.
        datasets: Hub ids of the data.
        recipe: The recipe as TOML.
        data: A line for each source: its name, rows, what was dropped.
        teachers: A line for each: who it is, what was compared.
        scores: Of each task or mean, times 100.
        signature: The line that makes the scores traceable.
        selected_on_test: Test splits that it was chosen by.
        made_of: A line for each checkpoint that it is the average of.
        model_index: Its scores as the hub reads them.
    """

    name: str
    settings: Settings
    base_model: str | None = None
    adapter: bool = False
    license: str | None = None
    datasets: Sequence[str] = ()
    recipe: str | None = None
    data: Sequence[str] = ()
    teachers: Sequence[str] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    signature: str | None = None
    selected_on_test: Sequence[str] = ()
    made_of: Sequence[str] = ()
    model_index: Sequence[Mapping[str, Any]] = ()


def model_card(facts: CardFacts) -> str:
    """The card as markdown with a head in YAML."""
    parts = [f"# {facts.name}", _use(facts)]
    if facts.selected_on_test:
        chosen = ", ".join(facts.selected_on_test)
        parts.append(f"**This checkpoint was selected on test data: {chosen}.**")
    if facts.made_of:
        parts.append("\n".join(["## Average of", "", *(f"- {line}" for line in facts.made_of)]))
    if facts.scores:
        rows = [f"| {name} | {score:.2f} |" for name, score in facts.scores.items()]
        parts.append("\n".join(["## Scores", "", "| task | score |", "|---|---:|", *rows]))
    if facts.signature:
        parts.append(f"`{facts.signature}`")
    if facts.data:
        parts.append("\n".join(["## Data", "", *(f"- {line}" for line in facts.data)]))
    if facts.teachers:
        parts.append("\n".join(["## Teachers", "", *(f"- {line}" for line in facts.teachers)]))
    if facts.recipe:
        parts.append(f"## Recipe\n\n```toml\n{facts.recipe.strip()}\n```")
    return head(facts) + "\n" + "\n\n".join(parts) + "\n"


def head(facts: CardFacts, kept: Mapping[str, Any] | None = None) -> str:
    """The YAML between two lines of dashes; values are JSON, which is YAML.

    Args:
        facts: What is new.
        kept: What an earlier head said; where nothing new is known, it still holds.
    """
    before = dict(kept or {})
    values: dict[str, Any] = {
        "library_name": _library(facts),
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-similarity", "feature-extraction", "angle", "angle-bench"],
    }
    if facts.base_model is not None and _HUB_ID.fullmatch(facts.base_model):
        # a folder of this machine means nothing to others
        values["base_model"] = facts.base_model
        values["base_model_relation"] = "adapter" if facts.adapter else "finetune"
    elif before.get("base_model"):
        values["base_model_relation"] = _relation(facts, before)
    if facts.license is not None:
        values["license"] = facts.license
    if facts.datasets:
        values["datasets"] = list(facts.datasets)
    if facts.model_index:
        values["model-index"] = list(facts.model_index)
    if isinstance(tags := before.get("tags"), list):
        values["tags"] = list(dict.fromkeys([*values["tags"], *map(str, tags)]))
    whole = before | values
    lines = [
        f"{key}: {json.dumps(value, ensure_ascii=False, default=str)}"
        for key, value in whole.items()
    ]
    return "\n".join(["---", *lines, "---"]) + "\n"


def with_new_head(card: str, facts: CardFacts) -> str:
    """A card with its words kept, and in its head what is not known better.

    Raises:
        ModelError: The head is no YAML, or holds no keys.
    """
    before, words = split_card(card)
    if before is None:
        return f"{head(facts)}\n{card}"
    return head(facts, before) + words


def _relation(facts: CardFacts, before: Mapping[str, Any]) -> str:
    """How it is made of its base: an adapter that was merged is a fine-tune."""
    if facts.adapter:
        return "adapter"
    relation = str(before.get("base_model_relation") or "finetune")
    return "finetune" if relation == "adapter" else relation


def _library(facts: CardFacts) -> str:
    if facts.adapter:
        return "peft"
    return "transformers" if inexpressible(facts.settings) else "sentence-transformers"


def _use(facts: CardFacts) -> str:
    used = facts.settings
    said = [f"pooling `{used.pooling}`", f"at most {used.max_length} tokens", used.dtype]
    said += ["normalised"] if used.normalize else []
    templates = [text for text in dict.fromkeys(used.prompts.templates()) if text]
    said += [f"prompt {named(text)}" for text in templates] or ["no prompt"]
    if used.bidirectional_start is not None:
        said.append(f"bidirectional from layer {used.bidirectional_start}")
    lines = [f"Sentence embeddings: {', '.join(said)}.", "", "```bash"]
    lines += ["angle-bench run -m PATH -t STS   # with exactly these settings", "```"]
    if lacking := inexpressible(used):
        lines += ["", f"sentence-transformers has no place for {' and '.join(lacking)}."]
    else:
        lines += ["", "```python", "from sentence_transformers import SentenceTransformer", ""]
        lines += ["vectors = SentenceTransformer(PATH).encode(texts)", "```"]
    return "\n".join(lines)
