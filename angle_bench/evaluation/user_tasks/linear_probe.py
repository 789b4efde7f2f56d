"""Classification by logistic regression on frozen vectors, as an mteb task."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from mteb.timing import TimingStack
from sklearn.metrics import f1_score

from angle_bench.evaluation import mteb_internals
from angle_bench.evaluation.user_tasks import adam_classifier, logistic_regression, task_rows
from angle_bench.evaluation.user_tasks.logistic_regression import Features, Predicted
from angle_bench.evaluation.user_tasks.task_rows import Columns
from angle_bench.evaluation.user_tasks.task_types import OwnClassification
from angle_bench.results.predictions import ClassPredictions, Experiment


class LinearProbe(OwnClassification):
    """The protocols of own classification tasks (docs/tasks.md).

    The score is the accuracy; where each fold has one, their mean.
    """

    def __init__(self, **kwargs: Any) -> None:
        pairs = any(field == "sentence1" for field, _ in self.asked.columns)
        self.fields = ("sentence1", "sentence2") if pairs else ("text",)
        names: Any = list(self.fields)  # to mteb a list of columns is one of modalities
        self.input_column_name = names
        super().__init__(**kwargs)

    @property
    def _nested(self) -> bool:
        return self.asked.train in self.asked.splits

    def check(self, splits: Mapping[str, Columns], names: Sequence[str]) -> None:
        """Every fold needs every label."""
        if self.asked.protocol == "transfer" and not self.asked.validation:
            least = logistic_regression.least_texts(self.asked.folds, nested=self._nested)
            task_rows.refuse_few(self.asked, splits[self.asked.train], names, least)

    def _evaluate_subset(
        self,
        model: Any,
        data_split: Any,
        *,
        encode_kwargs: Any,
        hf_split: str,
        hf_subset: str,
        prediction_folder: Path | None = None,
        num_proc: int | None = None,
        timer: TimingStack,
        **_: Any,
    ) -> Any:
        wanted = dict.fromkeys([hf_split, *self.asked.reads[len(self.asked.splits) :]])
        with timer("Encoding", split=hf_split, subset=hf_subset):
            features = {
                split: self._features(model, data_split[split], split, hf_subset, encode_kwargs)
                for split in wanted
            }
        labels = {split: np.array(data_split[split]["label"]) for split in wanted}
        with timer("Scoring", split=hf_split, subset=hf_subset):
            found = self._predicted(features, labels, hf_split)
            scores = self._scores(found, labels[hf_split], self.names[hf_subset])
        if prediction_folder:
            kept: Any = [
                {"rows": each.rows.tolist(), "labels": each.labels.tolist()} for each in found
            ]
            mteb_internals.save_predictions(
                self, kept, model, prediction_folder, hf_split, hf_subset
            )
        return scores

    def _features(
        self, model: Any, rows: datasets.Dataset, split: str, subset: str, encode_kwargs: Any
    ) -> Features:
        """float32, (rows, dimension); of pairs (rows, 2 × dimension), by `snli` 4 ×."""
        vectors = []
        for field in self.fields:
            batches = mteb_internals.create_dataloader(
                rows, task_metadata=self.metadata, input_column=field, **encode_kwargs
            )
            made = model.encode(
                batches,
                task_metadata=self.metadata,
                hf_split=split,
                hf_subset=subset,
                **encode_kwargs,
            )
            here = made.cpu() if hasattr(made, "cpu") else made
            vectors.append(np.asarray(here, dtype=np.float32))
        if len(vectors) == 1:
            return vectors[0]
        if self.asked.protocol == "snli":
            return logistic_regression.entailment_features(*vectors)
        return logistic_regression.pair_features(*vectors)

    def _predicted(
        self, features: Mapping[str, Features], labels: Mapping[str, Any], split: str
    ) -> list[Predicted]:
        train, validation = self.asked.train, self.asked.validation
        known, test = (features[train], labels[train]), features[split]
        if self.asked.protocol == "logistic regression":
            return [logistic_regression.whole(*known, test)]
        if self.asked.protocol == "snli":
            return [logistic_regression.whole(*known, test, logistic_regression.UNREGULARISED)]
        if self._nested:
            return logistic_regression.cross_validated(*known, self.asked.folds)
        if validation:
            held_out = (features[validation], labels[validation])
            if self.asked.protocol != "transfer":
                hidden = adam_classifier.HIDDEN if self.asked.protocol == "senteval mlp" else 0
                return [adam_classifier.tuned_by_decay(*known, *held_out, test, hidden)]
            return [logistic_regression.tuned_on_split(*known, *held_out, test)]
        return [logistic_regression.tuned_by_folds(*known, test, self.asked.folds)]

    def _scores(
        self, found: Sequence[Predicted], gold: Any, names: Sequence[str]
    ) -> dict[str, Any]:
        each = [mteb_internals.class_scores(self, gold[one.rows], one.labels) for one in found]
        rows = np.concatenate([one.rows for one in found])
        predicted = np.concatenate([one.labels for one in found])
        by_label = f1_score(
            gold[rows], predicted, labels=range(len(names)), average=None, zero_division=0
        )
        return {
            **mteb_internals.mean_scores(self, each),
            "f1_by_label": dict(zip(names, map(float, by_label), strict=True)),
            "strengths": [one.strength for one in found],
        }

    def predictions(self, folder: Path) -> list[ClassPredictions]:
        """What was predicted of every text; a pair is its two texts on a line each."""
        saved = json.loads((folder / self.prediction_file_name).read_text(encoding="utf-8"))
        data: Any = self.dataset
        parts = []
        for subset in self.hf_subsets:
            names, splits = self.names[subset], data[subset] if self._by_subset() else data
            for split in self.asked.splits:
                rows = splits[split]
                columns = [rows[field][:] for field in self.fields]
                experiments = [
                    Experiment(one["rows"], [names[code] for code in one["labels"]])
                    for one in saved[subset][split]
                ]
                parts.append(
                    ClassPredictions(
                        subset=subset,
                        split=split,
                        text=["\n".join(row) for row in zip(*columns, strict=True)],
                        gold=[names[code] for code in rows["label"][:]],
                        experiments=experiments,
                        pairs=(columns[0], columns[1]) if len(columns) == 2 else None,
                    )
                )
        return parts
