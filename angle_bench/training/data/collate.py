"""Examples to a batch of token ids."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from angle_bench.checkpoints.spec import Settings
from angle_bench.checkpoints.templates import head_and_tail, prepare_sentence, render
from angle_bench.encoding.tokenise import prompt_tokens, tokenise
from angle_bench.errors import UsageError
from angle_bench.training.data.dataset import Example
from angle_bench.training.data.prompt_draw import PromptDraw
from angle_bench.training.recipe.data_sections import Prompts

Batch = dict[str, Any]


@dataclass(frozen=True)
class Collator:
    """Renders, tokenises and pads; a batch depends on its examples alone.

    Attributes:
        tokenizer: Of the checkpoint.
        settings: Its settings; `max_length` cuts the text, never the prompt's tail.
        prompts: The recipe's, with more templates for a role; None has no more.
        seed: What these are drawn from.
        carries: Whether a batch has its texts, for a teacher with a tokenizer of its own.
    """

    tokenizer: Any
    settings: Settings
    prompts: Prompts | None = None
    seed: int = 0
    carries: bool = False

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """A batch in row order: x0, y0, x1, y1, … or q0, p0, n0, q1, ….

        Returns:
            `input_ids` and `attention_mask`, int64 (rows * texts, T), padded on the right;
            `prompts`, int64 (rows * texts,), how many of the first tokens are those of a prompt;
            `texts_per_row`, 2 or 3; `row_ids`, int64 (rows,), the rows' numbers in the data;
            `text_ids`, int64 (rows * texts,), equal for texts that are equal in the candidate's own
            templates, in every batch and process; `lengths`, the tokens of each text, and
            `distinct`, such ids of the texts as they are, as lists that stay with the processor;
            `cut`, how many texts lost tokens to `max_length`;
            `labels`, float32 (rows,), in format A alone; `texts`, as they stand in the rows, where
            they are carried.
        """
        rendered = self.rendered(examples)
        prompts = self._prompts(rendered)
        distinct = [
            _text_id(f"{prompt} {text}")
            for prompt, (text, _) in zip(prompts, rendered, strict=True)
        ]
        text_ids = [_text_id(text) for text, _ in rendered]
        if any(getattr(self.prompts, f"more_{role}", ()) for role in ("text", "query", "document")):
            text_ids = [_text_id(text) for text, _ in self.rendered(examples, drawn=False)]
        ids, cut = self._token_ids(rendered)
        longest = max(map(len, ids))
        pad = self.tokenizer.pad_token_id
        tokens = np.full((len(ids), longest), pad, np.int64)
        mask = np.zeros((len(ids), longest), np.int64)
        for place, each in enumerate(ids):
            tokens[place, : len(each)] = each
            mask[place, : len(each)] = 1
        batch: Batch = {
            "input_ids": torch.from_numpy(tokens),
            "attention_mask": torch.from_numpy(mask),
            "prompts": torch.tensor(prompts, dtype=torch.int64),
            "texts_per_row": len(examples[0].texts),
            "row_ids": torch.tensor([example.row for example in examples], dtype=torch.int64),
            "text_ids": torch.tensor(text_ids, dtype=torch.int64),
            "lengths": [len(each) for each in ids],
            "distinct": distinct,
            "cut": cut,
        }
        if examples[0].label is not None:
            labels = [example.label for example in examples]
            batch["labels"] = torch.tensor(labels, dtype=torch.float32)
        if self.carries:
            batch["texts"] = [text for example in examples for text in example.texts]
        return batch

    def rendered(self, examples: Sequence[Example], drawn: bool = True) -> list[tuple[str, str]]:
        """Each text in its template, with that template; else in the candidate's own."""
        found = []
        draw = PromptDraw(self.settings.prompts, self.prompts, self.seed)
        for example in examples:
            labelled = example.label is not None
            for place, text in enumerate(example.texts):
                template = draw.drawn(example, place) if drawn else draw.own(place, labelled)
                prepared = prepare_sentence(text) if self.settings.prepare_sentence else text
                whole = render(template, prepared)
                found.append((whole.lower() if self.settings.lowercase else whole, template))
        return found

    def _prompts(self, rendered: Sequence[tuple[str, str]]) -> list[int]:
        templates = dict.fromkeys(template for _, template in rendered)
        tokens = {each: prompt_tokens(self.tokenizer, self.settings, each) for each in templates}
        for template, count in tokens.items():
            if count + 1 >= self.settings.max_length:
                self._refuse_full(template)
        return [tokens[template] for _, template in rendered]

    def _refuse_full(self, template: str) -> None:
        """Refuse a template before which no token of a text fits, so that all texts are one."""
        head, tail = head_and_tail(template)
        head = head.lower() if self.settings.lowercase else head
        if not tail and len(self.tokenizer(head)["input_ids"]) >= self.settings.max_length:
            raise UsageError(
                f"the prompt {template!r} alone has {self.settings.max_length} tokens or more, and "
                f"model.max_length is {self.settings.max_length}.",
                "a shorter prompt, or a larger --set model.max_length=N",
            )

    def _token_ids(self, rendered: Sequence[tuple[str, str]]) -> tuple[list[Any], int]:
        """The ids of each text, and how many texts were cut."""
        ids: list[Any] = [None] * len(rendered)
        cut = 0
        for template in dict.fromkeys(template for _, template in rendered):
            places = [place for place, (_, used) in enumerate(rendered) if used == template]
            tail = len(head_and_tail(template)[1])
            texts = [rendered[place][0] for place in places]
            tokens = tokenise(self.tokenizer, texts, self.settings.max_length, tail)
            cut += tokens.truncated
            ends = np.cumsum(tokens.lengths)[:-1]
            for place, each in zip(places, np.split(tokens.ids, ends), strict=True):
                ids[place] = each
        return ids, cut


def _text_id(text: str) -> int:
    data = text.encode("utf-8", errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)
