"""A checkpoint as an encoder that mteb takes as it is, and that encodes a list of strings."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from angle_bench.encoding.encoder import Encoder, TextsDone, cut
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.errors import UsageError
from angle_bench.models.known import mteb_models
from angle_bench.models.similarity import refuse_similarity
from angle_bench.models.spec import ModelSpec, Settings


@dataclass
class MtebEncoder:
    """An encoder with the methods of mteb's `EncoderProtocol`.

    Attributes:
        spec: The checkpoint and its settings.
        encoder: What turns texts into vectors; variants of one checkpoint share it.
        checkpoint: What its workers load.
        output: Which of the encoder's outputs is meant.
        done: Called with a number of texts whenever that many more are done.
        prompts_used: Templates by role, of the texts encoded since it was last cleared.
        warn: Told after every call what went wrong without stopping it, such as a worker that died.
    """

    spec: ModelSpec
    encoder: Encoder
    checkpoint: Checkpoint
    output: int = 0
    done: TextsDone | None = None
    prompts_used: dict[str, str] = field(default_factory=dict)
    warn: Callable[[str], None] | None = None

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any = None,
        hf_split: str | None = None,
        hf_subset: str | None = None,
        prompt_type: Any = None,
        role: str | None = None,
        embedding_start: int = 0,
        embedding_size: int | None = None,
        show_progress_bar: bool = False,
        **_: Any,
    ) -> Any:
        """Encode mteb's batches, or a list of strings.

        Args:
            inputs: A text, a sequence of texts, or mteb's DataLoader of batches with `text`.
            task_metadata: mteb's task, whose name and type choose the prompt.
            hf_split: Not needed; mteb passes it.
            hf_subset: Not needed; mteb passes it.
            prompt_type: mteb's role, `query` or `document`.
            role: The same for lists of strings.
            embedding_start: The first dimension to keep, as in angle-emb.
            embedding_size: How many to keep from there; None is all. What is kept is normalised
                again where the model normalises.
            show_progress_bar: Show a bar of the texts on stderr.

        Returns:
            float32, (texts, dimension), in order; (dimension,) for a single text. With the pooling
            `all` a list with (tokens, dimension) for each text.

        Raises:
            UsageError: There are no such dimensions.
            DataError: One of the texts is no string.
            ModelError: A vector is not finite, or a text does not fit into memory.
        """
        empty = embedding_size is not None and embedding_size < 1
        if empty or not 0 <= embedding_start < self.dimension:
            raise UsageError(
                f"there are no dimensions {embedding_start} to "
                f"{'the last' if embedding_size is None else embedding_start + embedding_size}.",
                f"a start from 0 to {self.dimension - 1}, and a size of 1 or more",
            )
        texts = [inputs] if isinstance(inputs, str) else _texts(inputs)
        role = role or (None if prompt_type is None else str(prompt_type.value))
        template = self.template(
            None if task_metadata is None else task_metadata.name,
            None if task_metadata is None else task_metadata.type,
            role,
        )
        self.prompts_used[role or "text"] = template
        settings = self.spec.required_settings()
        if settings.pooling == "all":
            if task_metadata is not None:
                raise UsageError(
                    f"{self.spec.label} has the pooling all, a vector of every token, not one.",
                    "a pooling such as cls, mean or last",
                )
            return self._token_vectors(inputs, texts, template)
        with _bar(len(texts), show_progress_bar, self.done) as done:
            whole = self.encoder.encode(texts, template, done, self.output)
        self._tell_warnings()
        vectors = cut(
            own_size(whole, settings), settings.normalize, embedding_start, embedding_size
        )
        return vectors[0] if isinstance(inputs, str) else vectors

    def _token_vectors(self, inputs: Any, texts: list[str], template: str) -> Any:
        settings = self.spec.required_settings()
        whole = self.encoder.tokens(texts, template)
        self._tell_warnings()
        vectors = [own_size(each, settings) for each in whole]
        return vectors[0] if isinstance(inputs, str) else vectors

    def _tell_warnings(self) -> None:
        if self.warn is not None:
            for warning in self.encoder.warnings():
                self.warn(warning)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The checkpoint's similarity of every vector with every other, in float32."""
        from mteb.similarity_functions import cos_sim, dot_score

        every = dot_score if self._scoring() == "dot" else cos_sim
        return every(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The checkpoint's similarity of corresponding vectors, in float32."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        pairwise = pairwise_dot_score if self._scoring() == "dot" else pairwise_cos_sim
        return pairwise(embeddings1, embeddings2)

    def _scoring(self) -> str:
        """The similarity that mteb scores by.

        Raises:
            UsageError: mteb has none of that name.
        """
        similarity = self.spec.required_settings().similarity
        refuse_similarity(self.spec.label, similarity)
        return similarity

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        settings = self.spec.required_settings()
        kept = min(self.encoder.width, settings.truncate_dim or self.encoder.width)
        return settings.size or kept

    def template(self, task: str | None, type_: str | None, role: str | None) -> str:
        """The prompt of a task and role."""
        return self.spec.required_settings().prompts.template_for(task, type_, role)

    def close(self) -> None:
        """End the workers; the next text that has to be computed starts them again."""
        self.encoder.close()

    @property
    def mteb_model_meta(self) -> Any:
        """The description of the model that mteb stores, with our revision and settings."""
        import mteb
        from mteb.models.model_meta import ModelMeta, ScoringFunction

        if self.spec.name in mteb_models():
            meta = mteb.get_model_meta(self.spec.name)
        else:
            meta = ModelMeta.create_empty(
                {
                    "name": self.spec.name,
                    "n_parameters": self.checkpoint.parameters,
                    "open_weights": True,
                    "framework": ["PyTorch", "Transformers"],
                }
            )
        settings = self.spec.required_settings()
        settings_id = self.spec.settings_id
        return meta.model_copy(
            update={
                "revision": self.spec.revision,
                "max_tokens": float(settings.max_length),
                "embed_dim": self.dimension,
                "similarity_fn_name": ScoringFunction(self._scoring()),
                "experiment_kwargs": None if settings_id is None else {"settings": settings_id},
            }
        )


def own_size(whole: Vectors, settings: Settings) -> Vectors:
    """Vectors in the dimensions that a checkpoint keeps, and the size that is asked of it.

    Args:
        whole: As the model gives them, (texts, width).
        settings: Its `truncate_dim` is cut as sentence-transformers does, without another
            normalisation; its `size` is normalised again where the model normalises.
    """
    kept = cut(whole, False, 0, settings.truncate_dim)
    return cut(kept, settings.normalize, 0, settings.size)


@contextmanager
def _bar(total: int, shown: bool, done: TextsDone | None) -> Iterator[TextsDone | None]:
    """Who is told of texts that are done: a bar, or whoever is told anyway."""
    if not shown:
        yield done
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit="text", disable=False) as bar:
        yield bar.update


def _texts(inputs: Iterable[Any]) -> list[str]:
    """The texts of mteb's batches, or of any other iterable of strings."""
    column: list[Any] | None = _whole_column(inputs)
    if column is not None:
        return column
    texts: list[str] = []
    for item in inputs:
        texts += [item] if isinstance(item, str) else item["text"]
    return texts


def _whole_column(inputs: Any) -> list[Any] | None:
    """The text column under mteb's loader, read at once: row by row takes longer than scoring."""
    if type(getattr(inputs, "sampler", None)).__name__ != "SequentialSampler":
        return None  # no loader of torch, or one that shuffles
    import datasets

    rows = inputs.dataset
    if not isinstance(rows, datasets.Dataset) or rows.column_names != ["text"]:
        return None
    found: list[Any] = rows["text"][:]
    return found if all(isinstance(text, str) for text in found) else None
