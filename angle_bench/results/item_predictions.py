"""The rows of predictions of clustering, bitext mining, summaries and tasks of several labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from angle_bench.results.predictions import CLASS_COLUMNS, PART, as_table

if TYPE_CHECKING:
    import pyarrow as pa

CLUSTER_COLUMNS = PART | {
    "level": "int64",
    "experiment": "int64",
    "index": "int64",
    "text": "string",
    "gold": "string",
    "predicted": "string",
    "count": "int64",
}
CLUSTER_SET_COLUMNS = PART | {
    "set": "int64",
    "index": "int64",
    "text": "string",
    "gold": "string",
    "predicted": "string",
}
BITEXT_COLUMNS = PART | {
    "index": "int64",
    "text1": "string",
    "text2": "string",
    "gold": "string",
    "predicted": "string",
}
TEXT_VALUE_COLUMNS = PART | {
    "index": "int64",
    "text": "string",
    "metric": "string",
    "value": "float64",
}


@dataclass(frozen=True)
class ClusteringPredictions:
    """Documents put into clusters once.

    Attributes:
        index: The rows of the data that were drawn, each once.
        text: Their texts.
        gold: Their labels.
        predicted: The number of each one's cluster.
        count: How often each was drawn.
        level: Of the labels, where they form a hierarchy.
        experiment: Which of the level's resamples it is.
    """

    index: Sequence[int]
    text: Sequence[str]
    gold: Sequence[str]
    predicted: Sequence[str]
    count: Sequence[int]
    level: int = 0
    experiment: int = 0


@dataclass(frozen=True)
class ClusterPredictions:
    """The clusterings of resamples of one split and subset."""

    subset: str
    split: str
    clusterings: Sequence[ClusteringPredictions]

    def __len__(self) -> int:
        return sum(len(each.index) for each in self.clusterings)

    def table(self) -> "pa.Table":
        """One row for each clustering and document."""
        import pyarrow as pa

        tables = []
        for one in self.clusterings:
            size = len(one.index)
            items = [[one.level] * size, [one.experiment] * size, one.index, one.text]
            items += [one.gold, one.predicted, one.count]
            tables.append(as_table(CLUSTER_COLUMNS, self.subset, self.split, size, items))
        return pa.concat_tables(tables)


@dataclass(frozen=True)
class ClusterSetPredictions:
    """The clusterings of one split and subset whose data are sets that are clustered one by one.

    Attributes:
        text: The texts of every set.
        gold: Their labels.
        predicted: Their clusters.
    """

    subset: str
    split: str
    text: Sequence[Sequence[str]]
    gold: Sequence[Sequence[str]]
    predicted: Sequence[Sequence[str]]

    def __len__(self) -> int:
        return sum(len(each) for each in self.text)

    def table(self) -> "pa.Table":
        """One row for each set and document."""
        import pyarrow as pa

        tables = []
        every = zip(self.text, self.gold, self.predicted, strict=True)
        for number, (text, gold, predicted) in enumerate(every):
            size = len(text)
            items = [[number] * size, range(size), text, gold, predicted]
            tables.append(as_table(CLUSTER_SET_COLUMNS, self.subset, self.split, size, items))
        return pa.concat_tables(tables)


@dataclass(frozen=True)
class BitextPredictions:
    """The sentences of one split and subset, each with the translation that was found.

    Attributes:
        text1: The sentences.
        text2: Their translations.
        gold: The row of each translation.
        predicted: The row that was found.
    """

    subset: str
    split: str
    text1: Sequence[str]
    text2: Sequence[str]
    gold: Sequence[str]
    predicted: Sequence[str]

    def __len__(self) -> int:
        return len(self.predicted)

    def table(self) -> "pa.Table":
        """One row for each sentence."""
        items = [range(len(self)), self.text1, self.text2, self.gold, self.predicted]
        return as_table(BITEXT_COLUMNS, self.subset, self.split, len(self), items)


@dataclass(frozen=True)
class TextValues:
    """What a metric gives each text of one split and subset.

    Attributes:
        values: Their mean is the main score; None for a text that mteb leaves out.
    """

    subset: str
    split: str
    metric: str
    text: Sequence[str]
    values: Sequence[float | None]

    def __len__(self) -> int:
        return len(self.values)

    def table(self) -> "pa.Table":
        """One row for each text."""
        items = [range(len(self)), self.text, [self.metric] * len(self), self.values]
        return as_table(TEXT_VALUE_COLUMNS, self.subset, self.split, len(self), items)


@dataclass(frozen=True)
class LabelSetPredictions:
    """What classifiers say of one split and subset where an item has several labels.

    Attributes:
        text: Every row of the data.
        gold: Its labels.
        predicted: By experiment, the labels that each row is given.
    """

    subset: str
    split: str
    text: Sequence[str]
    gold: Sequence[Sequence[str]]
    predicted: Sequence[Sequence[Sequence[str]]]

    def __len__(self) -> int:
        return len(self.text) * len(self.predicted)

    def table(self) -> "pa.Table":
        """One row for each experiment and item; `gold` and `predicted` are lists."""
        import pyarrow as pa

        labels = pa.list_(pa.string())
        gold, size = pa.array(self.gold, labels), len(self.text)
        columns = CLASS_COLUMNS | {"gold": labels, "predicted": labels}
        tables = []
        for number, predicted in enumerate(self.predicted):
            items = [[number] * size, range(size), self.text, gold, predicted]
            tables.append(as_table(columns, self.subset, self.split, size, items))
        return pa.concat_tables(tables)
