"""What came of mining: the negatives in a file, or what would be searched for them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.progress_bars import duration
from angle_bench.api.objects.value import Value
from angle_bench.evaluation.reader.problems import short

if TYPE_CHECKING:
    from angle_bench.checkpoints.spec import ModelSpec
    from angle_bench.evaluation.reader.texts import Texts
    from angle_bench.training.data.rows import RowCounts
    from angle_bench.training.mining.hard_negatives import MiningCounts
    from angle_bench.training.mining.search import Rule
    from angle_bench.training.mining.text_pool import MiningTexts


@dataclass(frozen=True)
class Search:
    """What is searched, by what, and how.

    Attributes:
        spec: The checkpoint.
        rule: Which documents become negatives.
        texts: Queries, documents and pairs.
        counts: What became of the rows.
        corpus: What was read of the corpus, where there is one.
    """

    spec: "ModelSpec"
    rule: "Rule"
    texts: "MiningTexts"
    counts: "RowCounts"
    corpus: "Texts | None"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench mine-negatives -n --json`."""
        from angle_bench.training.mining.hard_negatives import prompts_of

        spec, counts, corpus, texts = self.spec, self.counts, self.corpus, self.texts
        return {
            "model": spec.name,
            "revision": spec.revision,
            "row_file": None if spec.row_file is None else str(spec.row_file),
            "prompts": prompts_of(spec),
            "rule": asdict(self.rule),
            "read": counts.read,
            "dropped": dict(counts.dropped),
            "unused_columns": list(counts.unused),
            "skipped": counts.skipped,
            "corpus_unused_columns": [] if corpus is None else list(corpus.unused),
            "corpus_skipped": [] if corpus is None else list(corpus.skipped),
            "repeated": texts.repeated,
            "pairs": len(texts.pairs),
            "queries": len(texts.queries),
            "documents": len(texts.documents),
            "corpus": len(texts.pool.corpus),
        }

    def data_lines(self) -> list[str]:
        """`data: 12 rows, 10 pairs; dropped: 1 empty query, 1 repeated`, and so of the corpus."""
        counts, texts, corpus = self.counts, self.texts, self.corpus
        dropped = [f"{count:,} {why}" for why, count in counts.dropped.items()]
        dropped += [f"{texts.repeated:,} repeated"] if texts.repeated else []
        said = f"{counts.read:,} rows, {len(texts.pairs):,} pairs"
        said += f"; dropped: {', '.join(dropped)}" if dropped else ""
        said += f"; not used: {', '.join(map(short, counts.unused))}" if counts.unused else ""
        lines = [f"data: {said}", *(f"  ! {line}" for line in counts.skipped)]
        if corpus is not None:
            unused = f"; not used: {', '.join(map(short, corpus.unused))}" if corpus.unused else ""
            lines.append(f"corpus: {len(corpus.texts):,} texts of {short(corpus.column)}{unused}")
            lines += [f"  ! {line}" for line in corpus.skipped]
        return lines

    def preview_lines(self) -> list[str]:
        """What would be searched, by what, and how."""
        from angle_bench.training.mining.hard_negatives import prompts_of

        texts, rule = self.texts, self.rule
        below = "" if rule.margin is None else f", {rule.margin:g} or more below the positive"
        prompts = [
            f"  prompt of a {role}: {template or 'none'}"
            for role, template in prompts_of(self.spec).items()
        ]
        return [
            f"model: {self.spec.header([])}",
            *prompts,
            *self.data_lines(),
            f"to encode: {len(texts.queries):,} queries, {len(texts.documents):,} documents, "
            f"of which {len(texts.pool.corpus):,} are searched",
            f"negatives: {rule.top_k} of a pair, from the ranks {rule.first}:{rule.last}{below}",
        ]


@dataclass(frozen=True, repr=False)
class Mined(Value):
    """Hard negatives in a file, or what would be searched for them.

    Attributes:
        output: The file: query, positive, negative. None of a dry run.
        search: What was searched, by what, and how.
        found: Counts of rows, and of pairs with all negatives, with some and with none. None of a
            dry run.
        seconds: How long it took.
    """

    output: Path | None
    search: Search
    found: "MiningCounts | None" = None
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench mine-negatives --json`."""
        if self.found is None:
            return self.search.to_dict()
        return {"output": str(self.output), **self.search.to_dict(), **asdict(self.found)}

    def to_text(self) -> str:
        """What was read and found; of a dry run what would be searched."""
        found = self.found
        if found is None:
            return "\n".join(self.search.preview_lines())
        pairs = len(self.search.texts.pairs) - found.none
        lines = [
            *self.search.data_lines(),
            f"saved {self.output}  {found.rows:,} rows from {pairs:,} pairs  "
            f"{duration(self.seconds)}",
        ]
        if found.fewer:
            lines.append(f"  ! {found.fewer:,} pairs have fewer negatives than asked for")
        if found.none:
            lines.append(f"  ! {found.none:,} pairs have none and are left out")
        return "\n".join(lines)
