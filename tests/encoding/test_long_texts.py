"""The beginning of a long text gives the tokens of the whole, in tokenizers of every kind."""

import random
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from angle_bench.encoding import long_texts
from angle_bench.encoding.long_texts import beginning
from angle_bench.encoding.tokenise import tokenise
from benchmarks.command import minilm

SPECIAL = ["<unk>", "<pad>", "<s>", "</s>"]
WORDS = [
    "dog",
    "plays",
    "naïve",
    "don't",
    "2,000",
    "café",
    "中文 字",
    "x\u200by",
    "👍",
    "ÄRGER",
    "re-do",
]
GAPS = [" "] * 8 + ["  ", "\n", " \t ", ". ", "", "…"]
LENGTH = 16


def text_of(seed: int, words: int) -> str:
    """Words of several scripts between gaps of several kinds."""
    draw = random.Random(seed)
    return "".join(draw.choice(WORDS) + draw.choice(GAPS) for _ in range(words))


def byte_level() -> Tokenizer:
    """As of GPT-2, RoBERTa and Qwen."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return trained(made, trainers.BpeTrainer, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def whole_text() -> Tokenizer:
    """As of Llama and Gemma: merges over all of a text, spaces among them."""
    made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    return trained(made, trainers.BpeTrainer)


def unigram() -> Tokenizer:
    """As of T5 and XLM-R."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    return trained(made, trainers.UnigramTrainer, unk_token="<unk>")


def trained(made: Tokenizer, trainer: Any, **options: Any) -> Tokenizer:
    corpus = [text_of(seed, 40) for seed in range(40)]
    made.train_from_iterator(corpus, trainer(vocab_size=400, special_tokens=SPECIAL, **options))
    return made


def minilms() -> Any:
    return AutoTokenizer.from_pretrained(minilm())


KINDS = {"byte-level": byte_level, "whole-text": whole_text, "unigram": unigram}


@pytest.fixture(params=[*KINDS, "wordpiece"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    if request.param == "wordpiece":
        return minilms()
    named = {"unk_token": "<unk>", "pad_token": "<pad>", "eos_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=KINDS[request.param](), **named)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are long from 600 characters on."""
    monkeypatch.setattr(long_texts, "CHARACTERS", 200)
    monkeypatch.setattr(long_texts, "CHARACTERS_PER_TOKEN", 8)


@pytest.mark.parametrize("tail", ["", " in one word", "  "])
def test_tokens_are_those_of_the_whole_text(
    tokenizer: Any, tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [text_of(seed, 80 + seed * 5) + tail for seed in range(60)]
    whole = tokenise(tokenizer, texts, LENGTH, len(tail))
    monkeypatch.setattr(long_texts, "CHARACTERS", 200)
    monkeypatch.setattr(long_texts, "CHARACTERS_PER_TOKEN", 8)
    begun = [beginning(text, LENGTH, len(tail)) for text in texts]
    assert sum(each is not None for each in begun) > 40
    found = tokenise(tokenizer, texts, LENGTH, len(tail))
    assert found.ids.tolist() == whole.ids.tolist()
    assert found.lengths.tolist() == whole.lengths.tolist()
    assert found.truncated == whole.truncated


@pytest.mark.usefixtures("short")
def test_a_long_text_of_few_tokens_is_tokenised_whole() -> None:
    """A word of a thousand letters is one unknown token; the text's end is not cut off."""
    text = "a" * 300 + " dog " + "b" * 600 + " cat"
    assert beginning(text, LENGTH, 0) is not None
    ids = tokenise(minilms(), [text, "a cat"], LENGTH, 0)
    assert ids.truncated == 0
    assert ids.lengths.tolist() == [6, 4]


@pytest.mark.usefixtures("short")
def test_only_a_text_with_words_has_a_beginning() -> None:
    assert beginning("a" * 1000, LENGTH, 0) is None
    assert beginning("a b " * 150, LENGTH, 0) is None
    assert beginning("a b " * 151, LENGTH, 0) == "a b " * 50 + "a"
    text = "a b " * 151 + "!?"
    assert beginning(text, LENGTH, 2) == text[:201] + text[405:]
    assert beginning("a b " * 151 + "c" * 200 + "!?", LENGTH, 2) is None


def test_what_is_cut_on_the_left_is_tokenised_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = minilms()
    tokenizer.truncation_side = "left"
    text = "first " * 100 + "last " * 200
    whole = tokenise(tokenizer, [text], LENGTH, 0)
    monkeypatch.setattr(long_texts, "CHARACTERS", 200)
    monkeypatch.setattr(long_texts, "CHARACTERS_PER_TOKEN", 8)
    assert tokenise(tokenizer, [text], LENGTH, 0).ids.tolist() == whole.ids.tolist()
