"""What all workers promise, checked on each kind."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from angle_bench.encoding.portable_tokenizer import portable
from angle_bench.encoding.workers.contract import Batch, BatchFailed, Probe, Vectors, Workers
from angle_bench.encoding.workers.work import IN_FLIGHT
from angle_bench.errors import ModelError
from tests.encoding.workers import kinds
from tests.encoding.workers.faults import sitecustomize as fault
from tests.encoding.workers.kinds import answers, assert_gone, assert_same, batch, batches

pytestmark = pytest.mark.process

# test_ray.py has a cluster in every test run, and test_forking.py workers that are not forked
LONG = {name: pytest.param(name, marks=pytest.mark.long) for name in ("ray", "local-1", "local-2")}


@pytest.fixture(scope="module", params=[LONG.get(name, name) for name in kinds.KINDS])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "ray":
        request.getfixturevalue("ray_here")
    return str(request.param)


@pytest.fixture(scope="module")
def workers(kind: str, folder: Path, faults: None) -> Iterator[Workers]:
    with pytest.MonkeyPatch.context() as patch:
        if kind == "inline":
            from angle_bench.encoding.workers.forward import Forward

            patch.setattr(Forward, "_forward", fault.wrapped(Forward._forward))
        started = kinds.KINDS[kind](folder)
        yield started
        started.close()


def test_every_batch_is_answered_once_with_its_vectors(
    workers: Workers, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    assert_same(answers(workers, iter(asked)), right)
    assert right[0].shape == (6, 1, 32)
    assert workers.warnings == []


def test_no_batches_give_no_answers(workers: Workers) -> None:
    assert answers(workers, iter([])) == {}


def test_what_is_loaded_is_told(workers: Workers) -> None:
    loaded = workers.loaded
    assert (loaded.device, loaded.dimension, loaded.layers) == ("cpu", 32, 2)
    assert loaded.hardware.startswith("cpu ")
    assert loaded.parameters > 10_000


def test_its_tokenizer_is_that_of_the_folder(workers: Workers, folder: Path) -> None:
    found = workers.tokenizer()
    assert found == portable(AutoTokenizer.from_pretrained(folder))
    assert found is not None
    assert found.pad_token_id == 0


def test_batches_are_taken_when_a_worker_is_free(workers: Workers, asked: list[Batch]) -> None:
    taken: list[int] = []

    def watched() -> Iterator[Batch]:
        for each in asked:
            taken.append(each.number)
            yield each

    most = workers.count * IN_FLIGHT
    assert most < len(asked) - 2
    for done, _ in enumerate(workers.run(watched()), start=1):
        assert len(taken) <= done + most
    assert len(taken) == len(asked)


def test_a_run_after_one_that_ended_early_gets_its_own_answers(
    workers: Workers, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    # the same numbers for other texts: an answer to the former run would be taken for one of these
    former = workers.run(batches(20, seed=1))
    next(former)
    former.close()  # type: ignore[attr-defined]
    assert_same(answers(workers, asked), right)


def test_a_run_beside_one_that_nobody_closed_gets_its_own_answers(
    workers: Workers, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    former = workers.run(batches(20, seed=1))
    next(former)
    found = {}
    run = workers.run(asked)
    number, vectors = next(run)
    found[number] = vectors
    former.close()  # type: ignore[attr-defined]
    assert_same(found | dict(run), right)


def test_a_former_run_is_not_taken_up_again(
    kind: str, workers: Workers, asked: list[Batch]
) -> None:
    former = workers.run(asked)
    next(former)
    answers(workers, asked)
    if kind == "inline":  # has nothing under way between two answers
        assert next(former)[0] == 1
        return
    with pytest.raises(RuntimeError, match="another run"):
        next(former)


def test_an_exception_reaches_the_user_with_the_workers_traceback(
    workers: Workers, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    with pytest.raises(ModelError, match="IndexError: index out of range") as caught:
        answers(workers, [asked[0], batch(1, [5, 6], [5, 100_000]), *asked[2:]])
    assert caught.value.fix
    assert "IndexError" in _traceback(caught.value)
    assert "forward.py" in _traceback(caught.value)
    assert_same(answers(workers, asked), right)  # the workers live, and nothing stale is taken


def test_an_exception_that_cannot_be_pickled_reaches_the_user(workers: Workers) -> None:
    with pytest.raises(ModelError, match="UnpicklableError: a strange fault") as caught:
        answers(workers, [batch(0, [5, fault.UNPICKLABLE])])
    assert "with_faults" in _traceback(caught.value)


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))


def test_a_text_that_memory_does_not_hold_is_named(workers: Workers, asked: list[Batch]) -> None:
    texts = [[5], [6, 7], [8], [9, fault.OUT_OF_MEMORY, 9], [10]]
    with pytest.raises(BatchFailed, match="a text of 3 tokens") as caught:
        answers(workers, [*asked[:7], batch(7, *texts), *asked[8:]])
    assert (caught.value.number, caught.value.text) == (7, 3)


def test_a_probe_measures_and_leaves_the_workers_as_they_were(
    workers: Workers, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    rates = workers.probe(workers.count, Probe(1, (64, 128), 30.0))
    assert list(rates) == [64, 128]
    assert min(rates.values()) > 0
    assert workers.probe(1, Probe(1, (), 0.0)) == {}
    assert_same(answers(workers, asked), right)


def test_a_probe_after_an_unfinished_run_is_not_confused(
    workers: Workers, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    former = workers.run(asked)
    next(former)
    former.close()  # type: ignore[attr-defined]
    assert list(workers.probe(workers.count, Probe(1, (64,), 30.0))) == [64]
    assert_same(answers(workers, asked), right)


def test_kept_workers_go_on_and_closed_ones_leave_no_process(
    kind: str, folder: Path, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    workers = kinds.KINDS[kind](folder)
    _ = workers.loaded
    pids = list(getattr(workers, "pids", []))
    assert len(pids) == (0 if kind == "inline" else workers.count)
    workers.keep(1)
    assert workers.count == 1
    assert_same(answers(workers, asked), right)
    assert_gone(pids[1:])
    workers.close()
    workers.close()
    assert_gone(pids)
    if kind != "inline":
        with pytest.raises(ModelError):
            answers(workers, asked)


def test_a_checkpoint_that_cannot_be_loaded_is_a_clear_error(kind: str, tiny_bert: Path) -> None:
    weights = tiny_bert / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="could not be loaded") as caught:
        answers(kinds.KINDS[kind](tiny_bert), [])
    assert str(tiny_bert) in caught.value.what
    assert "load_backbone" in _traceback(caught.value)


def test_layers_come_in_the_order_asked_for(folder: Path) -> None:
    from angle_bench.encoding.workers.local import LocalWorkers

    workers = LocalWorkers(kinds.checkpoint(folder, (1, None, 2)), ["cpu"], threads=1)
    try:
        vectors = answers(workers, batches(1))[0]
    finally:
        workers.close()
    assert vectors.shape == (6, 3, 32)
    assert np.array_equal(vectors[:, 1], vectors[:, 2])
    assert not np.allclose(vectors[:, 0], vectors[:, 1])
