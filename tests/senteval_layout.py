"""A small folder in the layout that SentEval's download script leaves, odd bytes included."""

import random
from collections.abc import Sequence
from pathlib import Path

from tests.checkpoints import WORDS

PROBING = {
    "sentence_length": ("0", "1", "2"),
    "word_content": ("cat", "dog", "fish", "bread"),
    "tree_depth": ("10", "5", "6"),
    "top_constituents": ("ADVP_NP_VP_.", "NP_VP_.", "S_CC_S_."),
    "bigram_shift": ("I", "O"),
    "past_present": ("PAST", "PRES"),
    "subj_number": ("NN", "NNS"),
    "obj_number": ("NN", "NNS"),
    "odd_man_out": ("C", "O"),
    "coordination_inversion": ("I", "O"),
}
QUOTED = 'he said " stop , and left'  # a quote that is never closed
# of one text: Python sees ends of lines in it, SentEval's `split` only spaces
ODD_SPACES = "red\x0bfish\u2028 and\xa0bread"


def texts(labels: Sequence[object], seed: int) -> list[str]:
    """A text for each label: half of its words are of a part of the words that the label has."""
    random_ = random.Random(seed)
    places = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    own = [WORDS[at :: len(places)] for at in range(len(places))]
    return [
        " ".join(random_.choices(own[places[label]], k=3) + random_.choices(WORDS, k=count))
        for label in labels
        for count in [random_.randint(2, 7)]
    ]


def cycled(labels: Sequence[object], count: int) -> list[object]:
    return [labels[at % len(labels)] for at in range(count)]


def write(place: Path, lines: Sequence[str], encoding: str = "utf-8", end: str = "\n") -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes("".join(line + end for line in lines).encode(encoding))


def write_senteval(folder: Path) -> Path:
    """Every file of `data` that a task reads, small."""
    down = folder / "downstream"
    _two_files(down)
    _sentiment(down / "SST")
    for name, count, seed in (("train_5500", 150, 1), ("TREC_10", 30, 2)):
        kinds = cycled(("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"), count)
        asked = [f"{k}:some {text}" for k, text in zip(kinds, texts(kinds, seed), strict=True)]
        write(down / f"TREC/{name}.label", [*asked, "HUM:ind Who is \xf0 ?"], "latin-1")
    _pairs(down)
    for number, (name, labels) in enumerate(PROBING.items()):
        write(folder / f"probing/{name}.txt", _probing(labels, seed=10 * number))
    return folder


def _two_files(down: Path) -> None:
    names = {
        "MR": ("rt-polarity.pos", "rt-polarity.neg"),
        "CR": ("custrev.pos", "custrev.neg"),
        "SUBJ": ("subj.objective", "subj.subjective"),
        "MPQA": ("mpqa.pos", "mpqa.neg"),
    }
    for seed, (home, files) in enumerate(names.items()):
        made = texts(cycled((1, 0), 50), seed)
        write(down / home / files[0], [*made[::2], "a caf\xe9 \x85 is red"], "latin-1")
        write(down / home / files[1], [*made[1::2], QUOTED], "latin-1")
    (down / "CR/custrev.neg").write_bytes((down / "CR/custrev.neg").read_bytes() + b"  \n")


def _sentiment(home: Path) -> None:
    for seed, (part, count) in enumerate((("train", 100), ("dev", 40), ("test", 40))):
        coarse, fine = cycled((0, 1), count), cycled((0, 1, 2, 3, 4), count)
        made = [f"{text}\t{x}" for x, text in zip(coarse, texts(coarse, seed), strict=True)]
        write(home / f"binary/sentiment-{part}", [*made, f"{QUOTED} \t1"])
        made = [f"{x} {text}" for x, text in zip(fine, texts(fine, seed), strict=True)]
        write(home / f"fine/sentiment-{part}", [*made, f"3 {QUOTED} "])


def _pairs(down: Path) -> None:
    head = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    for seed, (part, count) in enumerate((("train", 80), ("test", 30))):
        labels = cycled((0, 1), count)
        pairs = zip(labels, texts(labels, seed), texts(labels, seed + 9), strict=True)
        rows = [f"{x}\t{at}\t{at}\t{a}\t{b}" for at, (x, a, b) in enumerate(pairs)]
        write(
            down / f"MRPC/msr_paraphrase_{part}.txt", [head, *rows, f"1\t7\t8\t{QUOTED}\t{QUOTED}"]
        )
    head = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
    parts = (("train", 60, "entailment"), ("trial", 30, "dev"), ("test_annotated", 30, "test"))
    for seed, (part, count, _) in enumerate(parts):
        labels = cycled(("NEUTRAL", "ENTAILMENT", "CONTRADICTION"), count)
        pairs = zip(labels, texts(labels, seed), texts(labels, seed + 9), strict=True)
        rows = [f"{at}\t{a}\t{b}\t{1 + at % 5}.5\t{x}" for at, (x, a, b) in enumerate(pairs)]
        write(down / f"SICK/SICK_{part}.txt", [head, *rows], end="\r\n")
    for seed, (part, count) in enumerate((("train", 90), ("dev", 30), ("test", 30))):
        labels = cycled(("neutral", "entailment", "contradiction"), count)
        first, second = texts(labels, seed), texts(labels, seed + 9)
        write(down / f"SNLI/labels.{part}", [*map(str, labels), "neutral"])
        write(down / f"SNLI/s1.{part}", [*first, "\xc5ngstr\xf6m is a man"])
        write(down / f"SNLI/s2.{part}", [*second, ""])


def _probing(labels: Sequence[str], seed: int) -> list[str]:
    lines = []
    for at, (part, count) in enumerate((("tr", 80), ("va", 30), ("te", 40))):
        kinds = cycled(labels, count)
        made = texts(kinds, seed + at)
        # odd_man_out and others have columns between the label and the text
        lines += [f"{part}\t{k}\tmore\t{text}" for k, text in zip(kinds, made, strict=True)]
        lines += [f"{part}\t{labels[0]}\t{QUOTED}", f"{part}\t{labels[1]}\t{ODD_SPACES} caf\xe9"]
    return lines
