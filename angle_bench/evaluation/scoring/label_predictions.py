"""Predictions of bitext mining, summaries and tasks of several labels, from what mteb dumps."""

from collections.abc import Sequence
from typing import Any

import datasets
import numpy as np
from mteb.abstasks import AbsTaskMultilabelClassification
from mteb.abstasks.text.bitext_mining import AbsTaskBitextMining
from mteb.abstasks.text.summarization import AbsTaskSummarization
from sklearn.preprocessing import MultiLabelBinarizer

from angle_bench.evaluation.mteb_internals import multilabel_subsampling, summary_metrics
from angle_bench.evaluation.scoring.loaded_rows import splits_of
from angle_bench.results.item_predictions import (
    BitextPredictions,
    LabelSetPredictions,
    TextValues,
)


def bitext(
    mteb_task: AbsTaskBitextMining, subset: str, split: str, saved: Any
) -> BitextPredictions:
    """The sentences of a subset and split with the translations that were found.

    Args:
        mteb_task: The task.
        subset: The languages of the pair, such as `deu-eng`.
        split: Of the data.
        saved: What mteb dumped, by subset and split; sets whose rows hold all languages have one
            entry `parallel`.
    """
    first, second = "sentence1", "sentence2"
    if mteb_task.parallel_subsets:
        rows: Any = (mteb_task.dataset or {})[split]
        first, second = subset.split("-")
        found = saved["parallel"][split][subset]
    else:
        rows = splits_of(mteb_task, subset)[split]
        (found,) = saved[subset][split].values()
    own = rows[first][:]
    gold = [int(pair[1]) for pair in rows["gold"]] if "gold" in _columns(rows) else range(len(own))
    translations = rows[second][:]
    return BitextPredictions(
        subset,
        split,
        text1=own,
        text2=[translations[place] for place in gold],
        gold=[str(place) for place in gold],
        predicted=[str(each["corpus_id"]) for each in found],
    )


def _columns(rows: Any) -> Sequence[str]:
    """The columns of a data set, or of the mapping that BUCC makes of its own."""
    return rows.column_names if isinstance(rows, datasets.Dataset) else list(rows)


def summaries(
    mteb_task: AbsTaskSummarization, subset: str, split: str, saved: Any, metric: str
) -> TextValues:
    """What the metric gives each text: the correlation over its summaries.

    mteb leaves out texts whose summaries are all rated alike, or are given one score by the model.

    Args:
        mteb_task: The task.
        subset: Of the data.
        split: Likewise.
        saved: What mteb dumped: annotators' and the model's scores of the texts that it kept.
        metric: The main metric.
    """
    rows = splits_of(mteb_task, subset)[split]
    texts = rows[mteb_task.text_column_name][:]
    spread = mteb_task.max_score - mteb_task.min_score
    kept = list(saved["human_scores"])
    values: list[float | None] = []
    for ratings in rows[mteb_task.relevancy_column_name]:
        gold = ((np.array(ratings) - mteb_task.min_score) / spread).tolist()
        at = sum(value is not None for value in values)
        if at < len(kept) and kept[at] == gold and len(set(gold)) > 1:
            one = {name: scores[at : at + 1] for name, scores in saved.items()}
            values.append(float(summary_metrics(mteb_task, one)[metric]))
        else:
            values.append(None)
    return TextValues(subset, split, metric, texts, values)


def label_sets(
    mteb_task: AbsTaskMultilabelClassification, subset: str, split: str, saved: Any
) -> LabelSetPredictions:
    """The labels that classifiers give the items of a subset and split.

    Args:
        mteb_task: The task.
        subset: Of the data.
        split: Likewise.
        saved: What mteb dumped: for every classifier a row for each item, of 0 and 1 by label.
    """
    rows = splits_of(mteb_task, subset)[split]
    label, most = mteb_task.label_column_name, mteb_task.max_eval_samples
    if most is not None and len(rows) > most:
        whole = datasets.DatasetDict({split: rows})
        rows = multilabel_subsampling(whole, mteb_task.seed, [split], label, most)[split]
    gold = rows[label][:]
    names = [str(name) for name in MultiLabelBinarizer().fit(gold).classes_]
    return LabelSetPredictions(
        subset,
        split,
        text=rows[str(mteb_task.input_column_name)][:],
        gold=[[str(one) for one in own] for own in gold],
        predicted=[
            [[names[at] for at in np.flatnonzero(item)] for item in experiment]
            for experiment in saved
        ],
    )
