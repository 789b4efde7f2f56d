"""Exact search of a corpus block by block, for mteb's retrieval tasks.

The vectors of one block are in memory, and those of no other; of each query the best are kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mteb.models import SearchEncoderWrapper
from mteb.types import PromptType

from angle_bench.encoding.top_k import Indices, empty, merged, ranked
from angle_bench.evaluation.scoring.corpus_texts import (
    blocks,
    column_of,
    document_texts,
    is_plain,
)

QUERIES, DOCUMENTS = 256, 8192  # vectors that are compared at once; no result depends on it


class CorpusSearch(SearchEncoderWrapper):
    """mteb's search with an encoder, where the whole corpus is searched and holds plain texts.

    What is found is what mteb finds: the same vectors, in blocks of as many documents, compared by
    the same function. Of documents that are equally near at the last place that is kept, mteb keeps
    any; here it is the first of the corpus.

    Args:
        model: An encoder that takes lists of strings.
    """

    def _full_corpus_search(
        self,
        *,
        query_idx_to_id: Mapping[int, str],
        query_embeddings: Any,
        task_metadata: Any,
        hf_subset: str,
        hf_split: str,
        top_k: int,
        encode_kwargs: Any,
        timer: Any,
    ) -> dict[str, Any]:
        """The nearest documents of each query as (similarity, id), the nearest first."""
        corpus = self.task_corpus
        if corpus is None or not len(corpus) or not is_plain(corpus):
            given: Any = {"query_idx_to_id": query_idx_to_id, "task_metadata": task_metadata}
            return super()._full_corpus_search(
                query_embeddings=query_embeddings,
                hf_subset=hf_subset,
                hf_split=hf_split,
                top_k=top_k,
                encode_kwargs=encode_kwargs,
                timer=timer,
                **given,
            )
        queries = np.asarray(query_embeddings)
        best = empty(len(queries), min(top_k, len(corpus)))
        with timer("Searching corpus", split=hf_split, subset=hf_subset):
            for start, block in blocks(corpus, self.corpus_chunk_size):
                vectors = self.model.encode(
                    document_texts(block),  # type: ignore[arg-type]  # as ours do
                    task_metadata=task_metadata,
                    hf_split=hf_split,
                    hf_subset=hf_subset,
                    prompt_type=PromptType.document,
                    **encode_kwargs,
                )
                self._compare(queries, vectors, best, start)
        names = [query_idx_to_id[place] for place in range(len(queries))]
        return _by_query(names, corpus, best)

    def _compare(self, queries: Any, vectors: Any, best: Indices, start: int) -> None:
        """Put what is near of a block's vectors into the keys of the best, (queries, count)."""
        for first in range(0, len(vectors), DOCUMENTS):
            some = vectors[first : first + DOCUMENTS]
            for row in range(0, len(queries), QUERIES):
                part = slice(row, row + QUERIES)
                near: Any = self.model.similarity(queries[part], some)
                found = np.asarray(near.cpu(), np.float32)
                best[part] = merged(best[part], found, start + first)


def _by_query(names: Sequence[str], corpus: Any, best: Indices) -> dict[str, Any]:
    places, similarities = ranked(best)
    used, where = np.unique(places, return_inverse=True)
    ids = column_of(corpus.select(used), "id").to_pylist()
    where = where.reshape(places.shape)
    return {
        name: zip(similarities[row].tolist(), (ids[at] for at in where[row]), strict=True)
        for row, name in enumerate(names)
    }
