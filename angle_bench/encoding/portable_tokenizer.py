"""A tokenizer as a value that goes from the process that loaded it to one without transformers.

A fast tokenizer of transformers is a tokenizer of the `tokenizers` library and a few settings
around it, as long as its class changes nothing of the call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# what a class may not do in its own way
_CALLED = (
    *("__call__", "_encode_plus", "_batch_encode_plus", "_convert_encoding"),
    *("set_truncation_and_padding", "_switch_to_input_mode"),
)


@dataclass(frozen=True)
class PortableTokenizer:
    """A fast tokenizer, called as one of transformers is for ids alone.

    Attributes:
        backend: The tokenizer of the `tokenizers` library, as JSON.
        pad_token_id: The token that fills a batch.
        truncation_side: Where texts are cut: right or left.
        all_special_ids: The ids of special tokens.
        split_special_tokens: Whether special tokens in a text are plain text.
    """

    backend: str
    pad_token_id: int
    truncation_side: str
    all_special_ids: tuple[int, ...]
    split_special_tokens: bool
    is_fast = True

    def __call__(
        self,
        texts: Sequence[str],
        truncation: bool = False,
        max_length: int | None = None,
        return_offsets_mapping: bool = False,
        return_attention_mask: bool = False,
        return_token_type_ids: bool = False,
    ) -> "Encodings":
        """Token ids of texts, special tokens included, as transformers gives them.

        Args:
            texts: Any number of texts.
            truncation: Whether they are cut to `max_length` tokens.
            max_length: The most tokens of a text.
            return_offsets_mapping: Whether the characters of each token are wanted.
            return_attention_mask: It cannot be had.
            return_token_type_ids: They cannot be had.
        """
        assert not return_attention_mask
        assert not return_token_type_ids
        if truncation:
            assert max_length is not None
            self._tokenizer.enable_truncation(max_length, direction=self.truncation_side)
        else:
            self._tokenizer.no_truncation()
        return Encodings(self._tokenizer.encode_batch(texts), return_offsets_mapping)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        made = Tokenizer.from_str(self.backend)
        made.no_padding()
        made.encode_special_tokens = self.split_special_tokens
        return made

    def __getstate__(self) -> dict[str, Any]:
        """The values alone."""
        return {name: value for name, value in vars(self).items() if name != "_tokenizer"}


@dataclass(frozen=True)
class Encodings:
    """What a call gives, read as what transformers gives.

    Attributes:
        encodings: Of the `tokenizers` library, one for each text.
        offsets: Whether they were asked for.
    """

    encodings: list[Any]
    offsets: bool = False

    def __getitem__(self, name: str) -> list[Any]:
        """`input_ids`, or `offset_mapping` where it was asked for."""
        if name == "input_ids":
            return [encoding.ids for encoding in self.encodings]
        if name == "offset_mapping" and self.offsets:
            return [encoding.offsets for encoding in self.encodings]
        raise KeyError(name)


def portable(tokenizer: Any) -> PortableTokenizer | None:
    """A tokenizer of transformers as such a value; None where it does more, or is a slow one."""
    from transformers import PreTrainedTokenizerFast

    kind = type(tokenizer)
    if not isinstance(tokenizer, PreTrainedTokenizerFast) or any(
        getattr(kind, name, None) is not getattr(PreTrainedTokenizerFast, name, None)
        for name in _CALLED
    ):
        return None
    return PortableTokenizer(
        backend=tokenizer.backend_tokenizer.to_str(),
        pad_token_id=tokenizer.pad_token_id,
        truncation_side=tokenizer.truncation_side,
        all_special_ids=tuple(tokenizer.all_special_ids),
        split_special_tokens=bool(tokenizer.split_special_tokens),
    )
