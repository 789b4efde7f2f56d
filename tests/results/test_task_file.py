"""`[[task]]` in TOML: what it means, where it is found, what is refused, with its line."""

from pathlib import Path

import pytest

from angle_bench.errors import UsageError
from angle_bench.suites.names import known_names
from angle_bench.suites.select import select
from angle_bench.suites.suite_file import read_suite
from angle_bench.suites.task import Task
from angle_bench.suites.user_task import METRICS
from angle_bench.suites.user_task_file import users_tasks

STS = '[[task]]\nname = "faq"\ntype = "STS"\npath = "faq.csv"\n'


CLASSES = '[[task]]\nname = "a"\ntype = "classification"\npath = "b"\n'


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return folder


def write(text: str, place: str = "angle-bench.toml") -> Path:
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).write_text(text)
    return Path(place).resolve()


def only() -> Task:
    (task,) = users_tasks()
    return task


def test_defaults(project: Path) -> None:
    write(STS)
    task = only()
    assert (task.splits, task.subsets, task.metric) == (("test",), ("default",), "cosine_spearman")
    assert task.path == (("", project / "faq.csv"),)
    assert (task.revision, task.own) == ("local", True)
    assert hash(task) == hash(only())


@pytest.mark.parametrize(
    ("typed", "type_", "metric"),
    [
        ("sts", "STS", "cosine_spearman"),
        ("pair classification", "PairClassification", "max_ap"),
        ("Pair-Classification", "PairClassification", "max_ap"),
        ("clustering", "Clustering", "v_measure"),
        ("RERANKING", "Reranking", "map_at_1000"),
        ("retrieval", "Retrieval", "ndcg_at_10"),
    ],
)
def test_types_in_any_case_with_mteb_s_main_score(typed: str, type_: str, metric: str) -> None:
    write(f'[[task]]\nname = "a"\ntype = "{typed}"\npath = "b"\n')
    assert (only().type, only().metric) == (type_, metric)
    assert metric in METRICS[type_]


def test_tasks_are_found_by_name_and_near_names_are_told() -> None:
    write(STS)
    suite = select(["FAQ,STS12"])
    assert [task.name for task in suite.task] == ["faq", "STS12"]
    assert "faq" in known_names()
    write(STS.replace("faq", "company-faq"))
    with pytest.raises(UsageError, match="Did you mean company-faq"):
        select(["compny-faq"])


def test_the_nearest_file_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(STS)
    write(
        STS.replace("faq.csv", "other.csv") + STS.replace("faq", "more"),
        str(tmp_path / "config/angle-bench/angle-bench.toml"),
    )
    below = Path("deep/er")
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    found = {task.name: task.path[0][1] for task in users_tasks()}
    assert found == {
        "faq": tmp_path / "project/faq.csv",
        "more": tmp_path / "config/angle-bench/more.csv",
    }


@pytest.mark.parametrize(
    ("changed", "other"),
    [
        ('metric = "cosine_pearson"\n', True),
        ('columns = {score = "gold"}\n', True),
        ('short = "F"\n', False),
        ('language = "deu-Latn"\n', False),
    ],
)
def test_the_definition_is_what_changes_a_score(changed: str, other: bool) -> None:
    write(STS)
    before = only().definition
    write(STS + changed)
    assert before
    assert (only().definition != before) == other


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[[task]]\nname = "a"\ntype = "STS"\npaht = "b"\n', 4, "did you mean path"),
        ('[[task]]\ntype = "STS"\npath = "b"\n', 1, "the task has no name"),
        ('[[task]]\nname = "a"\npath = "b"\n', 1, "the task has no type"),
        ('[[task]]\nname = "a"\ntype = "STTS"\npath = "b"\n', 3, "type: input should be"),
        ('[[task]]\nname = "a"\ntype = "STS"\n', 1, "needs a path or a dataset"),
        (f"{STS}\n{STS}", 7, "two tasks faq"),
        (STS.replace('"faq"', '"STS12"'), 2, "STS12 is a task or suite of mteb"),
        (STS.replace('"faq"', '"sts12"'), 2, "sts12 is a task or suite of mteb"),
        (STS.replace('"faq"', '"Transfer"'), 2, "Transfer is a task or suite"),
        (STS.replace('"faq"', '"a/b"'), 2, "names files"),
        (STS.replace('"faq"', '".hidden"'), 2, "names files"),
        (STS + 'columns = {scor = "gold"}\n', 5, "did you mean score"),
        (STS + '[task.columns]\nscor = "gold"\n', 5, "did you mean score"),
        (STS + 'metric = "cosine_spearmn"\n', 5, "did you mean cosine_spearman"),
        (STS + 'protocol = "transfer"\n', 5, "is for classification"),
        (STS + "folds = 1\n", 5, "greater than or equal to 2"),
        (STS + "folds = 3\n", 5, "is for protocol"),
        (STS + 'train = "dev"\n', 5, "is for classification"),
        (STS + 'subsets = ["en"]\n', 5, "is for a dataset"),
        (STS + 'revision = "c0ffee"\n', 5, "is for a dataset"),
        (
            '[[task]]\nname = "a"\ntype = "retrieval"\ndataset = "b/c"\n'
            'columns.corpus.id = "_id"\n',
            5,
            "laid out as mteb's",
        ),
        (STS + 'dataset = "a/b"\n', 5, "only one of them"),
        (
            '[[task]]\nname = "a"\ntype = "classification"\npath = {train = "a", tst = "b"}\n',
            4,
            "did you mean test",
        ),
        (
            '[[task]]\nname = "a"\ntype = "retrieval"\npath = {corpus = "a", queries = "b"}\n',
            4,
            "path has no qrels",
        ),
        (
            '[[task]]\nname = "a"\ntype = "classification"\npath = "b"\ntrain = "test"\n',
            5,
            "learns from test and scores it",
        ),
        (
            '[[task]]\nname = "a"\ntype = "classification"\npath = "b"\n'
            'columns = {sentence1 = "c", sentence2 = "d"}\n',
            5,
            'needs protocol = "transfer" or "snli"',
        ),
        (CLASSES + 'protocol = "snli"\n', 5, 'protocol = "snli" is for pairs'),
        (CLASSES + 'protocol = "senteval mlp"\n', 5, "needs validation"),
        (
            CLASSES + 'validation = "dev"\nprotocol = "logistic regression"\n',
            5,
            'validation is for protocol = "transfer", "senteval linear" or "senteval mlp"',
        ),
    ],
)
def test_a_wrong_task_is_named_with_its_line(text: str, line: int, what: str) -> None:
    place = write(f"{text}")
    with pytest.raises(UsageError) as raised:
        users_tasks()
    assert what in raised.value.what
    assert f"{place}:{line}: " in raised.value.what


def test_what_is_neither_model_nor_task() -> None:
    write('[[tasks]]\nname = "a"\n')
    with pytest.raises(UsageError, match="has tasks") as raised:
        users_tasks()
    assert "[[task]]" in raised.value.fix


# suite files


def test_a_suite_names_known_tasks_and_narrows_them() -> None:
    write(STS)
    place = write(
        'description = "two"\n[[task]]\nname = "sts17"\nsubsets = ["en-en"]\n'
        '[[task]]\nname = "faq"\nshort = "F"\n',
        "suites/ours.toml",
    )
    suite = read_suite(place)
    assert select([str(place)]) == suite
    assert (suite.name, suite.average, suite.description) == ("ours", "tasks", "two")
    assert len(suite.version) == 8
    sts17, faq = suite.task
    assert (sts17.name, sts17.subsets, sts17.samples) == ("STS17", ("en-en",), None)
    assert (faq.header, faq.path) == ("F", only().path)
    place.write_text(place.read_text().replace("en-en", "es-en"))
    assert read_suite(place).version != suite.version


def test_the_head_of_a_suite_is_kept() -> None:
    head = 'name = "us"\nversion = "3"\naverage = "types"\n'
    suite = read_suite(write(head + STS, "ours.toml"))
    assert (suite.signature, suite.average) == ("us/3", "types")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[[task]]\nname = "STS17"\nsubsets = ["en-fr", "en-xx"]\n', "STS17 has no subset en-fr"),
        ('[[task]]\nname = "STS12"\nsplits = ["train"]\n', "has no split train; there is test"),
        ('[[task]]\nname = "STS12"\nsplits = "test"\n', 'splits = ["test"]'),
        ('[[task]]\nname = "STS-12"\n', "did you mean STS12"),
        ('[[task]]\nname = "qqqqzzzz"\n', "an own one needs type and path"),
        ('[[task]]\nname = "STS12"\npath = "a.csv"\n', "the task has no type"),
        (STS.replace('"faq"', '"STS12"'), "STS12 is a task or suite of mteb"),
        ('name = "STS"\n' + STS, "STS is taken"),
        ('average = "all"\n' + STS, "average"),
        ('titel = "x"\n' + STS, "has titel"),
        ('name = "x"\n', "has no task"),
        ("[[task]\n", "is no TOML"),
    ],
)
def test_a_wrong_suite_is_refused(text: str, what: str) -> None:
    place = write(text, "ours.toml")
    with pytest.raises(UsageError) as raised:
        select([str(place)])
    assert what in raised.value.what
    assert "ours.toml" in raised.value.what


def test_a_suite_that_is_not_there() -> None:
    with pytest.raises(UsageError, match=r"there is no file ours\.toml"):
        select(["ours.toml"])
