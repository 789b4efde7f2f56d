"""Processes, threads and tokens of a batch: what is tried, chosen and remembered."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from angle_bench.checkpoints.spec import Settings
from angle_bench.encoding import budget
from angle_bench.encoding.workers.contract import Batch, Loaded, Probe, Rates, Vectors

SETTINGS = Settings(pooling="cls", max_length=32)


class Measured:
    """Workers whose rates are given: by processes, threads and budget."""

    def __init__(self, count: int, rates: dict[tuple[int, int], Rates], device: str = "cpu"):
        self.warnings: list[str] = []
        self.threads = 1
        self.may_shrink = True
        self.count = count
        self.loaded = Loaded(device, f"{device} some", 8, 1000, 2, "sdpa")
        self.rates = rates
        self.asked: list[tuple[int, Probe]] = []

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[int, Vectors]]:
        raise NotImplementedError

    def probe(self, count: int, question: Probe) -> Rates:
        self.asked.append((count, question))
        known = self.rates[count, question.threads]
        return {size: known[size] for size in question.budgets if size in known}

    def keep(self, count: int) -> None:
        self.count = count

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("workers", "threads", "expected"),
    [
        (1, 1, [(1, 1)]),
        (2, 1, [(2, 1), (1, 2)]),
        (6, 1, [(6, 1), (3, 2), (1, 6)]),
        (8, 2, [(8, 2), (4, 4), (2, 8), (1, 16)]),
    ],
)
def test_layouts_use_all_cores(workers: int, threads: int, expected: list[tuple[int, int]]) -> None:
    assert budget.layouts(workers, threads, may_shrink=True) == expected
    assert budget.layouts(workers, threads, may_shrink=False) == expected[:1]


def test_fewer_processes_only_where_they_are_clearly_faster() -> None:
    even = Measured(2, {(2, 1): {512: 100.0}, (1, 2): {512: 102.0}})
    assert budget.measure(even) == budget.Choice(2, 1, 512)
    faster = Measured(2, {(2, 1): {512: 100.0}, (1, 2): {512: 110.0}})
    assert budget.measure(faster) == budget.Choice(1, 2, 512)


def test_a_larger_batch_only_where_it_is_clearly_faster() -> None:
    rates = {512: 100.0, 1024: 150.0, 2048: 153.0, 4096: 120.0}
    assert budget.measure(Measured(1, {(1, 1): rates})).batch_tokens == 1024


def test_a_choice_is_carried_out_remembered_and_not_measured_again(cache: Path) -> None:
    rates = {(2, 1): {512: 100.0}, (1, 2): {1024: 150.0}}
    first = Measured(2, rates)
    assert budget.choose(first, SETTINGS, budget.WORTH_MEASURING) == 1024
    assert first.count == 1
    second = Measured(2, rates)
    assert budget.choose(second, SETTINGS, 10) == 1024
    assert second.count == 1
    assert second.asked == [(1, Probe(2, (), 0.0))]  # sets the threads, measures nothing
    other = SETTINGS.with_changes(dtype="bfloat16")
    assert budget.choose(Measured(2, rates), other, 10) == budget.UNMEASURED["cpu"]


def test_few_texts_are_not_worth_a_measurement(cache: Path) -> None:
    workers = Measured(2, {})
    assert budget.choose(workers, SETTINGS, budget.WORTH_MEASURING - 1) == 1024
    assert (workers.asked, workers.count) == ([], 2)
    assert not (cache / "budgets.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"KEY": [1]}', '{"KEY": [1, "2", 3]}'])
def test_a_damaged_memory_counts_as_none(cache: Path, content: str) -> None:
    workers = Measured(1, {(1, 1): {512: 1.0}})
    key = budget._key(workers.loaded, 1, True, SETTINGS)
    (cache / "budgets.json").write_text(content.replace("KEY", key))
    assert budget.choose(workers, SETTINGS, 10) == budget.UNMEASURED["cpu"]
    assert budget.choose(workers, SETTINGS, budget.WORTH_MEASURING) == 512
    assert json.loads((cache / "budgets.json").read_text())[key] == [1, 1, 512]


def test_an_accelerator_is_measured_by_one_worker() -> None:
    workers = Measured(2, {(1, 0): {8192: 10.0, 16384: 30.0}}, device="cuda:0")
    assert budget.choose(workers, SETTINGS, budget.WORTH_MEASURING) == 16384
    assert [count for count, _ in workers.asked] == [1]
    assert workers.count == 2
