"""`EvaluateCallback` in two processes of torch's launcher."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.results.layout import SIDE
from tests.checkpoints import sts_rows, write_rows
from tests.training.test_callback import mlm_checkpoint, st_checkpoint
from tests.training.test_processes import launched


@pytest.mark.process
@pytest.mark.long
def test_the_first_process_evaluates_and_the_others_wait(tmp_path: Path) -> None:
    st_checkpoint(tmp_path)
    mlm_checkpoint(tmp_path)
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(60, seed=1))
    (tmp_path / "empty").mkdir()
    asked = {"tasks": "STS12", "every": 3, "mirror": str(tmp_path / "mirror")}
    mlm = {"pooling": "mean", "every": 2}
    cases = {
        "missing": {"trainer": "st", "callback": asked | {"mirror": str(tmp_path / "empty")}},
        "evaluated": {"trainer": "st", "callback": asked},
        "without": {"trainer": "st", "callback": None},
        "mlm": {"trainer": "transformers", "callback": asked | mlm, "reports": True},
        "mlm-without": {"trainer": "transformers", "callback": None},
    }
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    ended = launched(["-m", "tests.training.callback_in_processes", tmp_path])
    assert ended.returncode == 0, ended.stderr[-4000:]

    for rank in (0, 1):
        missing, evaluated, without, mlm, bare = (said_by(tmp_path, name, rank) for name in cases)
        assert "STS12" in missing["error"]
        assert missing["step"] == 0
        assert evaluated["digest"] == without["digest"]
        assert mlm["digest"] == bare["digest"]
        assert [step for step, _ in scores_of(evaluated)] == [0, 3, 4]
        assert [step for step, _ in scores_of(mlm)] == [0, 2]
        assert evaluated == said_by(tmp_path, "evaluated", 0)
    for name, count in (("missing", 0), ("evaluated", 3), ("mlm", 2)):
        found = (tmp_path / f"results-{name}").rglob("STS12.json")
        assert sum(SIDE not in place.parts for place in found) == count, name
    assert ended.stderr.count("angle-bench: step 3: eval_STS12") == 1


def said_by(folder: Path, name: str, rank: int) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / f"{name}-{rank}.json").read_text())
    said["log"] = [
        {
            key: value
            for key, value in entry.items()
            if "per_second" not in key and "time" not in key
        }
        for entry in said["log"]
    ]
    return said


def scores_of(said: dict[str, Any]) -> list[tuple[int, float]]:
    return [(each["step"], each["eval_STS12"]) for each in said["log"] if "eval_STS12" in each]
