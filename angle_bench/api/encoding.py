"""The vectors of a text column, as a file."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.arguments import access_of, keeping_of
from angle_bench.api.calling.progress_bars import Quiet, duration, in_python
from angle_bench.api.calling.run_plan import refuse_computing
from angle_bench.api.calling.words import Places, place, public, warn
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.errors import UsageError
from angle_bench.evaluation.reader.kinds import ReadOptions
from angle_bench.evaluation.run.run_options import DEFAULT_STORE_BYTES, Computing, StoreOptions
from angle_bench.evaluation.vector_files import EncodeOptions
from angle_bench.extras import needs_all

if TYPE_CHECKING:
    from angle_bench.checkpoints.spec import ModelSpec
    from angle_bench.evaluation.reader.texts import Texts

ROLES = (None, "query", "document")


@dataclass(frozen=True)
class EncodeRequest:
    """What is to be encoded, and how.

    Attributes:
        file: A file, folder or glob; `-` is the standard input.
        model: What stands after `-m`.
        output: The new file.
        overwrite: Whether it may be there.
        column: The text column; None where there is but one.
        reading: How the file is read.
        asked: Which vectors are wanted.
        changes: Settings over the checkpoint's own.
        access: Where it is looked for.
        computing: How vectors are computed.
        store_options: Where they are kept.
    """

    file: str
    model: str
    output: Path
    overwrite: bool = False
    column: str | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)
    asked: EncodeOptions = field(default_factory=EncodeOptions)
    changes: Overrides = field(default_factory=Overrides)
    access: LoadOptions = field(default_factory=LoadOptions)
    computing: Computing = field(default_factory=Computing)
    store_options: StoreOptions = field(default_factory=StoreOptions)


@dataclass(frozen=True, repr=False)
class Encoded(Value):
    """A file of vectors.

    Attributes:
        output: The file.
        model: The checkpoint's name.
        revision: Its commit, or the hash of its files.
        row_file: The angle-bench.toml that has its row, if one has.
        vectors: How many; one for each row.
        dimensions: How many each has.
        bad_rows: Rows that could not be read and were left out.
        skipped: A line for each file that had such rows.
        unused_columns: The other columns of the files.
        seconds: How long it took.
        tokens: That a server counted, and somebody may pay; None where none computes the model.
    """

    output: Path
    model: str
    revision: str
    row_file: Path | None
    vectors: int
    dimensions: int
    bad_rows: int
    skipped: tuple[str, ...]
    unused_columns: tuple[str, ...]
    seconds: float
    tokens: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench encode --json`."""
        row_file = None if self.row_file is None else str(self.row_file)
        plain = {**asdict(self), "output": str(self.output), "row_file": row_file}
        del plain["seconds"]
        if self.tokens is None:
            del plain["tokens"]
        return plain

    def to_text(self) -> str:
        """The file, how many vectors it holds, and how long they took."""
        pace = self.vectors / max(self.seconds, 1e-9)
        counted = f", {self.tokens:,} tokens by the server's count" if self.tokens else ""
        return (
            f"saved {self.output}  {self.vectors:,} vectors of {self.dimensions} dimensions  "
            f"{duration(self.seconds)}, {pace:,.0f} texts/s{counted}"
        )


@public
def encode(
    file: Places,
    model: str,
    output: Places = "vectors.parquet",
    *,
    column: str | None = None,
    format: str | None = None,
    encoding: str | None = None,
    skip_bad_rows: bool = False,
    role: str | None = None,
    start: int = 0,
    size: int | None = None,
    overwrite: bool = False,
    mirror: Places | None = None,
    base: Places | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    pooling: str | int | None = None,
    prompt: str | None = None,
    prompts: str | None = None,
    max_length: int | None = None,
    dtype: str | None = None,
    attention: str | None = None,
    compile: bool | None = None,
    device: str = "auto",
    batch_tokens: int | None = None,
    ray: str | None = None,
    worker_timeout: float | None = None,
    cache: bool = True,
    cache_dir: Places | None = None,
    cache_limit: str | int = DEFAULT_STORE_BYTES,
    progress: bool = True,
) -> Encoded:
    """Encode the text column of a file into a file; of texts in memory, `load` encodes.

    Args:
        file: A file of rows or lines of text, a folder or glob of them, or `-`.
        model: What would stand after `-m`.
        output: The new file: .parquet, which also has the texts, or .npy.
        column: The text column, where there are several.
        format: What the file is where its name does not say so: csv, jsonl, parquet and so on.
        encoding: Of text files; by default UTF-8, or UTF-16 by its mark.
        skip_bad_rows: Whether rows that cannot be read are left out and counted.
        role: `query` or `document`, which chooses the prompt.
        start: The first dimension to keep.
        size: How many dimensions to keep.
        overwrite: Whether the output may be replaced.
        mirror: A folder with models under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        trust_remote_code: Whether Python files that come with a checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.
        pooling: A pooling's name, as `--pooling` takes it, or a token's number.
        prompt: One prompt around every text: A, B, C, none, or a template that holds `{text}`.
        prompts: "mteb" for the prompts of mteb's own loader.
        max_length: Tokens a text is cut to.
        dtype: float32, bfloat16 or float16.
        attention: sdpa, eager or flash_attention_2.
        compile: Whether torch compiles the model.
        device: `auto`, `cpu`, `cpu:4` (processes), `cuda`, `cuda:0,cuda:2` or `mps`.
        batch_tokens: Maximum padded tokens per batch; measured by default.
        ray: The address of a Ray cluster, or `auto`.
        worker_timeout: Seconds of silence after which a worker is ended and others get its work.
        cache: Whether vectors are kept beyond this call.
        cache_dir: Where; by default ANGLE_BENCH_CACHE or ~/.cache/angle-bench.
        cache_limit: What the vectors of all models may take: bytes, or such as `20G`.
        progress: Whether progress is shown on stderr.

    Returns:
        The file and what it holds: float32 vectors, in the order of the rows.

    Raises:
        UsageError: There is no such file, column, model or setting.
        DataError: A row cannot be read.
        ModelError: The checkpoint cannot be loaded.
        ResultsError: The output cannot be written.

    Examples:
        >>> found = encode("texts.txt", "all-MiniLM-L6-v2", "v.npy", progress=False)
        >>> found.vectors, found.dimensions, np.load(found.output).shape
        (2, 384, (2, 384))
    """
    changes = Overrides(pooling, prompt, prompts, max_length, dtype, attention, compile)
    request = EncodeRequest(
        file=str(file),
        model=model,
        output=place(output),
        overwrite=overwrite,
        column=column,
        reading=ReadOptions(encoding, skip_bad_rows, format),
        asked=EncodeOptions(role, start, size),
        changes=changes,
        access=access_of(mirror, base, trust_remote_code, allow_pickle),
        computing=Computing(device, batch_tokens, ray, worker_timeout),
        store_options=keeping_of(cache, cache_dir, cache_limit),
    )
    found = encoded(request, in_python(progress))
    warn(found.skipped)
    return found


def encoded(request: EncodeRequest, progress: Quiet) -> Encoded:
    """As `encode`, with all that the command line can ask."""
    needs_all("encode")

    from angle_bench.checkpoints.resolve import resolve
    from angle_bench.evaluation.vector_files import (
        check_output,
        compute,
        refuse_other_loaders,
        write,
    )

    _refuse_role(request.asked.role)
    refuse_computing(request.computing, request.store_options.folder)
    check_output(request.output, request.column, request.overwrite)
    spec = resolve(request.model, request.changes, request.access)
    refuse_other_loaders(spec, request.computing)
    _refuse_dimensions(spec, request.asked)
    with progress:
        found = _texts(request)
        check_output(request.output, found.column, request.overwrite)
        began = time.monotonic()
        vectors, tokens = compute(
            spec, found.texts, request.asked, request.computing, request.store_options, progress
        )
    left_out = {"skipped": found.skipped, "unused_columns": found.unused}
    write(request.output, found.column, found.texts, vectors, spec, left_out)
    rows, width = vectors.shape
    return Encoded(
        output=request.output,
        model=spec.name,
        revision=spec.revision,
        row_file=spec.row_file,
        vectors=rows,
        dimensions=width,
        bad_rows=found.bad_rows,
        skipped=tuple(found.skipped),
        unused_columns=tuple(found.unused),
        seconds=time.monotonic() - began,
        tokens=None if spec.endpoint is None else tokens,
    )


def _texts(request: EncodeRequest) -> "Texts":
    from angle_bench.evaluation.reader.texts import read_texts, text_files

    with text_files(request.file, request.reading) as files:
        return read_texts(files, request.column)


def _refuse_role(role: str | None) -> None:
    if role not in ROLES:
        raise UsageError(f"there is no role {role}.", "--role query, or --role document")


def _refuse_dimensions(spec: "ModelSpec", asked: EncodeOptions) -> None:
    if spec.settings is not None:
        spec.settings.prompts.template_for(None, None, asked.role)  # refuses {instruction}
    most = None if spec.shape is None else spec.shape.width  # unknown: the encoder refuses
    beyond = most is not None and asked.start + (asked.size or 1) > most
    if asked.start < 0 or (asked.size is not None and asked.size < 1) or beyond:
        typed = f"--start {asked.start}" + ("" if asked.size is None else f" --size {asked.size}")
        has = f"has {most} dimensions" if most is not None else "has its dimensions from 0"
        raise UsageError(f"{spec.label} {has}; {typed} asks for others.", "--start 0 --size 128")
