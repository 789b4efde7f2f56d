"""The teachers of a training, loaded, and the store of their vectors while it lasts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from angle_bench.encoding.store.interface import Store
from angle_bench.evaluation.encoders.open_store import opened_store
from angle_bench.evaluation.run.run_options import StoreOptions
from angle_bench.training.loop.training_events import TrainingProgress
from angle_bench.training.model.student import Student
from angle_bench.training.teachers.similarity_teacher import load_similarity_teacher
from angle_bench.training.teachers.teaching import Teaching
from angle_bench.training.teachers.vector_teacher import Teacher, load_vector_teacher


def load_teachers(
    taught: Sequence[Teaching],
    student: Student,
    store: Store | None,
    device: torch.device,
    watch: TrainingProgress,
) -> dict[str, Teacher]:
    """The teachers under the names of their parts of the loss.

    Args:
        taught: Who they are.
        student: What is trained.
        store: Where vectors of those are kept that teach by similarities.
        device: Where they are computed.
        watch: Told of what goes wrong without stopping the training.

    Raises:
        ModelError: One cannot be loaded, or does not fit the candidate.
    """
    found: dict[str, Teacher] = {}
    for each in taught:
        if each.section.compare == "similarities":
            found[each.key] = load_similarity_teacher(each, store, device, watch)
        else:
            found[each.key] = load_vector_teacher(each, student, device)
    return found


@contextmanager
def vectors_kept(
    taught: Sequence[Teaching], store_options: StoreOptions, watch: TrainingProgress
) -> Iterator[Store | None]:
    """The store of vectors, where a teacher needs one.

    Raises:
        UsageError: The folder that was named cannot hold one.
    """
    if all(each.section.compare == "vectors" for each in taught):
        yield None
        return
    with opened_store(store_options, watch) as store:
        yield store
