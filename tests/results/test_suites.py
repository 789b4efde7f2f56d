"""Suites: what `-t` means."""

import json
import re
import shlex

import pytest
from pydantic import ValidationError

from angle_bench.errors import UsageError
from angle_bench.files.places import tasks_folder
from angle_bench.suites.names import known_names
from angle_bench.suites.select import find_all, select, split_names, tables_of
from angle_bench.suites.shipped import benchmark, mteb_task, suites
from angle_bench.suites.task import Suite, Task

STS = ["STS12", "STS13", "STS14", "STS15", "STS16", "STSBenchmark", "SICK-R"]
CATALOGUE = json.loads((tasks_folder() / "mteb-tasks.json").read_text())


def names(suite: Suite) -> list[str]:
    return [task.name for task in suite.task]


def by_name(suite: Suite) -> dict[str, Task]:
    return {task.name: task for task in suite.task}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["STS12"], ["STS12"]),
        (["STS12,STS13"], ["STS12", "STS13"]),
        (["STS12,MTEB(eng, v1)", "demo"], ["STS12", "MTEB(eng, v1)", "demo"]),
        (["MTEB(eng, v1),MTEB(cmn, v1)"], ["MTEB(eng, v1)", "MTEB(cmn, v1)"]),
        (["f(a, g(b, c), d),e"], ["f(a, g(b, c), d)", "e"]),
        (["  STS12 ,\tSTS13\n"], ["STS12", "STS13"]),
        ([",STS12,,STS13,", "", " ", ","], ["STS12", "STS13"]),
        (["STS12),STS13"], ["STS12)", "STS13"]),
        (["STS12", "STS12"], ["STS12", "STS12"]),
        ([], []),
    ],
)
def test_split_names(texts: list[str], expected: list[str]) -> None:
    assert split_names(texts) == expected


@pytest.mark.parametrize(
    ("typed", "name", "count"),
    [
        ("STS", "STS", 7),
        ("sts", "STS", 7),
        ("demo", "demo", 1),
        ("DEMO", "demo", 1),
        ("STS12", "STS12", 1),
        ("sick-r", "SICK-R", 1),
        ("anglebenchdemo", "AngleBenchDemo", 1),
        ("MTEB(eng, v1)", "MTEB-eng-v1", 56),
        ("mteb(ENG, V1)", "MTEB-eng-v1", 56),
        ("MTEB(eng,v1)", "MTEB-eng-v1", 56),
        ("MTEB", "MTEB-eng-v1", 56),
        ("MTEB(eng, classic)", "MTEB-eng-v1", 56),
        ("MTEB(eng, v2)", "MTEB-eng-v2", 41),
        ("mteb(eng)", "MTEB-eng-v2", 41),
    ],
)
def test_select_finds_suites_tasks_benchmarks_and_aliases(
    typed: str, name: str, count: int
) -> None:
    suite = select([typed])
    assert (suite.name, len(suite.task)) == (name, count)


def test_the_sts_suite_is_mteb_s_protocol() -> None:
    suite = select(["STS"])
    assert names(suite) == STS
    assert suite.signature == "STS/1"
    for task in suite.task:
        assert (task.splits, task.subsets, task.metric) == (
            ("test",),
            ("default",),
            "cosine_spearman",
        )
    assert sum(task.texts or 0 for task in suite.task) == 47_700
    assert [task.header for task in suite.task][-2:] == ["STS-B", "SICK-R"]


@pytest.mark.parametrize(
    ("name", "narrowed"),
    [
        ("MTEB(eng, v1)", {"STS17": ("en-en",), "STS22": ("en",)}),
        ("MTEB(eng, v2)", {"STS17": ("en-en",), "STS22.v2": ("en",)}),
    ],
)
def test_english_benchmarks_count_english_subsets_only(
    name: str, narrowed: dict[str, tuple[str, ...]]
) -> None:
    tasks = by_name(select([name]))
    for task, subsets in narrowed.items():
        alone = mteb_task(task)
        assert alone is not None
        assert tasks[task].subsets == subsets
        assert set(subsets) < set(alone.subsets)
        assert (tasks[task].samples or 0) < (alone.samples or 0)


def test_joined_suites_hold_every_task_once() -> None:
    suite = select(["STS17,STS12", "STS", "demo"])
    assert names(suite) == ["STS17", *STS, "AngleBenchDemo"]


def test_joining_keeps_the_order_of_typing() -> None:
    assert names(select(["STS13,STS12"])) == ["STS13", "STS12"]


def test_the_signature_of_joined_suites_names_each() -> None:
    version = CATALOGUE["mteb_version"]
    joined = select(["STS,MTEB(eng, v1)", "AFQMC"])
    assert joined.name.split("+") == ["STS", "MTEB-eng-v1", "AFQMC"]
    assert joined.version.split("+") == ["1", version]
    assert len(joined.task) == 56 + 1  # MTEB-eng-v1 holds all seven of STS


@pytest.mark.parametrize("texts", [["STS", "STS"], ["STS,sts"]])
def test_a_suite_named_twice_is_that_suite(texts: list[str]) -> None:
    assert select(texts) == select(["STS"])


@pytest.mark.parametrize(
    "texts", [["STS17", "MTEB(eng, v1)"], ["MTEB(eng, v1),STS17"], ["STS22,MTEB(eng, v1)"]]
)
def test_other_subsets_of_the_same_task_are_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError, match=r"STS17|STS22") as raised:
        select(texts)
    assert raised.value.exit_code == 2
    assert "MTEB-eng-v1" in raised.value.fix


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("STS-12", "STS12"),
        ("stss", "STS"),
        ("SICKR", "SICK-R"),
        ("MTEB(eng, v3)", "MTEB(eng, v2)"),
        ("mteb(eng v1)", "MTEB(eng, v1)"),
        ("AngleBenchDem", "AngleBenchDemo"),
        ("STSbenchmarks", "STSBenchmark"),
    ],
)
def test_an_unknown_name_gives_the_nearest(typed: str, near: str) -> None:
    with pytest.raises(UsageError) as raised:
        select([typed])
    assert raised.value.exit_code == 2
    assert f"no suite or task is called {typed}. Did you mean " in raised.value.what
    assert near in raised.value.what
    option, name = shlex.split(raised.value.fix)  # what is to be typed works in a shell
    assert option == "-t"
    assert name in {select([name]).name, *select([name]).aliases}


def test_a_name_that_is_near_nothing_gives_the_suites() -> None:
    with pytest.raises(UsageError) as raised:
        select(["qqqqzzzz"])
    assert "Did you mean" not in raised.value.what
    assert raised.value.fix == "-t STS, or one of: angle-bench tasks list"


def test_one_unknown_name_among_known_ones_is_the_one_named() -> None:
    with pytest.raises(UsageError, match="no suite or task is called STS-12"):
        select(["STS13,STS-12,demo"])


@pytest.mark.parametrize("typed", [CATALOGUE["other"][0], CATALOGUE["other"][-1].upper()])
def test_tasks_that_are_not_text_are_refused_with_the_reason(typed: str) -> None:
    with pytest.raises(UsageError, match=f"{typed} is a task of mteb with images") as raised:
        select([typed])
    assert raised.value.fix.startswith("-t ")


@pytest.mark.parametrize("texts", [[], [""], [" , "]])
def test_no_name_is_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        select(texts)
    assert raised.value.fix == "-t STS"


def test_every_benchmark_is_found_by_its_name_and_aliases() -> None:
    assert len(CATALOGUE["benchmarks"]) > 50
    for full, row in CATALOGUE["benchmarks"].items():
        for name in (full, *row["aliases"]):
            found = benchmark(name)
            assert found is not None
            assert found.name == full
            assert names(found) == [entry["name"] for entry in row["tasks"]]


def test_benchmarks_agree_with_mteb_itself() -> None:
    import mteb

    for name in ("MTEB(eng, v1)", "MTEB(eng, v2)", "MTEB(cmn, v1)"):
        theirs = {task.metadata.name: task for task in mteb.get_benchmark(name).tasks}
        ours = by_name(select([name]))
        assert set(ours) == set(theirs)
        for task, row in ours.items():
            assert row.splits == tuple(theirs[task].eval_splits)
            assert row.subsets in (tuple(theirs[task].hf_subsets), ())
            assert row.metric == theirs[task].metadata.main_score


PROBING = [
    *("Length", "WordContent", "Depth", "TopConstituents", "BigramShift", "Tense"),
    *("SubjNumber", "ObjNumber", "OddManOut", "CoordinationInversion"),
]
OWN = {
    "Probing": PROBING,
    "Probing-MLP": [f"{name}-MLP" for name in PROBING],
    "STS-SentEval": ["SICKRelatedness"],
    "STS-zh-Sohu": ["SOHU-dd", "SOHU-dc"],
    "SentEval": [
        *("MR", "CR", "SUBJ", "MPQA", "SST2", "SST5", "TREC", "MRPC", "SICKEntailment", "SNLI")
    ],
    "STSB-dev": ["STSBenchmarkDev"],
    "Transfer": ["MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC", "SICKEntailment"],
    "Vie-Sentiment": ["VieStudentFeedbackLR"],
    "demo": ["AngleBenchDemo"],
}


def test_own_tasks_take_no_name_that_mteb_has() -> None:
    theirs = {name.casefold() for name in [*CATALOGUE["tasks"], *CATALOGUE["other"]]}
    own = {
        suite.name: [task.name for task in suite.task if task.own] for suite in suites().values()
    }
    assert {name: tasks for name, tasks in own.items() if tasks} == OWN
    for tasks in own.values():
        assert not theirs & {name.casefold() for name in tasks}


def test_the_two_protocols_of_sick_never_share_a_column() -> None:
    ours, theirs = (by_name(select([name])) for name in ("STS-SentEval", "STS"))
    assert ours.pop("SICKRelatedness").header != theirs.pop("SICK-R").header
    assert [task.model_copy(update={"short": ""}) for task in ours.values()] == [
        task.model_copy(update={"short": ""}) for task in theirs.values()
    ]


def test_own_tasks_on_mteb_s_data_have_its_revision() -> None:
    for own, name in (
        ("STSBenchmarkDev", "STSBenchmark"),
        ("VieStudentFeedbackLR", "VieStudentFeedbackClassification"),
    ):
        (ours,), theirs = select([own]).task, mteb_task(name)
        assert theirs is not None
        assert (ours.dataset, ours.revision) == (theirs.dataset, theirs.revision)


def test_tasks_of_mteb_have_no_definition_of_ours() -> None:
    assert mteb_task("STS12").definition == ""  # type: ignore[union-attr]
    definitions = [select([name]).task[0].definition for names in OWN.values() for name in names]
    assert all(definitions)
    mr, sst2 = (select([name]).task[0] for name in ("MR", "SST2"))
    assert mr.definition != sst2.definition


def test_own_suites_take_no_name_that_mteb_has() -> None:
    theirs = {*CATALOGUE["tasks"], *CATALOGUE["other"], *CATALOGUE["benchmarks"]}
    theirs |= {alias for row in CATALOGUE["benchmarks"].values() for alias in row["aliases"]}
    assert not {name.casefold() for name in theirs} & {name.casefold() for name in suites()}


def test_a_task_of_mteb_in_a_suite_is_mteb_s_or_a_part_of_it() -> None:
    narrowed = {"short", "splits", "subsets", "samples", "characters"}
    for suite in suites().values():
        for task in suite.task:
            theirs = mteb_task(task.name)
            if theirs is not None:
                assert task.model_dump(exclude=narrowed) == theirs.model_dump(exclude=narrowed)
                assert set(task.splits) <= set(theirs.splits)
                assert set(task.subsets) <= set(theirs.subsets)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("STS-10", 10),
        ("STS-9", 9),
        ("MTEB-eng-v1", 56),
        ("MTEB-eng-v2", 41),
        ("MTEB-cmn-v1", 31),
        ("MTEB-vie-v1", 50),
        ("STS-zh", 5),
    ],
)
def test_suites_of_mteb_s_tasks(name: str, count: int) -> None:
    assert len(select([name]).task) == count


def test_sts_10_and_9_are_those_of_their_benchmarks() -> None:
    for name, full in (("STS-10", "MTEB(eng, v1)"), ("STS-9", "MTEB(eng, v2)")):
        theirs = {task for task in select([full]).task if task.type == "STS"}
        assert set(select([name]).task) == theirs


def test_chinese_sts_counts_the_test_split_alone() -> None:
    assert {task.splits for task in select(["STS-zh"]).task} == {("test",)}


def test_a_task_s_name_alone_is_mteb_s_task() -> None:
    assert select(["STS17"]).task[0] == mteb_task("STS17")
    assert select(["STS-B"]).task[0].name == "STSBenchmark"


def test_a_pattern_gives_every_task_that_it_matches() -> None:
    found = {task.name for task in select(["sts1[23]", "STS1*"]).task}
    assert {"STS12", "STS13", "STS14", "STS15", "STS16", "STS17"} <= found
    assert all(name.startswith("STS1") for name in found)


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"no task matches STX\*"):
        select(["STS,STX*"])


def test_suites_are_shown_apart_and_single_tasks_together() -> None:
    shown = tables_of(find_all(["STS12,STS-9,STS13", "STS"]))
    assert [suite.name for suite in shown] == ["STS12+STS13", "STS-9", "STS"]


def test_known_names_are_there_once_and_can_be_typed() -> None:
    known = known_names()
    assert len(known) == len(set(known)) > 1300
    for name in known[:100]:
        suite = select([name])
        assert name in {suite.name, *suite.aliases}


@pytest.mark.parametrize(
    ("type_", "samples", "texts"),
    [
        ("STS", 10, 20),
        ("PairClassification", 10, 20),
        ("BitextMining", 10, 20),
        ("Retrieval", 10, 10),
        ("STS", None, None),
        ("STS", 0, 0),
    ],
)
def test_pairs_are_two_texts(type_: str, samples: int | None, texts: int | None) -> None:
    row = {"name": "T", "dataset": "o/t", "revision": "r", "splits": ("test",), "metric": "m"}
    assert Task.model_validate({**row, "type": type_, "samples": samples}).texts == texts


def test_a_misspelt_key_of_a_suite_is_refused() -> None:
    with pytest.raises(ValidationError, match=re.escape("avarage")):
        Suite.model_validate({"name": "S", "version": "1", "avarage": "types", "task": []})
