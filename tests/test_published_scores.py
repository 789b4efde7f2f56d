"""The main job on the real data: the published scores of all-MiniLM-L6-v2, to two decimals."""

import json
from pathlib import Path

import mteb
import pytest

from tests.conftest import Cli

PUBLISHED = {
    "STS12": "72.37",
    "STS13": "80.60",
    "STS14": "75.59",
    "STS16": "78.99",
    "STSBenchmark": "82.03",
    "SICK-R": "77.58",
}


@pytest.mark.process
@pytest.mark.long
def test_sts_with_all_minilm_l6_v2(shared: Path, minilm: Path, cli: Cli, tmp_path: Path) -> None:
    words = ("--model", "all-MiniLM-L6-v2", "--tasks", "STS", "--mirror", shared / "data")
    ended = cli("run", *words)
    assert ended.code == 1  # STS15 is not among the data
    assert "STS15" in ended.errors[0]
    assert "mteb/sts15-sts/test.parquet" in ended.errors[1]

    header, scores = (line.split() for line in ended.out.splitlines()[:2])
    shown = dict(zip(header, scores, strict=False))
    assert shown == {
        "STS12": "72.37✓",
        "STS13": "80.60✓",
        "STS14": "75.59✓",
        "STS15": "–",
        "STS16": "78.99✓",
        "STS-B": "82.03≠",
        "SICK-R": "77.58≠",
        "│": "│",
        "mean": "6",
        "of": "of",
        "7": "7",
    }

    (model,) = mteb.ResultCache(tmp_path).load_results().model_results
    read = {result.task_name: f"{100 * result.main_score:.2f}" for result in model.task_results}
    assert read == PUBLISHED

    (folder,) = (tmp_path / "results").glob("*/8b3219a92973c328a8e22fadcfa821b5dc75636a")
    record = json.loads((folder / ".angle-bench/STS12.json").read_text())
    (part,) = record["data"]["verification"]["parts"]
    assert (part["samples"], part["characters"]) == (3108, 402118)

    again = cli("run", *words, "--json")
    assert again.code == 1
    (row,) = json.loads(again.out)["models"]
    assert row["coverage"] == "6 of 7"
    assert row["scores"]["STS12"] == pytest.approx(72.369, abs=1e-3)
