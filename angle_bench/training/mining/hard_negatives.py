"""Hard negatives for pairs of texts: vectors, search, and the file of format C."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from angle_bench.checkpoints.prompts import ROLES
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import DataError, UsageError, shell_word
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.reader.batch import text_array
from angle_bench.evaluation.run.run_options import Computing, StoreOptions
from angle_bench.evaluation.vector_files import opened_encoder
from angle_bench.files.atomic import FileToWrite
from angle_bench.files.output_file import refuse_output, write_output
from angle_bench.training.data.columns import TEXT_COLUMNS
from angle_bench.training.mining.search import NONE, Indices, Rule, mine
from angle_bench.training.mining.text_pool import MiningTexts

COLUMNS = TEXT_COLUMNS["C"]
ROWS_OF_A_GROUP = 10_000

Triplets = Iterator[tuple[str, str, str]]


@dataclass(frozen=True)
class MiningCounts:
    """What was found, in pairs.

    Attributes:
        rows: Triplets.
        complete: With as many negatives as were asked for.
        fewer: With some.
        none: With none, which are left out.
    """

    rows: int
    complete: int
    fewer: int
    none: int


def check_rule(rule: Rule) -> None:
    """Refuse a rule that is invalid.

    Raises:
        UsageError: With what to type.
    """
    if rule.top_k < 1:
        raise UsageError(f"--top-k {rule.top_k} asks for nothing.", "--top-k 1")
    asked = f"--range {rule.first}:{rule.last}"
    if not 0 <= rule.first < rule.last:
        raise UsageError(
            f"{asked} holds no rank.", "--range 10:100, which skips the nearest 10 of 100"
        )
    if rule.top_k > rule.last - rule.first:
        raise UsageError(
            f"{asked} holds {rule.last - rule.first} ranks, fewer than --top-k {rule.top_k}.",
            f"--range {rule.first}:{rule.first + rule.top_k}",
        )
    if rule.margin is not None and not -2 <= rule.margin <= 2:
        raise UsageError(
            f"--margin {rule.margin:g} is no difference of two cosines.", "--margin 0.05"
        )


def check_output(output: Path, overwrite: bool) -> None:
    """Refuse an output that cannot be, before anything is computed.

    Raises:
        UsageError: With what to type.
    """
    refuse_output(output, _WRITERS, "negatives.jsonl", overwrite)


def find(
    texts: MiningTexts,
    spec: ModelSpec,
    rule: Rule,
    computing: Computing,
    store_options: StoreOptions,
    progress: Progress,
) -> Indices:
    """The hard negatives of the pairs by a checkpoint, (pairs, top_k); see `mining.mine`.

    Queries get the checkpoint's prompt for queries and documents that for documents, as in
    training.

    Raises:
        ModelError: The checkpoint cannot be loaded.
        DataError: No pair has a negative under this rule.
    """
    queries, documents = texts.queries, texts.documents
    prompts = prompts_of(spec)
    with opened_encoder(spec, computing, store_options, progress) as encoder:
        progress.model(spec.header([]), 3, 2 * len(queries) + len(documents))
        for role, template in prompts.items():
            if template:
                progress.note(f"prompt of a {role}: {template}")
        progress.task("queries", 1, len(queries))
        asked = encoder.encode(queries, role="query")
        progress.task("documents", 2, len(documents))
        known = encoder.encode(documents, role="document")
    progress.task("search", 3, len(queries))
    negatives = mine(asked, known, texts.pairs, texts.pool, rule, done=progress.texts)
    if (negatives == NONE).all():
        margin = "" if rule.margin is None else f" and a margin of {rule.margin:g}"
        raise DataError(
            f"no pair has a negative among the ranks {rule.first}:{rule.last} of "
            f"{len(texts.pool.corpus):,} documents{margin}.",
            f"--range 0:{rule.last}" + ("" if rule.margin is None else ", or a smaller --margin"),
        )
    return negatives


def prompts_of(spec: ModelSpec) -> dict[str, str]:
    """The templates of queries and documents, as in training; `""` is none."""
    if spec.settings is None:
        return {}  # the library that computes the vectors chooses them
    policy = spec.settings.prompts
    return {role: policy.template_for(None, None, role) for role in ROLES}


def counted(negatives: Indices) -> MiningCounts:
    """How many negatives the pairs have, (pairs, top_k)."""
    each = (negatives != NONE).sum(axis=1)
    none, complete = int((each == 0).sum()), int((each == negatives.shape[1]).sum())
    return MiningCounts(int(each.sum()), complete, len(each) - complete - none, none)


def triplets(texts: MiningTexts, negatives: Indices) -> Triplets:
    """Query, positive and negative: of each pair, in their order, a row for each negative."""
    for (query, positive), row in zip(texts.pairs.tolist(), negatives.tolist(), strict=True):
        for number in row:
            if number != NONE:
                yield texts.queries[query], texts.documents[positive], texts.documents[number]


def has_lone_surrogate(text: str) -> bool:
    """Whether a text cannot be written as UTF-8."""
    return any("\ud800" <= sign <= "\udfff" for sign in text) if not text.isascii() else False


def check_texts(output: Path, texts: MiningTexts) -> None:
    """Refuse texts that the output cannot hold.

    Raises:
        UsageError: With what to type.
    """
    if output.suffix == ".csv":
        for text in (*texts.queries, *texts.documents):
            if has_lone_surrogate(text):
                raise UsageError(
                    f"a text has a lone surrogate, which {output} cannot hold: {text!r:.80}.",
                    f"-o {shell_word(output.with_suffix('.jsonl'))}",
                )


def write(output: Path, texts: MiningTexts, negatives: Indices) -> None:
    """Write them as format C, whole or not at all; the suffix says the kind of file.

    Raises:
        ResultsError: The disk is full or the folder cannot be written.
    """

    def fill(temporary: Path) -> None:
        _WRITERS[output.suffix](temporary, triplets(texts, negatives))

    write_output(FileToWrite(output, fill))


def _write_jsonl(place: Path, rows: Triplets) -> None:
    with place.open("w", encoding="utf-8") as opened:
        for row in rows:
            named = dict(zip(COLUMNS, row, strict=True))
            line = json.dumps(named, ensure_ascii=has_lone_surrogate("".join(row)))
            opened.write(f"{line}\n")


def _write_csv(place: Path, rows: Triplets) -> None:
    with place.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def _write_parquet(place: Path, rows: Triplets) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # one schema for the whole file: bytes where any text needs them
    kept = list(rows)
    columns = [text_array(name, [row[at] for row in kept]) for at, name in enumerate(COLUMNS)]
    table = pa.table([array for _, array in columns], schema=pa.schema([f for f, _ in columns]))
    pq.write_table(table, place, row_group_size=ROWS_OF_A_GROUP)


_WRITERS: dict[str, Callable[[Path, Triplets], None]] = {
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
    ".csv": _write_csv,
}
