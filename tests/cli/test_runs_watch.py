"""`runs --watch`: what another machine sees of a run while it runs, and after it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import angle_bench as ab
from angle_bench.api.calling.progress_bars import Quiet
from angle_bench.api.calling.run_plan import Question, planned
from angle_bench.api.running import carried_out
from angle_bench.api.watching import looked
from angle_bench.checkpoints.access import LoadOptions
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli

pytestmark = pytest.mark.process

TASKS = ("STS12", "STS13", "STS14")


class Looks(Quiet):
    """Looks at the results folder after each score, as another machine would."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def scored(self, name: str, scores: Sequence[float], seconds: float) -> None:
        (found,) = looked(Path("results"), [])
        self.seen.append(found.to_dict())


def test_a_run_is_seen_from_elsewhere(cli: Cli, tiny_bert: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(TASKS):
        place = tmp_path / f"mirror/mteb/{name.lower()}-sts/test.parquet"
        write_rows(place, sts_rows(20, seed=seed))
    question = Question(
        models=[f"tiny={tiny_bert}"],
        tasks=TASKS,
        access=LoadOptions.of(None, Path("mirror"), False, False),
        shard="1/2",
    )
    looks = Looks()
    carried_out(planned(question), looks)
    mine = [task for task, state in looks.seen[0]["states"]["tiny"].items() if state == "running"]
    assert 1 <= len(mine) < len(TASKS)
    assert [each["done"] for each in looks.seen] == list(range(len(mine)))
    assert {each["commands"] for each in looks.seen} == {1}
    assert {(each["begun"], each["parts"]) for each in looks.seen} == {(1, 2)}

    frame = ab.progress("results")
    states = dict(zip(frame["task"], frame["state"], strict=True))
    assert states == {task: "done" if task in mine else "left" for task in TASKS}
    assert frame.attrs["commands"] == 0

    words = ("run", "-m", f"tiny={tiny_bert}", "-t", ",".join(TASKS), "--mirror", "mirror")
    (tmp_path / "mirror/mteb/sts14-sts/test.parquet").write_bytes(b"")
    other = cli(*words, "--shard", "2/2")
    failed = 0 if "STS14" in mine else 1
    assert other.code == failed
    watched = cli("runs", "--watch", "--json")
    assert watched.code == failed
    (line,) = watched.out.splitlines()
    ((found,),) = [json.loads(line)]
    assert (found["done"], found["failed"], found["left"]) == (3 - failed, failed, 0)
    shown = cli("runs", "--watch")
    assert shown.code == failed
    assert f"{3 - failed} of 3 done · 2 of 2 parts begun · no command is running" in shown.out
    assert "\x1b" not in shown.out
    assert cli("runs", "--watch", "--last", "3").code == 2
    assert not list(Path("results").rglob("*.lock"))
