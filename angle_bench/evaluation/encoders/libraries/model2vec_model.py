"""A checkpoint of model2vec with the methods that are asked of a SentenceTransformer."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from angle_bench.encoding.workers.contract import Vectors


class Model2Vec:
    """Static embeddings, computed by model2vec on all cores of one process.

    Attributes:
        prompts: It has none of its own.
        truncate_dim: None: vectors are whole.
        similarity_fn_name: How vectors are compared.
        max_seq_length: How many tokens of a text count.
    """

    prompts: Mapping[str, str] = {"query": "", "document": ""}
    default_prompt_name = None
    similarity_fn_name = "cosine"

    def __init__(self, folder: Path) -> None:
        from model2vec import StaticModel

        self._model = StaticModel.from_pretrained(folder)
        self.truncate_dim: int | None = None
        length = self._model.max_length
        self.max_seq_length = math.inf if length is None else length

    def encode(self, texts: str | Sequence[str], *, prompt: str | None = "", **_: Any) -> Vectors:
        """float32, (texts, width), or (width,) of a single text.

        Args:
            texts: A text, or several.
            prompt: What stands before each.
            **_: What other libraries are told; no vector of this one depends on it.
        """
        said = prompt or ""
        given = said + texts if isinstance(texts, str) else [said + text for text in texts]
        return np.asarray(self._model.encode(given), np.float32)

    encode_query = encode
    encode_document = encode

    def get_embedding_dimension(self) -> int:
        """The length of a vector."""
        return int(self._model.dim)

    def parameters(self) -> Iterator["_Embeddings"]:
        """The embeddings, of which only their number is asked."""
        yield _Embeddings(self._model.embedding.size)

    def children(self) -> Iterator[Any]:
        """The last step: Normalize where vectors are brought to length 1."""
        from sentence_transformers.sentence_transformer.modules import Normalize

        yield Normalize() if self._model.normalize else self


@dataclass(frozen=True)
class _Embeddings:
    size: int

    def numel(self) -> int:
        return self.size
