"""A tokenizer as a value gives what transformers gives, also in a process that lacks these."""

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizerFast, CodeLlamaTokenizerFast, PreTrainedTokenizerFast

from angle_bench.encoding.portable_tokenizer import PortableTokenizer, portable
from angle_bench.encoding.tokenise import prompt_tokens, tokenise
from angle_bench.errors import ModelError, UsageError
from tests.encoding.test_long_texts import KINDS, minilms
from tests.encoding.test_tokenise import phobert  # noqa: F401  a fixture

TAIL = " in one word"
TEXTS = [
    "",
    "a cat",
    "fish </s> and <pad> [SEP]",
    "ä ß 中文 👍",
    " \t\n",
    "x" * 900,
    "dog plays " * 40,
]


def of_kind(kind: str) -> Any:
    if kind == "wordpiece":
        return minilms()
    named = {"unk_token": "<unk>", "pad_token": "<pad>", "eos_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=KINDS[kind](), **named)


def carried(tokenizer: Any) -> PortableTokenizer:
    """As it arrives in another process."""
    made = portable(tokenizer)
    assert made is not None
    found = pickle.loads(pickle.dumps(made))
    assert isinstance(found, PortableTokenizer)
    return found


def left(tokenizer: Any) -> None:
    tokenizer.truncation_side = "left"


def split(tokenizer: Any) -> None:
    tokenizer.split_special_tokens = True


def padded_in_its_file(tokenizer: Any) -> None:
    tokenizer.backend_tokenizer.enable_padding(length=40)
    tokenizer.backend_tokenizer.enable_truncation(5)


def words_added(tokenizer: Any) -> None:
    tokenizer.add_tokens(["plays", "<new>"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<fish>"]})


CHANGES = [lambda _: None, left, split, padded_in_its_file, words_added]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("kind", [*KINDS, "wordpiece"])
def test_tokens_are_those_of_transformers(kind: str, change: Any) -> None:
    tokenizer = of_kind(kind)
    change(tokenizer)
    found = carried(tokenizer)
    for length, tail in [(64, ""), (8, ""), (3, ""), (64, TAIL), (20, TAIL)]:
        texts = [text + tail for text in TEXTS]
        theirs = tokenise(tokenizer, texts, length, len(tail))
        ours = tokenise(found, texts, length, len(tail))
        assert ours.ids.tolist() == theirs.ids.tolist()
        assert ours.lengths.tolist() == theirs.lengths.tolist()
        assert ours.truncated == theirs.truncated


@pytest.fixture(scope="module")
def both() -> tuple[Any, PortableTokenizer]:
    tokenizer = minilms()
    return tokenizer, carried(tokenizer)


@given(texts=st.lists(st.text(), max_size=5), length=st.integers(3, 40))
@settings(max_examples=200)
def test_any_text(both: tuple[Any, PortableTokenizer], texts: list[str], length: int) -> None:
    theirs, ours = (tokenise(each, texts, length, 0) for each in both)
    assert ours.ids.tolist() == theirs.ids.tolist()
    assert ours.truncated == theirs.truncated


def test_prompts_are_counted_and_refused_alike(both: tuple[Any, PortableTokenizer]) -> None:
    from angle_bench.checkpoints.spec import Settings

    used = Settings(pooling="mean", max_length=64)
    for head in ("query: {text}", "{text}", "a dog plays: {text}"):
        assert prompt_tokens(both[1], used, head) == prompt_tokens(both[0], used, head)
    for each in both:
        with pytest.raises(UsageError, match="the prompt alone"):
            tokenise(each, ["dog" + " cat" * 30], 10, 100)


def test_what_does_more_than_the_library_is_not_carried(phobert: Any) -> None:  # noqa: F811
    class Changed(BertTokenizerFast):
        def _encode_plus(self, *args: Any, **more: Any) -> Any:
            raise AssertionError

    vocab = {token: at for at, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])}
    assert portable(BertTokenizerFast(vocab=vocab)) is not None
    assert portable(Changed(vocab=vocab)) is None
    assert portable(phobert) is None
    assert CodeLlamaTokenizerFast._encode_plus is not PreTrainedTokenizerFast._encode_plus


def test_a_broken_tokenizer_is_named(both: tuple[Any, PortableTokenizer]) -> None:
    broken = PortableTokenizer("{}", 0, "right", (), False)
    with pytest.raises(ModelError, match="the tokenizer fails on a text"):
        tokenise(broken, ["a"], 8, 0)
