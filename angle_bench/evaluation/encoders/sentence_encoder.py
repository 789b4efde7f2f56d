"""`encode` as mteb and users of sentence-transformers call it, whoever computes the vectors."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.encoding.encoder import TextsDone
from angle_bench.encoding.rendered_texts import refuse_non_strings
from angle_bench.encoding.returned import PRECISIONS, Returned
from angle_bench.errors import UsageError
from angle_bench.evaluation.encoders.encode_arguments import (
    ArgumentError,
    EncodeCall,
    count_of,
    one_of,
    prompt_of,
    role_of,
)
from angle_bench.evaluation.encoders.input_texts import texts_of

LONG_TEXT = 10_000_000  # characters


class SentenceEncoder(ABC):
    """An encoder with the methods of mteb's `EncoderProtocol`, for lists of strings too.

    Attributes:
        spec: The checkpoint and its settings.
        done: Called with a number of texts whenever that many more are done.
        prompts_used: Templates by role, of the texts encoded since it was last cleared.
        warn: Told after every call what went wrong without stopping it.
    """

    spec: ModelSpec
    done: TextsDone | None
    prompts_used: dict[str, str]
    warn: Any
    _meta: Any = None  # what a wrapper of mteb put in its place

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any = None,
        hf_split: str | None = None,
        hf_subset: str | None = None,
        prompt_type: Any = None,
        role: str | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str | None = "sentence_embedding",
        precision: str | None = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        embedding_start: int = 0,
        embedding_size: int | None = None,
    ) -> Any:
        """Encode mteb's batches, or a list of strings; arguments as sentence-transformers has them.

        Args:
            inputs: A text, a sequence of texts, or mteb's DataLoader of batches with `text`.
            task_metadata: mteb's task, whose name and type choose the prompt.
            hf_split: Not needed; mteb passes it.
            hf_subset: Not needed; mteb passes it.
            prompt_type: mteb's role, `query` or `document`.
            role: The same for lists of strings.
            prompt_name: The name of one of the checkpoint's prompts.
            prompt: A prompt before every text, or a template that holds `{text}`; it comes before
                a name, a role and a task.
            batch_size: Changes no vector. Checkpoints that are computed here are cut into batches
                by tokens; a library that they are handed to takes so many texts at once.
            show_progress_bar: Show a bar of the texts on stderr.
            output_value: `sentence_embedding`; `load(…, pooling="all")` gives token vectors.
            precision: float32, int8, uint8, binary or ubinary.
            convert_to_numpy: Return a numpy array; otherwise a list of tensors.
            convert_to_tensor: Return one tensor, on the CPU.
            device: Must be None: the device is an argument of `load`.
            normalize_embeddings: Bring what is returned to length 1.
            truncate_dim: How many leading dimensions to keep, as they are.
            embedding_start: The first dimension to keep, as in angle-emb.
            embedding_size: How many to keep from there; None is all. What is kept is normalised
                again where the model normalises.

        Returns:
            float32, (texts, dimension), in order; (dimension,) for a single text. With the pooling
            `all` a list with (tokens, dimension) for each text.

        Raises:
            UsageError: An argument cannot be honoured (a ValueError too).
            DataError: One of the texts is no string.
            ModelError: A vector is not finite, or a text does not fit into memory.
        """
        self._refuse(device, output_value, embedding_start, embedding_size, truncate_dim)
        call = EncodeCall(
            task=None if task_metadata is None else task_metadata.name,
            task_type=None if task_metadata is None else task_metadata.type,
            metadata=task_metadata,
            role=role_of(role, prompt_type),
            prompt=prompt_of(prompt),
            prompt_name=prompt_name,
            batch_size=count_of("batch_size", batch_size),
        )
        returned = Returned(
            embedding_start,
            embedding_size,
            truncate_dim,
            bool(normalize_embeddings),
            one_of("precision", precision or "float32", PRECISIONS),
            "tensor" if convert_to_tensor else "numpy" if convert_to_numpy else "list",
        )
        texts = [inputs] if isinstance(inputs, str) else texts_of(inputs)
        refuse_non_strings(texts)
        self._tell_long(texts)
        with _bar(len(texts), bool(show_progress_bar), self.done) as done:
            vectors = self._encoded(texts, call, returned, done)
        self._tell_warnings()
        return vectors[0] if isinstance(inputs, str) else vectors

    def encode_query(self, inputs: Any, **arguments: Any) -> Any:
        """`encode` of texts that search."""
        return self.encode(inputs, role="query", **arguments)

    def encode_document(self, inputs: Any, **arguments: Any) -> Any:
        """`encode` of texts that are searched."""
        return self.encode(inputs, role="document", **arguments)

    def get_embedding_dimension(self) -> int:
        """The length of a vector, under sentence-transformers' name."""
        return self.dimension

    def get_sentence_embedding_dimension(self) -> int:
        """The length of a vector, under sentence-transformers' older name."""
        return self.dimension

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The length of a vector."""

    @property
    @abstractmethod
    def device(self) -> str | None:
        """Where vectors are computed; None as long as none had to be."""

    @property
    @abstractmethod
    def attention(self) -> str:
        """The attention that vectors are computed with, as far as that is known by now."""

    @property
    @abstractmethod
    def stored_width(self) -> int:
        """The length of a vector in the store, where it is kept uncut."""

    @property
    @abstractmethod
    def _widest(self) -> int:
        """The length of a vector before the checkpoint's own `truncate_dim`."""

    @property
    def mteb_model_meta(self) -> Any:
        """The description of the model that mteb stores; its wrappers put another in its place.

        Raises:
            AngleBenchError: The checkpoint compares vectors as mteb cannot.
        """
        return self._own_meta() if self._meta is None else self._meta

    @mteb_model_meta.setter
    def mteb_model_meta(self, meta: Any) -> None:
        self._meta = meta

    @abstractmethod
    def _own_meta(self) -> Any:
        """Mteb's description with our name, revision and settings."""

    @abstractmethod
    def counted(self) -> dict[str, int]:
        """What was done so far, by the names of `Counts`."""

    @abstractmethod
    def truncation(self) -> str | None:
        """How many texts were cut, in a sentence; None where none was, or nobody counts."""

    @abstractmethod
    def warnings(self) -> list[str]:
        """What went wrong without stopping the work, since this was last asked."""

    @abstractmethod
    def close(self) -> None:
        """End the workers; the next text that has to be computed starts them again."""

    def __enter__(self) -> Self:
        """The encoder itself, whose workers end with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _encoded(
        self, texts: list[str], call: EncodeCall, returned: Returned, done: TextsDone | None
    ) -> Any:
        """The vectors of texts, as they are returned."""

    def _tell_long(self, texts: list[str]) -> None:
        """Say what a text costs that is far longer than any model takes, before it is computed."""
        long = [text for text in texts if len(text) >= LONG_TEXT and self._whole_is_tokenised(text)]
        if self.warn is not None and long:
            characters = max(map(len, long))
            self.warn(
                f"the longest text has {characters:,} characters: its tokens are found before it "
                "is cut, which takes minutes and gigabytes"
            )

    def _whole_is_tokenised(self, text: str) -> bool:
        """Whether a long text is not cut before its tokens are found."""
        return True

    def _tell_warnings(self) -> None:
        if self.warn is not None:
            for warning in self.warnings():
                self.warn(warning)

    def _refuse(
        self, device: Any, output: str | None, start: int, size: int | None, truncate: int | None
    ) -> None:
        if device is not None:
            raise ArgumentError(
                f"encode takes no device ({device!r}): an encoder keeps the one it was loaded on.",
                f'angle_bench.load(…, device="{device}")',
            )
        if output != "sentence_embedding":
            raise ArgumentError(
                f"encode has no output_value {output!r}, only 'sentence_embedding'.",
                'angle_bench.load(…, pooling="all") for the vectors of all tokens',
            )
        empty = size is not None and size < 1
        if empty or not 0 <= start < self.dimension:
            raise UsageError(
                f"there are no dimensions {start} to "
                f"{'the last' if size is None else start + size}.",
                f"a start from 0 to {self.dimension - 1}, and a size of 1 or more",
            )
        if truncate is not None and count_of("truncate_dim", truncate) > self._widest:
            raise ArgumentError(
                f"truncate_dim is {truncate}, and a vector has {self._widest} dimensions.",
                f"a truncate_dim of 1 to {self._widest}",
            )


@contextmanager
def _bar(total: int, shown: bool, done: TextsDone | None) -> Iterator[TextsDone | None]:
    """Who is told of texts that are done: a bar, or whoever is told anyway."""
    if not shown:
        yield done
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit="text", disable=False) as bar:
        yield bar.update
