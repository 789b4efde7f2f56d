"""The suite of AnglE's Chinese table: the data of Sohu in the layout that text2vec publishes."""

import json
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from angle_bench.suites.select import select
from tests.checkpoints import write_rows
from tests.conftest import Cli

Rows = list[dict[str, object]]

TEXTS = (
    ("今天下雨了", "外面正在下雨", 5),
    ("球队赢得了比赛", "昨晚的比赛中球队取胜，球迷在城里庆祝到深夜", 5),
    ("如何更改花呗绑定银行卡", "花呗更改绑定银行卡", 3),
    ("他在弹吉他", "股市今天下跌", 0),
    ("春节假期延长", "新的车站明年开放", 0),
    ("天气预报说明天降温", "气温明天会降低", 5),
)


def sohu_rows(labels: list[int]) -> Rows:
    return [
        {"sentence1": first, "sentence2": second, "label": label}
        for (first, second, _), label in zip(TEXTS, labels, strict=True)
    ]


def write_mirror(folder: Path) -> None:
    """Five sets in the hub's layout, two as they lie in text2vec's repository."""
    gold = [label for *_, label in TEXTS]
    scored = [{**row, "score": row.pop("label")} for row in sohu_rows(gold)]
    for name in ("C-MTEB/ATEC", "C-MTEB/BQ", "C-MTEB/LCQMC", "mteb/PAWSX", "mteb/STSB"):
        write_rows(folder / name / "test.jsonl", scored)
    write_rows(folder / "SOHU/dd-test.jsonl", sohu_rows(gold))
    write_rows(folder / "SOHU/dc-test.jsonl", sohu_rows(gold[::-1]))


def test_seven_tasks_of_which_five_are_those_of_sts_zh() -> None:
    suite = select(["STS-zh-Sohu"])
    *five, dd, dc = (task.model_copy(update={"short": ""}) for task in suite.task)
    assert five == [task.model_copy(update={"short": ""}) for task in select(["STS-zh"]).task]
    assert [task.header for task in (dd, dc)] == ["SOHU-dd", "SOHU-dc"]
    assert dd.definition == dc.definition


@pytest.mark.process
def test_scores_are_spearman_of_cosines(minilm: Path, tmp_path: Path, cli: Cli) -> None:
    from sentence_transformers import SentenceTransformer

    write_mirror(tmp_path / "mirror")
    ended = cli("run", "-m", minilm, "-t", "STS-zh-Sohu", "--mirror", tmp_path / "mirror", "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)["models"]
    model = SentenceTransformer(str(minilm), device="cpu", local_files_only=True)
    first, second = (model.encode([pair[side] for pair in TEXTS]) for side in (0, 1))
    cosines = (first * second).sum(axis=1)
    gold = [label for *_, label in TEXTS]
    for name, labels in (("SOHU-dd", gold), ("SOHU-dc", gold[::-1]), ("ATEC", gold)):
        expected = 100 * spearmanr(cosines, labels).statistic
        assert row["scores"][name] == pytest.approx(expected, abs=1e-4)
    assert row["scores"]["SOHU-dd"] != row["scores"]["SOHU-dc"]


@pytest.mark.process
def test_what_is_missing_is_named_with_its_layout(minilm: Path, tmp_path: Path, cli: Cli) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    words = ("run", "-m", minilm, "--mirror", mirror, "-t")
    ended = cli(*words, "SOHU-dd")
    assert ended.code == 1
    assert "SOHU-dd is not taken from the hub" in ended.err
    assert "DIR/SOHU/dd-test.parquet, or .jsonl; columns sentence1, sentence2, label" in ended.err

    write_rows(mirror / "SOHU/dd-test.jsonl", sohu_rows([0, 1, 2, 3, 4, 5]))
    ended = cli(*words, "SOHU-dc")
    assert ended.code == 1
    assert "dc-test.jsonl for SOHU-dc (there: dd-test.jsonl)" in ended.err

    write_rows(mirror / "SOHU/dc-test.jsonl", [{"source": "a", "target": "b", "labelA": "0"}])
    ended = cli(*words, "SOHU-dc")
    assert ended.code == 1
    assert "dc-test.jsonl has no column sentence1" in ended.err
