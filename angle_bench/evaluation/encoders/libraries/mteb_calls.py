"""A SentenceTransformer inside mteb's wrapper of it: its vectors stored, on every device.

What a wrapper puts around texts stays its own; what it asks its SentenceTransformer for is kept.
"""

import json
from collections.abc import Mapping
from typing import Any

from angle_bench.encoding.encoder import TextsDone
from angle_bench.encoding.returned import Returned
from angle_bench.evaluation.encoders.libraries.library_vectors import LibraryCall, LibraryVectors

# what changes no number, or is ours to decide
_FORMS = ("show_progress_bar", "convert_to_numpy", "convert_to_tensor")
# what is left to the library where it is asked for: such vectors are not stored
_LEFT = {"output_value": "sentence_embedding", "precision": "float32", "truncate_dim": None}
_PLACES = ("device", "pool", "chunk_size")


class KeptCalls:
    """Stands where mteb's wrapper has its SentenceTransformer.

    Everything but its ways to encode texts is the SentenceTransformer's own.

    Attributes:
        vectors: What it computes.
        done: Called with a number of texts whenever that many more are done.
    """

    vectors: LibraryVectors
    done: TextsDone | None

    def __init__(self, vectors: LibraryVectors, done: TextsDone | None = None) -> None:
        vars(self).update(vectors=vectors, done=done)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.vectors.model, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Of the model; what it then computes is not what the identity in the store says."""
        setattr(self.vectors.model, name, value)
        if self.vectors.store is not None:
            self.vectors.store = None
            self._tell(f"its code in mteb sets {name} while it encodes")

    def encode(self, sentences: Any = None, **given: Any) -> Any:
        """As the library's; see `LibraryVectors.of`."""
        return self._encoded(None, sentences, given)

    def encode_query(self, sentences: Any = None, **given: Any) -> Any:
        """As the library's, of texts that search."""
        return self._encoded("query", sentences, given)

    def encode_document(self, sentences: Any = None, **given: Any) -> Any:
        """As the library's, of texts that are searched."""
        return self._encoded("document", sentences, given)

    def _encoded(self, role: str | None, sentences: Any, given: dict[str, Any]) -> Any:
        inputs = given.pop("inputs", None) if sentences is None else sentences
        call = call_of(role, given)
        if call is None or not _are_texts(inputs):
            self._tell("its code in mteb asks for what is not kept")
            return self.vectors.method(role)(inputs, **given)
        computed = self.vectors.of(list(inputs), call, self.done or (lambda _: None))
        kind = "numpy" if given.get("convert_to_numpy", True) else "list"
        if given.get("convert_to_tensor"):
            kind = "tensor"
        return Returned(0, None, None, False, "float32", kind).of(computed, False)

    def _tell(self, why: str) -> None:
        said = f"vectors of {self.vectors.label} are not stored, or on one device: {why}"
        if said not in self.vectors.told:
            self.vectors.told.add(said)
            self.vectors.said.append(said)


def call_of(role: str | None, given: Mapping[str, Any]) -> LibraryCall | None:
    """A call of the library with these arguments; None where it is not one whose vectors are kept.

    Args:
        role: Which method is called.
        given: Its arguments beside the texts.
    """
    if any(given.get(name, usual) not in (usual, None) for name, usual in _LEFT.items()):
        return None
    apart = {*_FORMS, *_LEFT, *_PLACES, "prompt", "batch_size"}
    more = {name: value for name, value in given.items() if name not in apart}
    try:
        json.dumps(more)
    except TypeError:  # an argument that cannot stand in a key
        return None
    return LibraryCall(given.get("prompt"), role, given.get("batch_size", 32), more)


def _are_texts(inputs: Any) -> bool:
    return isinstance(inputs, list | tuple) and all(isinstance(text, str) for text in inputs)
