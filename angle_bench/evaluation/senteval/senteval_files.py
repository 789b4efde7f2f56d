"""What SentEval's data files hold, as rows by split, in the order in which SentEval takes them.

The layout is that of https://github.com/facebookresearch/SentEval after its download script: the
folder `downstream` and the folder `probing`. SentEval sorts the rows by their count of words and
then by label before it makes folds of them; so do these, and its folds are the same.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from angle_bench.errors import DataError
from angle_bench.evaluation.senteval.senteval_lines import AGAIN, DataLine, read_lines

Rows = list[dict[str, Any]]
Splits = dict[str, Rows]

_TREC = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")  # by the number that SentEval gives them
_SICK = ("CONTRADICTION", "NEUTRAL", "ENTAILMENT")
_SNLI = ("entailment", "neutral", "contradiction")
_PROBING = {"tr": "train", "va": "validation", "te": "test"}


def _words(text: str) -> str:
    """A text with one space between its words, as it is encoded after SentEval took it apart."""
    return " ".join(text.split())


def _count(text: str) -> int:
    return len(text.split())


def _by_length(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: (_count(row["text"]), row["label"]))


def _two_files(positive: str, negative: str, home: Path) -> Splits:
    """MR, CR, SUBJ, MPQA: a text a line, a file for each label, SentEval's 1 and 0."""
    rows = [
        {"text": _words(line.text), "label": label}
        for label, name in ((1, positive), (0, negative))
        for line in read_lines(home / name, latin=True)
    ]
    return {"all": _by_length(rows)}


def _sst(read: Callable[[DataLine], dict[str, Any]], home: Path) -> Splits:
    names = {"train": "train", "validation": "dev", "test": "test"}
    return {
        split: _by_length([read(line) for line in read_lines(home / f"sentiment-{name}")])
        for split, name in names.items()
    }


def _binary(line: DataLine) -> dict[str, Any]:
    text, label = line.cells(2)
    return {"text": _words(text), "label": int(line.one_of(label, ("0", "1")))}


def _fine(line: DataLine) -> dict[str, Any]:
    label, _, text = line.text.strip().partition(" ")
    return {"text": _words(text), "label": int(line.one_of(label, ("0", "1", "2", "3", "4")))}


def _trec(home: Path) -> Splits:
    names = {"train": "train_5500.label", "test": "TREC_10.label"}
    return {
        split: _by_length([_question(line) for line in read_lines(home / name, latin=True)])
        for split, name in names.items()
    }


def _question(line: DataLine) -> dict[str, Any]:
    """`HUM:ind Who was Galileo ?`."""
    kind, colon, rest = line.text.strip().partition(":")
    _, space, text = rest.partition(" ")
    if not colon or not space:
        raise line.refused("is not like HUM:ind Who was Galileo ?")
    return {"text": _words(text), "label": _TREC.index(line.one_of(kind, _TREC))}


def _below_header(place: Path, first: str) -> list[DataLine]:
    header, *lines = read_lines(place)
    if header.cells(1, len(header.text) + 1)[0] != first:
        raise header.refused(f"is not the header, which begins with {first}")
    if not lines:
        raise DataError(f"{place} has a header and no rows.", AGAIN)
    return lines


def _mrpc(home: Path) -> Splits:
    found = {}
    for split in ("train", "test"):
        rows = [
            _paraphrase(x) for x in _below_header(home / f"msr_paraphrase_{split}.txt", "Quality")
        ]
        found[split] = sorted(rows, key=lambda row: _pair_order(row, row["label"]))
    return found


def _pair_order(row: Mapping[str, Any], label: Any) -> tuple[int, int, Any]:
    return _count(row["sentence1"]), _count(row["sentence2"]), label


def _paraphrase(line: DataLine) -> dict[str, Any]:
    label, _, _, first, second = line.cells(5)
    number = int(line.one_of(label, ("0", "1")))
    return {"sentence1": _words(first), "sentence2": _words(second), "label": number}


def _sick(home: Path) -> Splits:
    names = {"train": "train", "validation": "trial", "test": "test_annotated"}
    found = {}
    for split, name in names.items():
        rows = [_entailed(line) for line in _below_header(home / f"SICK_{name}.txt", "pair_ID")]
        found[split] = sorted(rows, key=lambda r: _pair_order(r, _SICK.index(r["entailment"])))
    return found


def _entailed(line: DataLine) -> dict[str, Any]:
    _, first, second, score, label = line.cells(5)
    return {
        "sentence1": _words(first),
        "sentence2": _words(second),
        "score": _number(line, score),
        "entailment": line.one_of(label, _SICK),
    }


def _number(line: DataLine, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise line.refused(f"has the relatedness {text!r}, which is no finite number")
    return found


def _snli(home: Path) -> Splits:
    names = {"train": "train", "validation": "dev", "test": "test"}
    return {split: _inferred(home, name) for split, name in names.items()}


def _inferred(home: Path, name: str) -> Rows:
    parts = [read_lines(home / f"{part}.{name}", latin=True) for part in ("s1", "s2", "labels")]
    if len(counts := {len(part) for part in parts}) > 1:
        raise DataError(
            f"{home} has s1.{name}, s2.{name} and labels.{name} of different lengths "
            f"({', '.join(map(str, sorted(counts)))} lines).",
            "a folder as SentEval's get_transfer_data.bash leaves it, the three files as a whole",
        )
    rows: Rows = [
        {
            "sentence1": _words(first.text),
            "sentence2": _words(second.text),
            "label": label.one_of(label.text.strip(), _SNLI),
        }
        for first, second, label in zip(*parts, strict=True)
    ]
    return sorted(
        rows, key=lambda row: (_count(row["sentence2"]), _count(row["sentence1"]), row["label"])
    )


def _probing(place: Path) -> Splits:
    """A line is a part, a label and, after what else there is, a text."""
    found: Splits = {split: [] for split in _PROBING.values()}
    for line in read_lines(place):
        cells = line.cells(3, len(line.text) + 3)
        split = _PROBING[line.one_of(cells[0], _PROBING)]
        found[split].append({"text": _words(cells[-1]), "label": cells[1]})
    for short, split in _PROBING.items():
        if not found[split]:
            raise DataError(f"{place} has no line of the {split} part, {short}.", AGAIN)
    return {split: _by_length(rows) for split, rows in found.items()}


# by the data set that a task names: where its files are, and how they are read
DATASETS: Mapping[str, tuple[str, Callable[[Path], Splits]]] = {
    "senteval/mr": ("downstream/MR", partial(_two_files, "rt-polarity.pos", "rt-polarity.neg")),
    "senteval/cr": ("downstream/CR", partial(_two_files, "custrev.pos", "custrev.neg")),
    "senteval/subj": ("downstream/SUBJ", partial(_two_files, "subj.objective", "subj.subjective")),
    "senteval/mpqa": ("downstream/MPQA", partial(_two_files, "mpqa.pos", "mpqa.neg")),
    "senteval/sst2": ("downstream/SST/binary", partial(_sst, _binary)),
    "senteval/sst5": ("downstream/SST/fine", partial(_sst, _fine)),
    "senteval/trec": ("downstream/TREC", _trec),
    "senteval/mrpc": ("downstream/MRPC", _mrpc),
    "senteval/sick": ("downstream/SICK", _sick),
    "senteval/snli": ("downstream/SNLI", _snli),
    **{
        f"senteval/{name}": (f"probing/{name}.txt", _probing)
        for name in (
            *("sentence_length", "word_content", "tree_depth", "top_constituents"),
            *("bigram_shift", "past_present", "subj_number", "obj_number"),
            *("odd_man_out", "coordination_inversion"),
        )
    },
}
