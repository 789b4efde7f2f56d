"""SentEval's data folder as a mirror: what is read of it, in which order, and what is refused."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression

import angle_bench
from angle_bench.errors import UsageError
from angle_bench.evaluation.scoring.score import prepare
from angle_bench.evaluation.senteval.senteval_files import DATASETS
from angle_bench.evaluation.senteval.senteval_mirror import SUITES
from angle_bench.evaluation.task_data import locate
from angle_bench.evaluation.user_tasks import logistic_regression
from angle_bench.evaluation.user_tasks.adam_classifier import initial_weights
from angle_bench.suites.select import select
from tests.conftest import Cli
from tests.senteval_layout import ODD_SPACES, PROBING, QUOTED, write_senteval
from tests.torch_classifier import of_torch, said_by

TASKS = select(SUITES).task
PROBES = select(["Probing"]).task


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_senteval(tmp_path / "data")


def rows_of(mirror: Path, dataset: str, split: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(
        mirror / dataset / f"{split}.parquet"
    ).to_pylist()
    return found


def reading(file: str) -> list[str]:
    """The tasks that read a file."""
    return [task.name for task in TASKS if f"{file}/".startswith(f"{DATASETS[task.dataset][0]}/")]


def test_every_task_of_senteval_finds_its_data(data: Path, tmp_path: Path) -> None:
    found = angle_bench.download(from_senteval=data, to=tmp_path / "mirror")
    assert found.failures == {}
    assert len(found.done) == len(TASKS) == 21
    assert {task.dataset for task in TASKS} == set(DATASETS)
    for task in TASKS:
        located = locate(task, tmp_path / "mirror")
        assert located.origin == "mirror"
        prepare(task, located).release()
    again = angle_bench.download(from_senteval=data, to=tmp_path / "mirror")
    assert all(line.endswith("there already") for line in again.done)


def test_bytes_and_signs_that_are_no_ends_of_lines(data: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    done = angle_bench.download(from_senteval=data, to=mirror).done
    movies = [row["text"] for row in rows_of(mirror, "senteval/mr", "all")]
    assert "a caf\xe9 is red" in movies  # of Latin-1; the NEL between is a space to `split`
    assert QUOTED in movies
    assert len(movies) == 52
    asked = rows_of(mirror, "senteval/trec", "train")
    assert {"text": "Who is \xf0 ?", "label": 3} in asked
    probed = rows_of(mirror, "senteval/past_present", "validation")
    assert {"text": f"{' '.join(ODD_SPACES.split())} caf\xe9", "label": "PRES"} in probed
    assert {"text": QUOTED, "label": "PAST"} in probed
    alike = {"sentence1": QUOTED, "sentence2": QUOTED, "label": 1}
    assert alike in rows_of(mirror, "senteval/mrpc", "test")
    # what is UTF-8 is read so, also where SentEval reads Latin-1 and sees two signs
    inferred = rows_of(mirror, "senteval/snli", "test")
    assert {
        "sentence1": "\xc5ngstr\xf6m is a man",
        "sentence2": ".",
        "label": "neutral",
    } in inferred
    related = rows_of(mirror, "senteval/sick", "validation")
    assert {row["score"] for row in related} == {1.5, 2.5, 3.5, 4.5, 5.5}
    assert next(line for line in done if line.startswith("CR ")).endswith(
        "1 empty texts of them as '.'"
    )
    assert "empty" not in next(line for line in done if line.startswith("MR "))


def test_rows_come_in_sentevals_order(data: Path, tmp_path: Path) -> None:
    """Its folds are of rows that are sorted by words and label, the positive file first."""
    angle_bench.download(tasks="CR,MRPC,SNLI", from_senteval=data, to=tmp_path / "mirror")
    rows = []
    for label, name in ((1, "custrev.pos"), (0, "custrev.neg")):
        text = (data / "downstream/CR" / name).read_bytes().decode("latin-1")
        rows += [(line.split(), label) for line in text.rstrip("\n").split("\n")]
    rows.sort(key=lambda row: (len(row[0]), row[1]))
    written = rows_of(tmp_path / "mirror", "senteval/cr", "all")
    assert written == [{"text": " ".join(w) or ".", "label": x} for w, x in rows]
    lines = (data / "downstream/MRPC/msr_paraphrase_train.txt").read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines[1:]]
    pairs.sort(key=lambda cells: (len(cells[3].split()), len(cells[4].split()), int(cells[0])))
    written = rows_of(tmp_path / "mirror", "senteval/mrpc", "train")
    assert [(row["sentence1"], row["label"]) for row in written] == [
        (cells[3], int(cells[0])) for cells in pairs
    ]
    lengths = [
        (len(str(row["sentence2"]).split()), len(str(row["sentence1"]).split()))
        for row in rows_of(tmp_path / "mirror", "senteval/snli", "test")[1:]
    ]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        ("downstream/SST/binary/sentiment-dev", b"no label", "line 42 has 1 columns between tabs"),
        ("downstream/SST/binary/sentiment-dev", b"a\t2", "line 42 has '2', which is not 0 or 1"),
        ("downstream/SST/fine/sentiment-test", b"5 a cat", "line 42 has '5', which is not 0, 1, 2"),
        ("downstream/TREC/TREC_10.label", b"who is it ?", "line 32 is not like HUM:ind"),
        ("downstream/TREC/TREC_10.label", b"ANY:x who ?", "line 32 has 'ANY', which is not ABBR"),
        (
            "downstream/MRPC/msr_paraphrase_test.txt",
            b"1\t2\t3\ta",
            "has 4 columns between tabs, not 5",
        ),
        (
            "downstream/MRPC/msr_paraphrase_test.txt",
            b"1\t2\t3\ta\t\xff",
            "is not UTF-8: it has the byte 0xff",
        ),
        ("downstream/SICK/SICK_trial.txt", b"1\ta\tb\thigh\tNEUTRAL", "the relatedness 'high'"),
        (
            "downstream/SICK/SICK_trial.txt",
            b"1\ta\tb\t1\tneutral",
            "'neutral', which is not CONTRA",
        ),
        ("downstream/SNLI/labels.dev", b"-", "different lengths (31, 32 lines)"),
        ("probing/tree_depth.txt", b"tr\t5", "line 157 has 2 columns between tabs, not 3 or more"),
        ("probing/tree_depth.txt", b"dev\t5\ta", "'dev', which is not tr, va or te"),
        ("probing/tree_depth.txt", b"", "line 157 has 1 columns"),
    ],
)
def test_an_odd_line_is_named(
    file: str, line: bytes, says: str, data: Path, tmp_path: Path
) -> None:
    place = data / file
    place.write_bytes(place.read_bytes() + line + b"\n")
    reads = reading(file)
    with pytest.warns(UserWarning, match="has|is not"):
        found = angle_bench.download(tasks=reads, from_senteval=data, to=tmp_path / "mirror")
    assert set(found.failures) == set(reads) != set()
    for error in found.failures.values():
        assert says in error.what
        assert str(place.parent) in error.what


def test_a_label_that_is_no_label_of_snli(data: Path, tmp_path: Path) -> None:
    place = data / "downstream/SNLI/labels.dev"
    place.write_text(place.read_text().replace("entailment", "-", 1))
    with pytest.warns(UserWarning, match="line 2 has '-', which is not entailment"):
        angle_bench.download(tasks="SNLI", from_senteval=data, to=tmp_path / "mirror")
    assert not (tmp_path / "mirror/senteval/snli").exists()


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("downstream/MR/rt-polarity.neg", None, "cannot be read: No such file"),
        ("downstream/MR/rt-polarity.neg", b"", "is empty"),
        ("downstream/SICK/SICK_trial.txt", b"1\ta\tb\t1\tNEUTRAL\n", "line 1 is not the header"),
        ("downstream/SICK/SICK_trial.txt", b"pair_ID\tx\n", "has a header and no rows"),
        ("probing/tree_depth.txt", b"tr\t5\ta\nva\t5\ta\n", "has no line of the test part, te"),
    ],
)
def test_a_file_that_is_not_whole_is_named(
    file: str, content: bytes | None, says: str, data: Path, tmp_path: Path
) -> None:
    place = data / file
    place.unlink()
    if content is not None:
        place.write_bytes(content)
    reads = reading(file)
    with pytest.warns(UserWarning, match=says):
        found = angle_bench.download(
            tasks=[*reads, "SST5"], from_senteval=data, to=tmp_path / "mirror"
        )
    assert set(found.failures) == set(reads)
    assert all(str(place) in error.what for error in found.failures.values())
    assert len(found.done) == 1  # the other one is there


def test_what_was_not_downloaded_is_left_out_by_name(data: Path, tmp_path: Path) -> None:
    shutil.rmtree(data / "downstream")
    (data / "probing/tree_depth.txt").unlink()
    found = angle_bench.download(from_senteval=data, to=tmp_path / "mirror")
    assert found.failures == {}
    left_out = [line.split()[0] for line in found.done if "left out: there is no" in line]
    assert left_out == [*(t.name for t in TASKS if t.dataset[9:] not in PROBING), "Depth"]


def test_other_rows_in_the_mirror_are_not_replaced(data: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    angle_bench.download(tasks="MR", from_senteval=data, to=mirror)
    before = (mirror / "senteval/mr/all.parquet").read_bytes()
    with (data / "downstream/MR/rt-polarity.neg").open("a") as opened:
        opened.write("one more\n")
    with pytest.warns(UserWarning, match="holds other rows than"):
        angle_bench.download(tasks="MR", from_senteval=data, to=mirror)
    assert (mirror / "senteval/mr/all.parquet").read_bytes() == before


def test_folders_that_are_not_senteval_s(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean") as raised:
        angle_bench.download(from_senteval=data.parent, to=tmp_path / "mirror")
    assert str(data) in raised.value.fix
    with pytest.raises(UsageError, match="is no folder, as SentEval's data folder has"):
        angle_bench.download(from_senteval=tmp_path / "nowhere", to=tmp_path / "mirror")
    with pytest.raises(UsageError, match="written into a folder, and none is named"):
        angle_bench.download(from_senteval=data)


# what is learnt from it, beside plain scikit-learn on the files as this test reads them


Texts = dict[str, list[tuple[str, str]]]  # with their labels, by part
Vectors = dict[str, tuple[np.ndarray, list[str]]]


def learnt(parts: Vectors) -> list[str]:
    """What SentEval's split classifier predicts: the C of the best accuracy on the dev part."""
    right = {}
    for strength in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0):
        model = LogisticRegression(C=strength, max_iter=1000, random_state=1111)
        right[strength] = model.fit(*parts["tr"]).score(*parts["va"])
    best = max(right, key=lambda strength: right[strength])  # the first of equals
    model = LogisticRegression(C=best, max_iter=1000, random_state=1111).fit(*parts["tr"])
    return [str(label) for label in model.predict(parts["te"][0])]


def by_adam(parts: Vectors, hidden: int) -> list[str]:
    """The same of its classifier in PyTorch, which begins with the weights of ours."""
    names = sorted(set(parts["tr"][1]))
    coded = {
        part: (vectors, np.array([names.index(label) for label in labels]))
        for part, (vectors, labels) in parts.items()
    }
    first = initial_weights(coded["tr"][0].shape[1], len(names), hidden)
    models = [of_torch(first, coded["tr"], coded["va"], 10.0**n) for n in range(-5, -1)]
    model, _ = max(models, key=lambda each: round(100 * each[1], 2))
    return [names[code] for code in said_by(model, coded["te"][0])]


def predicted_of(
    parts: Texts, encoder: Any, learn: Callable[[Vectors], list[str]]
) -> tuple[list[str], list[str]]:
    """Labels and predictions of the test part, in the order of the file that SentEval sorts."""
    vectors = {}
    for part, rows in parts.items():
        rows.sort(key=lambda row: (len(row[0].split()), row[1]))
        labels = [label for _, label in rows]
        vectors[part] = (encoder.encode([text for text, _ in rows]), labels)
    return vectors["te"][1], learn(vectors)


def probed(place: Path) -> Texts:
    parts: Texts = {"tr": [], "va": [], "te": []}
    with place.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            cells = line.rstrip().split("\t")
            parts[cells[0]].append((" ".join(cells[-1].split()), cells[1]))
    return parts


def fine(home: Path) -> Texts:
    parts: Texts = {}
    for name, part in (("train", "tr"), ("dev", "va"), ("test", "te")):
        lines = (home / f"sentiment-{name}").read_text("utf-8").splitlines()
        cells = [line.strip().split(" ", 1) for line in lines]
        parts[part] = [(text, label) for label, text in cells]
    return parts


def inferred(home: Path, encoder: Any) -> tuple[list[str], list[str]]:
    features, labels = {}, {}
    for part in ("train", "test"):
        first, second, names = (
            (home / f"{name}.{part}").read_text("utf-8").removesuffix("\n").split("\n")
            for name in ("s1", "s2", "labels")
        )
        rows = sorted(
            zip(second, first, names, strict=True),
            key=lambda row: (len(row[0].split()), len(row[1].split()), row[2]),
        )
        v, u = (encoder.encode([row[at] or "." for row in rows]) for at in (0, 1))
        features[part] = np.hstack((u, v, u * v, np.abs(u - v)))
        labels[part] = [row[2] for row in rows]
    model = LogisticRegression(C=1e9, max_iter=1000, random_state=1111)
    model.fit(features["train"], labels["train"])
    return labels["test"], list(model.predict(features["test"]))


def kept(name: str) -> list[dict[str, str]]:
    (place,) = Path("results").glob(f"*/*/.angle-bench/{name}.parquet")
    found: list[dict[str, str]] = pq.read_table(place).to_pylist()
    return found


@pytest.mark.process
@pytest.mark.parametrize(
    "probes", ["WordContent,TopConstituents,Tense", pytest.param("Probing", marks=pytest.mark.long)]
)
def test_minilm_s_predictions_are_those_of_an_independent_implementation(
    probes: str, cli: Cli, data: Path, minilm: Path
) -> None:
    ended = cli("download", "--from-senteval", data, "--to", "mirror")
    assert ended.code == 0, ended.err
    tasks = f"{probes},SST5,SNLI,Depth-MLP,WordContent-MLP"
    ended = cli("run", "-m", "all-MiniLM-L6-v2", "-t", tasks, "--mirror", "mirror", "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)["models"]
    encoder = angle_bench.load("all-MiniLM-L6-v2", device="cpu:1")
    files = {task.name: task.dataset.removeprefix("senteval/") for task in PROBES}
    expected = {
        task.name: predicted_of(probed(data / f"probing/{files[task.name]}.txt"), encoder, learnt)
        for task in select([probes]).task
    }
    for name, hidden in (("Depth", 50), ("WordContent", 0)):
        parts = probed(data / f"probing/{files[name]}.txt")
        expected[f"{name}-MLP"] = predicted_of(parts, encoder, partial(by_adam, hidden=hidden))
    expected["SST5"] = predicted_of(fine(data / "downstream/SST/fine"), encoder, learnt)
    expected["SNLI"] = inferred(data / "downstream/SNLI", encoder)
    encoder.close()
    wrong = {}
    for name, (gold, said) in expected.items():
        assert [each["gold"] for each in kept(name)] == gold, name
        assert [each["predicted"] for each in kept(name)] == said, name
        right = [a == b for a, b in zip(gold, said, strict=True)]
        assert row["scores"][name] == pytest.approx(100 * np.mean(right))
        wrong[name] = right.count(False) / len(right)
    assert 0.05 < np.mean(list(wrong.values())) < 0.6  # so that equality says something


@pytest.mark.parametrize("labels", [len(names) for names in PROBING.values()][:2])
def test_random_vectors_are_learnt_as_scikit_learn_learns_them(labels: int) -> None:
    random_ = np.random.default_rng(labels)
    centres = random_.normal(size=(labels, 24))
    parts = {}
    for part, count in (("tr", 300), ("va", 100), ("te", 150)):
        codes = random_.integers(labels, size=count)
        noise = random_.normal(scale=2.5, size=(count, 24))
        parts[part] = ((centres[codes] + noise).astype(np.float32), codes)
    found = logistic_regression.tuned_on_split(*parts["tr"], *parts["va"], parts["te"][0])
    assert [str(code) for code in found.labels] == learnt(parts)  # type: ignore[arg-type]
    assert 0.3 < np.mean(found.labels == parts["te"][1]) < 0.95


def test_without_regularisation_is_c_of_1e9() -> None:
    random_ = np.random.default_rng(5)
    first, second = (random_.normal(size=(200, 6)).astype(np.float32) for _ in range(2))
    codes = (np.sum(first * second, axis=1) + random_.normal(size=200) > 0).astype(int)
    features = logistic_regression.entailment_features(first, second)
    assert features.shape == (200, 24)
    known = features[:60], codes[:60]
    strength = logistic_regression.UNREGULARISED
    found = logistic_regression.whole(*known, features[60:], strength)
    expected = LogisticRegression(C=1e9, max_iter=1000, random_state=1111).fit(*known)
    assert np.array_equal(found.labels, expected.predict(features[60:]))
    # with C = 1 it would be another classifier
    assert not np.array_equal(found.labels, logistic_regression.whole(*known, features[60:]).labels)
