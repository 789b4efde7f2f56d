"""The vectors of a list of texts, as a parquet or npy file."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import UsageError
from angle_bench.evaluation.encoders.open_store import opened_store
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.reader.batch import text_array
from angle_bench.evaluation.run.run_options import (
    Computing,
    StoreOptions,
    refuse_device_of_servers,
    refuse_no_vector,
    refuse_unused_options,
)
from angle_bench.files.atomic import FileToWrite
from angle_bench.files.output_file import refuse_output, write_output

if TYPE_CHECKING:
    from angle_bench.encoding.workers.contract import Vectors
    from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder

SUFFIXES = (".parquet", ".npy")
VECTOR = "vector"
ROWS_OF_A_GROUP = 10_000


@dataclass(frozen=True)
class EncodeOptions:
    """Which vectors are wanted.

    Attributes:
        role: `query` or `document`, which chooses the prompt; None is neither.
        start: The first dimension to keep.
        size: How many; None is all that follow.
    """

    role: str | None = None
    start: int = 0
    size: int | None = None


def check_output(output: Path, column: str | None, overwrite: bool) -> None:
    """Refuse an output that cannot be, before anything is computed.

    Raises:
        UsageError: With what to type.
    """
    refuse_output(output, SUFFIXES, "vectors.parquet", overwrite)
    if column == VECTOR and output.suffix == ".parquet":
        raise UsageError(f"the output has a column {VECTOR} of its own.", "-o vectors.npy")


def compute(
    spec: ModelSpec,
    texts: Sequence[str],
    asked: EncodeOptions,
    computing: Computing,
    store_options: StoreOptions,
    progress: Progress,
) -> "tuple[Vectors, int]":
    """Vectors of texts, (texts, dimension), through the store, and the tokens of what was computed.

    What is cut is told.
    """
    with opened_encoder(spec, computing, store_options, progress) as encoder:
        progress.model(spec.header([]), 1, len(texts))
        progress.task("texts", 1, len(texts))
        vectors: Vectors = encoder.encode(
            texts, role=asked.role, embedding_start=asked.start, embedding_size=asked.size
        )
        return vectors, encoder.counted()["tokens"]


@contextmanager
def opened_encoder(
    spec: ModelSpec, computing: Computing, store_options: StoreOptions, progress: Progress
) -> "Iterator[SentenceEncoder]":
    """An encoder on the store; after the block its workers end, and what was cut is told.

    Raises:
        ModelError: The checkpoint cannot be loaded, or was changed before the block ended.
    """
    if spec.note:
        progress.warning(spec.note)
    progress.loading(spec)
    hub.state()  # sets HF_HUB_OFFLINE before huggingface_hub reads it
    with opened_store(store_options, progress) as kept:
        from angle_bench.evaluation.encoders.load import load_any, refuse_change

        encoder = load_any(spec, computing, kept, progress.warning)
        encoder.done, encoder.warn = progress.texts, progress.warning
        try:
            yield encoder
        finally:
            encoder.close()
        refuse_change(encoder)
        if cut := encoder.truncation():
            progress.warning(cut)


def refuse_other_loaders(spec: ModelSpec, computing: Computing) -> None:
    """Refuse a model that mteb loads, and ways of computing that another library has not.

    Raises:
        ModelError: It gives no vector of a text.
        UsageError: It is one, or one was asked for.
    """
    refuse_no_vector(spec)
    if spec.loader == "mteb":
        raise UsageError(
            f"{spec.name} is loaded by mteb itself, whose encoders take no files.",
            f"mteb.get_model({spec.name!r}) in Python",
        )
    refuse_unused_options(spec, computing)
    refuse_device_of_servers([spec], computing)


def write(
    output: Path,
    column: str,
    texts: Sequence[str],
    vectors: "Vectors",
    spec: ModelSpec,
    said: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write float32 vectors, (texts, dimension), whole or not at all.

    Parquet holds the texts too, and says in its metadata whose vectors they are, and
    what is said of the file that was read: a line for each thing under its name.
    """

    def fill(temporary: Path) -> None:
        if output.suffix == ".npy":
            _write_npy(temporary, vectors)
        else:
            _write_parquet(temporary, column, texts, vectors, spec, said or {})

    write_output(FileToWrite(output, fill))


def _write_npy(place: Path, vectors: "Vectors") -> None:
    import numpy as np

    with place.open("wb") as opened:
        np.save(opened, vectors)


def _write_parquet(
    place: Path,
    column: str,
    texts: Sequence[str],
    vectors: "Vectors",
    spec: ModelSpec,
    of_file: Mapping[str, Sequence[str]],
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = pa.array(vectors.reshape(-1), pa.float32())
    rows = pa.FixedSizeListArray.from_arrays(values, vectors.shape[1])
    field, whole = text_array(column, texts)
    table = pa.table([whole, rows], schema=pa.schema([field, pa.field(VECTOR, rows.type)]))
    said = {
        "model": spec.name,
        "revision": spec.revision,
        **({"loader": spec.loader} if spec.settings is None else {}),
        **({"settings": spec.settings.digest()} if spec.settings is not None else {}),
    }
    said |= {name: "\n".join(lines) for name, lines in of_file.items() if lines}
    table = table.replace_schema_metadata(said)
    pq.write_table(table, place, row_group_size=ROWS_OF_A_GROUP)
