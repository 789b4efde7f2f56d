"""One base for several adapters: every kind of worker puts the next on it, and says the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.spec import Settings
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Vectors, Workers
from angle_bench.encoding.workers.forward import Forward
from angle_bench.encoding.workers.inline import InlineWorker
from angle_bench.encoding.workers.local import LocalWorkers
from angle_bench.errors import ModelError
from tests.adapters import build_switched
from tests.checkpoints import build_lora, build_tiny
from tests.encoding.workers.kinds import answers, assert_same, batches

pytestmark = pytest.mark.process

SETTINGS = Settings(pooling="last", max_length=64)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny(tmp_path_factory.mktemp("adapters") / "base", "llama")


@pytest.fixture(scope="module")
def adapters(base: Path) -> list[Checkpoint]:
    return [
        _checkpoint(build_lora(base.parent / f"adapter-{seed}", base, seed=seed), base)
        for seed in (1, 2)
    ]


def _checkpoint(folder: Path, base: Path) -> Checkpoint:
    return Checkpoint(
        folder=folder,
        name=f"local/{folder.name}",
        revision="sha256-0",
        content=content_hash(folder, base),
        settings=SETTINGS,
        parameters=10_000,
        base=base,
        base_content=content_hash(base),
    )


def _inline(checkpoint: Checkpoint) -> InlineWorker:
    place = CheckpointPaths(checkpoint.folder, checkpoint.base)
    return InlineWorker(Forward(load_backbone(place, SETTINGS, torch.device("cpu")), SETTINGS))


@pytest.fixture(scope="module")
def right(adapters: list[Checkpoint]) -> list[dict[int, Vectors]]:
    """Each adapter on a base of its own."""
    found = [answers(_inline(each), batches(8)) for each in adapters]
    assert np.abs(found[0][0] - found[1][0]).max() > 0.01
    return found


@pytest.fixture(params=["inline", "local", pytest.param("ray", marks=pytest.mark.long)])
def workers(request: pytest.FixtureRequest, adapters: list[Checkpoint]) -> Iterator[Workers]:
    made: Workers
    if request.param == "inline":
        made = _inline(adapters[0])
    elif request.param == "local":
        made = LocalWorkers(adapters[0], ["cpu", "cpu"], threads=1)
    else:
        request.getfixturevalue("ray_here")
        from angle_bench.encoding.workers.ray.ray_workers import start_ray

        made = start_ray("auto", adapters[0], "cpu:2")
    yield made
    made.close()


def test_one_adapter_after_the_other(
    workers: Workers, adapters: list[Checkpoint], right: list[dict[int, Vectors]]
) -> None:
    assert_same(answers(workers, batches(8)), right[0])
    pids = sorted(getattr(workers, "pids", []))
    for number in (1, 0, 0, 1):
        workers.switch(adapters[number])
        assert_same(answers(workers, batches(8)), right[number])
    assert sorted(getattr(workers, "pids", [])) == pids  # nobody was started anew


TEN = [
    "lora",
    "saved-modules",
    "bias-all",
    "bias-lora",
    "saved-embedding",
    "resized",
    "tokens",
    "pissa",
    "ia3",
    "dora",
]


@pytest.fixture(scope="module")
def of_ten_kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checkpoint]:
    base = build_tiny(tmp_path_factory.mktemp("ten") / "base", "bert")
    return {name: _checkpoint(build_switched(base.parent / name, base, name), base) for name in TEN}


LONG = [pytest.param(kind, marks=pytest.mark.long) for kind in ("local", "ray")]


@pytest.mark.parametrize("kind", ["inline", *LONG])
def test_no_kind_of_adapter_leaves_a_trace(
    kind: str, of_ten_kinds: dict[str, Checkpoint], request: pytest.FixtureRequest
) -> None:
    """Each kind, then a plain adapter: its vectors are those that it has alone."""
    asked = batches(3)
    alone = {name: answers(_inline(each), asked) for name, each in of_ten_kinds.items()}
    plain = of_ten_kinds["lora"]
    made: Workers
    if kind == "inline":
        made = _inline(plain)
    elif kind == "local":
        made = LocalWorkers(plain, ["cpu", "cpu"], threads=1)
    else:
        request.getfixturevalue("ray_here")
        from angle_bench.encoding.workers.ray.ray_workers import start_ray

        made = start_ray("auto", plain, "cpu:2")
    try:
        for name in TEN:
            for next_ in (name, "lora"):
                made.switch(of_ten_kinds[next_])
                assert_same(answers(made, asked), alone[next_])
    finally:
        made.close()


@pytest.mark.long
def test_an_unfinished_run_before_is_forgotten(
    workers: Workers, adapters: list[Checkpoint], right: list[dict[int, Vectors]]
) -> None:
    former = workers.run(batches(8))
    next(former)
    workers.switch(adapters[1])
    assert_same(answers(workers, batches(8)), right[1])


def test_an_adapter_that_does_not_fit_is_a_clear_error(adapters: list[Checkpoint]) -> None:
    other = build_tiny(adapters[0].folder.parent / "bert", "bert")
    wrong = build_lora(adapters[0].folder.parent / "of-bert", other)
    workers = LocalWorkers(adapters[0], ["cpu"], threads=1)
    try:
        answers(workers, batches(1))
        workers.switch(replace(adapters[0], folder=wrong))
        with pytest.raises(ModelError, match="does not fit its base"):
            answers(workers, batches(1))
    finally:
        workers.close()


@pytest.mark.parametrize(
    "change",
    [
        {"base_content": "another"},
        {"base": None},
        {"settings": SETTINGS.with_changes(dtype="bfloat16")},
        {"settings": SETTINGS.with_changes(merge_adapter=True)},
        {"settings": SETTINGS.with_changes(bidirectional_start=1)},
        {"settings": SETTINGS.with_changes(compile=True)},
    ],
)
def test_what_is_not_shared(adapters: list[Checkpoint], change: dict[str, object]) -> None:
    first, second = adapters
    assert first.shares_base(second)
    assert first.shares_base(replace(second, settings=SETTINGS.with_changes(pooling="mean")))
    assert not first.shares_base(replace(second, **change))  # type: ignore[arg-type]
    assert not replace(second, **change).shares_base(first)  # type: ignore[arg-type]
