"""A teacher of similarities: any encoder, whose vectors come from the store where they are there.

Its vectors may have another length and be of other tokens: what is compared are the cosines of a
batch's texts with each other. The model is loaded in this process, when the first vector is not in
the store.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.encoding.store.interface import Store
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.child import load_forward
from angle_bench.encoding.workers.contract import Workers
from angle_bench.encoding.workers.inline import InlineWorker
from angle_bench.errors import ModelError
from angle_bench.evaluation.encoders.load import load_any, load_variants
from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder
from angle_bench.evaluation.encoders.worker_reuse import IdleWorkers
from angle_bench.evaluation.run.run_options import Computing
from angle_bench.training.data.collate import Batch
from angle_bench.training.loop.selection import BATCH_TOKENS
from angle_bench.training.loop.training_events import TrainingProgress
from angle_bench.training.loss.objectives import similarity_distance
from angle_bench.training.model import distributed
from angle_bench.training.model.grouping import Groups
from angle_bench.training.model.trainable import ForwardOutput
from angle_bench.training.recipe.model_sections import TeacherSection
from angle_bench.training.teachers.teaching import Teaching


@dataclass(frozen=True)
class SimilarityTeacher:
    """A teacher whose similarities of a batch's texts are compared with the candidate's.

    Attributes:
        encoder: What gives its vectors, with its own prompts.
        settings: Its weight.
    """

    encoder: SentenceEncoder
    settings: TeacherSection
    together: ClassVar[bool] = True

    def of(self, batch: Batch, groups: Groups) -> ForwardOutput:
        """Vectors of the texts as they stand in the rows, under the teacher's prompt of each role.

        Raises:
            ModelError: The teacher cannot be loaded, or a vector is not finite.
        """
        device = batch["input_ids"].device
        texts, roles = batch["texts"], roles_of(batch)
        vectors = np.empty((len(texts), self.encoder.dimension), np.float32)
        with _aside(device):
            for role in dict.fromkeys(roles):
                places = [place for place, each in enumerate(roles) if each == role]
                vectors[places] = self.encoder.encode([texts[at] for at in places], role=role)
        return ForwardOutput((torch.from_numpy(vectors).to(device),), None)

    def loss(self, found: ForwardOutput, taught: ForwardOutput, mask: Tensor) -> Tensor:
        """The weighted mean squared difference of the cosines."""
        return self.settings.weight * similarity_distance(found.vectors, taught.vectors)

    def cut(self) -> str | None:
        """How many of the texts that were computed its own length has cut, in all processes."""
        spec = self.encoder.spec
        if spec.settings is None:
            return (
                f"the teacher {spec.label} is computed by {spec.computed_by}, which does not say "
                "how many texts it cuts"
            )
        mine = self.encoder.counted()
        said = distributed.all_gather((mine["truncated"], mine["forwarded"]))
        cut, computed = map(sum, zip(*said, strict=True))
        if not cut:
            return None
        limit = spec.settings.max_length
        return f"the teacher {spec.label}: {cut:,} of {computed:,} texts were cut to {limit} tokens"


def load_similarity_teacher(
    teaching: Teaching, store: Store | None, device: torch.device, watch: TrainingProgress
) -> SimilarityTeacher:
    """A teacher of similarities; one of transformers is loaded when a vector is missing.

    Args:
        teaching: Which one.
        store: Where its vectors are kept.
        device: Where they are computed.
        watch: Told of what goes wrong without stopping the training.

    Raises:
        ModelError: The checkpoint is missing, or sentence-transformers cannot load it.
    """
    spec = teaching.spec
    encoder: SentenceEncoder
    if spec.loader == "transformers":
        computing = Computing(str(device), BATCH_TOKENS[device.type])
        (encoder,) = load_variants([spec], computing, store, InThisProcess())
    else:
        with _aside(device):
            encoder = load_any(spec, Computing(str(device)), store)
    encoder.warn = watch.warning
    return SimilarityTeacher(encoder, teaching.section)


class InThisProcess(IdleWorkers):
    """Loads a model in this very process, whose device is the training's."""

    def start(self, checkpoint: Checkpoint, computing: Computing) -> Workers:
        """The model, as it was when its content was hashed.

        Raises:
            ModelError: It cannot be loaded, or was changed meanwhile.
        """
        worker = InlineWorker(load_forward(**checkpoint.order(computing.device, 0)))
        if content_hash(checkpoint.folder, checkpoint.base) != checkpoint.content:
            raise ModelError(
                f"the files of the teacher {checkpoint.name} changed while it was being loaded.",
                "the same command with --resume once nothing writes to the folder any more",
            )
        return worker


def roles_of(batch: Batch) -> Sequence[str | None]:
    """The role of each text of a batch: none in format A, else queries and documents."""
    count, each = len(batch["texts"]), batch["texts_per_row"]
    if "labels" in batch:
        return [None] * count
    return ["document" if place % each else "query" for place in range(count)]


@contextmanager
def _aside(device: torch.device) -> Iterator[None]:
    """What is loaded and computed meanwhile draws nothing of the training, and is not autocast."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.autocast(device.type, enabled=False):
        yield
