"""Endpoint: a model that a server computes, as a value."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from angle_bench.checkpoints.prompts import PromptPolicy


class Endpoint(BaseModel):
    """A model behind an OpenAI-compatible endpoint, and what is asked of it.

    Attributes:
        url: The address before `/embeddings`, such as `http://127.0.0.1:8000/v1`.
        model: The model's name there.
        reported: What the server says of the model (`GET /models`), as JSON; "" where it says
            nothing.
        probe: The vectors of the probe texts, float32, as base64.
        width: The length of a vector where no `dimensions` are asked for.
        normalizes: Whether the vectors of the probe texts have length 1.
        prompts: What is put around texts before they are sent.
        dimensions: The `dimensions` that are asked for; None leaves them to the server.
        usd_per_million_tokens: What its owner charges, where a row says it; no part of what it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    model: str
    reported: str = ""
    probe: str
    width: int
    normalizes: bool
    prompts: PromptPolicy = PromptPolicy()
    dimensions: int | None = Field(default=None, ge=1)
    usd_per_million_tokens: float | None = None

    @property
    def typed(self) -> str:
        """What stands after -m for it."""
        return f"openai:{self.model}@{self.url}"

    @property
    def size(self) -> int:
        """The length of the vectors that are asked for."""
        return self.dimensions or self.width

    def cost(self, tokens: int) -> float | None:
        """What so many tokens cost, in US dollars; None where no price is known."""
        if self.usd_per_million_tokens is None:
            return None
        return tokens * self.usd_per_million_tokens / 1e6

    def digest(self) -> str | None:
        """Eight hex digits of what is asked beside the model; None where nothing is."""
        prompts = self.prompts.model_dump(mode="json", exclude_defaults=True)
        asked: dict[str, Any] = {"prompts": prompts} if prompts else {}
        asked |= {} if self.dimensions is None else {"dimensions": self.dimensions}
        if not asked:
            return None
        text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def recorded(self) -> dict[str, Any]:
        """What run records say of it."""
        return {
            "url": self.url,
            "model": self.model,
            "reported": self.reported,
            "width": self.width,
            "dimensions": self.dimensions,
            "prompts": self.prompts.model_dump(mode="json"),
        }
