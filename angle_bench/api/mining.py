"""Hard negatives for pairs, as a file that trains."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from angle_bench.api.calling.arguments import access_of, keeping_of
from angle_bench.api.calling.progress_bars import Quiet, in_python
from angle_bench.api.calling.run_plan import refuse_computing
from angle_bench.api.calling.words import Names, Places, listed, place, public, warn
from angle_bench.api.objects.mined import Mined, Search
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.errors import UsageError
from angle_bench.evaluation.reader.kinds import ReadOptions
from angle_bench.evaluation.run.run_options import DEFAULT_STORE_BYTES, Computing, StoreOptions
from angle_bench.extras import needs_all

RANGE = (10, 100)


@dataclass(frozen=True)
class MiningRequest:
    """What is to be mined, and how.

    Attributes:
        data: Queries with positives: a file, folder, glob or data set of the hub.
        model: What stands after `-m`.
        output: The new file.
        overwrite: Whether it may be there.
        top_k: Negatives of a pair.
        ranks: The nearest documents that are skipped, and those that are looked at.
        margin: How far below the positive's a negative's cosine is at least.
        corpus: The documents to search; None is all positives.
        corpus_column: Their text column.
        columns: `THEIRS=OURS`: columns of the data that are our query or positive.
        config: Of a hub data set.
        split: Of a folder or hub data set.
        encoding: Of text files.
        skip_bad_rows: Whether rows that cannot be read are left out.
        changes: Settings over the checkpoint's own.
        access: Where it is looked for; its mirror also has data.
        computing: How vectors are computed.
        store_options: Where they are kept.
    """

    data: str
    model: str
    output: Path
    overwrite: bool = False
    top_k: int = 1
    ranks: tuple[int, int] = RANGE
    margin: float | None = None
    corpus: Path | None = None
    corpus_column: str | None = None
    columns: Sequence[str] = ()
    config: str | None = None
    split: str = "train"
    encoding: str | None = None
    skip_bad_rows: bool = False
    changes: Overrides = field(default_factory=Overrides)
    access: LoadOptions = field(default_factory=LoadOptions)
    computing: Computing = field(default_factory=Computing)
    store_options: StoreOptions = field(default_factory=StoreOptions)


@public
def mine_negatives(
    data: Places,
    model: str,
    output: Places = "negatives.jsonl",
    *,
    top_k: int = 1,
    range: tuple[int, int] | str = RANGE,
    margin: float | None = None,
    corpus: Places | None = None,
    corpus_column: str | None = None,
    column: Names | Mapping[str, str] = (),
    config: str | None = None,
    split: str = "train",
    encoding: str | None = None,
    skip_bad_rows: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
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
) -> Mined:
    """Find hard negatives for pairs: a file of query, positive, negative, which `train` reads.

    Args:
        data: Queries with positives: a file of rows, a folder or glob, or ORG/NAME of the hub.
        model: What would stand after `-m`.
        output: A .jsonl, .parquet or .csv file.
        top_k: Negatives of a pair, a row for each.
        range: (A, B) or "A:B": skip the nearest A documents, look at those up to B.
        margin: A negative's cosine is at least so much below the positive's.
        corpus: The documents to search, a file, folder or glob; by default all positives.
        corpus_column: The text column of the corpus.
        column: Columns of the data that are our query or positive: `THEIRS=OURS`, one or several,
            or `{"question": "query"}`.
        config: The config of a hub data set.
        split: Of a folder or hub data set.
        encoding: Of text files; by default UTF-8, or UTF-16 by its mark.
        skip_bad_rows: Whether rows that cannot be read are left out and counted.
        overwrite: Whether the output may be replaced.
        dry_run: Whether only what would be searched is said.
        mirror: A folder with models and data under their hub ids.
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

    Raises:
        UsageError: There is no such file, column, model or rule.
        DataError: A row cannot be read, or no pair has a negative.
        ModelError: The checkpoint cannot be loaded.
        ResultsError: The output cannot be written.

    Examples:
        >>> options = {"range": (0, 2), "progress": False}
        >>> mine_negatives("pairs.csv", "all-MiniLM-L6-v2", "triplets.jsonl", **options).found.rows
        2
    """
    changes = Overrides(pooling, prompt, prompts, max_length, dtype, attention, compile)
    request = MiningRequest(
        data=str(data),
        model=model,
        output=place(output),
        overwrite=overwrite,
        top_k=top_k,
        ranks=ranks_of(range) if isinstance(range, str) else range,
        margin=margin,
        corpus=None if corpus is None else place(corpus),
        corpus_column=corpus_column,
        columns=_columns(column),
        config=config,
        split=split,
        encoding=encoding,
        skip_bad_rows=skip_bad_rows,
        changes=changes,
        access=access_of(mirror, base, trust_remote_code, allow_pickle),
        computing=Computing(device, batch_tokens, ray, worker_timeout),
        store_options=keeping_of(cache, cache_dir, cache_limit),
    )
    found = mined(request, in_python(progress), dry_run=dry_run)
    corpus_read = found.search.corpus
    warn([*found.search.counts.skipped, *(corpus_read.skipped if corpus_read else ())])
    return found


def _columns(given: Names | Mapping[str, str]) -> list[str]:
    if isinstance(given, Mapping):
        return [f"{theirs}={ours}" for theirs, ours in given.items()]
    return listed(given)


def ranks_of(typed: str) -> tuple[int, int]:
    """The two numbers of `A:B`.

    Raises:
        UsageError: They are no such numbers.
    """
    words = [word.strip() for word in typed.split(":")]
    if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise UsageError(
            f"--range {typed} is no range of ranks.",
            "--range 10:100, which skips the nearest 10 of 100",
        )
    return int(words[0]), int(words[1])


def mined(request: MiningRequest, progress: Quiet, *, dry_run: bool = False) -> Mined:
    """As `mine_negatives`, with all that the command line can ask."""
    needs_all("mine-negatives")

    from angle_bench.training.mining.hard_negatives import check_texts, counted, find, write

    with progress:
        search = _search(request)
        check_texts(request.output, search.texts)
        if dry_run:
            return Mined(None, search)
        began = time.monotonic()
        negatives = find(
            search.texts,
            search.spec,
            search.rule,
            request.computing,
            request.store_options,
            progress,
        )
    write(request.output, search.texts, negatives)
    return Mined(request.output, search, counted(negatives), time.monotonic() - began)


def _search(request: MiningRequest) -> Search:
    """What is asked, read; all that is invalid is refused first."""
    if request.corpus_column is not None and request.corpus is None:
        raise UsageError("--corpus-column needs --corpus.", "--corpus FILE")
    refuse_computing(request.computing, request.store_options.folder)

    from angle_bench.checkpoints.resolve import resolve
    from angle_bench.evaluation.task_data import check_mirror
    from angle_bench.evaluation.vector_files import refuse_other_loaders
    from angle_bench.training.mining.hard_negatives import check_output, check_rule
    from angle_bench.training.mining.search import Rule
    from angle_bench.training.mining.text_pool import gather, read_corpus, read_pairs, source_of

    rule = Rule(request.top_k, *request.ranks, request.margin)
    check_rule(rule)
    check_output(request.output, request.overwrite)
    reading = ReadOptions(request.encoding, request.skip_bad_rows)
    source = source_of(
        request.data,
        request.columns,
        request.config,
        request.split,
        reading.encoding,
        reading.skip_bad_rows,
    )
    mirror = check_mirror(request.access.mirror)
    spec = resolve(request.model, request.changes, request.access)
    refuse_other_loaders(spec, request.computing)
    corpus = (
        None
        if request.corpus is None
        else read_corpus(request.corpus, request.corpus_column, reading)
    )
    pairs, counts = read_pairs(source, mirror)
    texts = gather(pairs, None if corpus is None else corpus.texts)
    return Search(spec, rule, texts, counts, corpus)
