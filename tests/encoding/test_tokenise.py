"""Cutting texts to length: a slow tokenizer finds the same cut as a fast one would."""

from pathlib import Path

import pytest

from angle_bench.encoding.tokenise import tokenise as tokens_of
from angle_bench.errors import UsageError
from tests.checkpoints import build_tokenizer


def tokenise(tokenizer: object, texts: list[str], max_length: int, tail: int) -> list[list[int]]:
    """A list of ids for each text."""
    tokens = tokens_of(tokenizer, texts, max_length, tail)
    ends = tokens.lengths.cumsum()
    return [
        tokens.ids[end - length : end].tolist()
        for end, length in zip(ends, tokens.lengths, strict=True)
    ]


TEMPLATE_TAIL = " in one word"


@pytest.fixture
def phobert(tmp_path: Path) -> object:
    """PhoBERT's own tokenizer, which has no fast form, over single letters."""
    from transformers import PhobertTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [f"{x}@@" for x in letters] + list(letters)
    (tmp_path / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in pieces))
    (tmp_path / "bpe.codes").write_text("x y 1\n")
    return PhobertTokenizer(str(tmp_path / "vocab.txt"), str(tmp_path / "bpe.codes"))


@pytest.mark.parametrize("length", [30, 31, 64])
def test_a_slow_tokenizer_keeps_the_tail_and_as_much_text_as_fits(
    phobert: object, length: int
) -> None:
    assert not phobert.is_fast  # type: ignore[attr-defined]
    text = "ab " * 400
    (ids,) = tokenise(phobert, [text + TEMPLATE_TAIL], length, len(TEMPLATE_TAIL))
    (tail,) = tokenise(phobert, [TEMPLATE_TAIL], length, 0)
    assert ids[-len(tail) + 1 :] == tail[1:]
    assert length - 1 <= len(ids) <= length  # a word is never cut into other pieces


@pytest.fixture
def fast(tmp_path: Path) -> object:
    from transformers import AutoTokenizer

    build_tokenizer(tmp_path)
    return AutoTokenizer.from_pretrained(tmp_path)


def test_a_tail_of_spaces_has_no_token_to_keep(fast: object) -> None:
    (ids,) = tokenise(fast, ["a dog " * 100 + " "], 16, 1)
    assert ids == tokenise(fast, ["a dog " * 100], 16, 0)[0]


def test_a_prompt_longer_than_the_length_is_refused(fast: object) -> None:
    tail = " dog" * 40
    with pytest.raises(UsageError, match="the prompt alone has more than 16 tokens"):
        tokenise(fast, ["a cat" + tail], 16, len(tail))


def test_short_texts_are_the_same_with_and_without_a_tail(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    build_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    texts = ["a dog" + TEMPLATE_TAIL, "", "the cat sings" + TEMPLATE_TAIL]
    assert tokenise(tokenizer, texts, 64, len(TEMPLATE_TAIL)) == tokenise(tokenizer, texts, 64, 0)
