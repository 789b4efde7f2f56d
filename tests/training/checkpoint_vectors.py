"""Vectors of a checkpoint's folder, by each of the libraries that load it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.encoder import Encoder
from angle_bench.encoding.workers.forward import Forward
from angle_bench.encoding.workers.inline import InlineWorker
from tests.encoding.encoders import varied_texts

# sentence-transformers strips texts, and knows no empty one
TEXTS = [text for text in varied_texts(40) if text.strip() == text != ""]

Found = NDArray[np.float32]


def ours(folder: Path | str, texts: list[str] = TEXTS, typed: Overrides | None = None) -> Found:
    """By this package, in this process."""
    spec = resolve(str(folder), typed)
    assert spec.folder is not None
    place = CheckpointPaths(spec.folder, None if spec.base is None else Path(spec.base))
    settings = spec.required_settings()
    backbone = load_backbone(place, settings, torch.device("cpu"))
    worker = InlineWorker(Forward(backbone, settings))
    encoder = Encoder(lambda: backbone.tokenizer, settings, backbone.dimension, lambda: worker, 512)
    return encoder.encode(texts, settings.prompts.template_for(None, None, None))


def theirs(folder: Path, texts: list[str] = TEXTS, **options: Any) -> Found:
    """By sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    found: Found = SentenceTransformer(str(folder), device="cpu").encode(texts, **options)
    return found


def assert_equal(found: Found, expected: Found) -> None:
    """To the precision of float32 computations in another order."""
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
