"""What the tests of the encoder share: loading, odd texts, the tolerance."""

import random
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.read_folder import read_folder
from angle_bench.checkpoints.loading.backbone import Backbone, load_backbone
from angle_bench.checkpoints.spec import PoolingName
from angle_bench.encoding.encoder import Encoder
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.encoding.workers.forward import Forward
from angle_bench.encoding.workers.inline import InlineWorker
from tests.checkpoints import WORDS

# one depends on the batch, the other gives no single vector, both on purpose
POOLINGS = [name for name in get_args(PoolingName) if name not in ("cls_avg_v0", "all")]


def load(folder: Path, batch_tokens: int | None = None, **changes: Any) -> Encoder:
    settings = read_folder(folder).settings.with_changes(**changes)
    backbone = load_backbone(CheckpointPaths(folder), settings, torch.device("cpu"))
    worker = InlineWorker(Forward(backbone, settings))
    return Encoder(
        lambda: backbone.tokenizer,
        settings,
        backbone.dimension,
        lambda: worker,
        batch_tokens or 1024,
    )


def backbone_of(encoder: Encoder) -> Backbone:
    """The model of an encoder in this process."""
    worker = encoder.workers
    assert isinstance(worker, InlineWorker)
    return worker.forward.backbone


def varied_texts(count: int, seed: int = 0) -> list[str]:
    """Texts from empty to too long, in several scripts, with odd spaces and repetitions."""
    random_ = random.Random(seed)
    odd = ["Übergröße", "naïve", "北京", "мир", "😀", "e\u0301", "3.14", "C++", "[SEP]", "{text}"]
    lengths = [0, 1, 2, 5, 9, 14, 25, 60]
    texts = ["", " ", "\n\t", "\u00a0", "\u200b", "cat", "cat", "CAT", "x" * 300, "dog " * 400]
    while len(texts) < count:
        chosen = random_.choices([*WORDS, *odd], k=random_.choice(lengths))
        texts.append(random_.choice([" ", "  ", "\n"]).join(chosen))
    random_.shuffle(texts)
    return texts


def assert_close(vectors: Vectors, expected: Vectors) -> None:
    """Every component within 1e-5, whatever its size."""
    np.testing.assert_allclose(vectors, expected, atol=1e-5, rtol=0, strict=True)
