"""The difference that a suite resolves, by rule of thumb, beside what was measured."""

import pytest

from angle_bench.reporting.comparison.resolution import resolved
from angle_bench.suites.select import select

SIX = ["STS12", "STS13", "STS14", "STS16", "STSBenchmark", "SICK-R"]


def test_it_is_near_what_a_comparison_of_close_models_resolves() -> None:
    # all-MiniLM-L6-v2 and its leading 128 dimensions: an interval of 0.49 over six tasks
    measured = 0.49 / 2 / 1.96 * (1.96 + 0.84)
    assert resolved(select(SIX).task) == pytest.approx(measured, rel=0.1)


def test_more_tasks_resolve_smaller_differences() -> None:
    one, all_seven = resolved(select(["STS13"]).task), resolved(select(["STS"]).task)
    assert one is not None
    assert all_seven is not None
    assert all_seven < one / 2


@pytest.mark.parametrize("name", ["MTEB-eng-v1", "Banking77Classification"])
def test_nothing_is_said_of_what_nobody_measured(name: str) -> None:
    assert resolved(select([name]).task) is None
