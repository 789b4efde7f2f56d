"""Result files from before mteb 1.11: splits at the top, languages or none below them.

The rules are those by which mteb 2.26 itself reads such files (`mteb.results.task_result`), with
one more: the `map` of reranking tasks, which mteb leaves without a main score.
"""

from collections.abc import Mapping
from typing import Any

RENAMED = {
    "8TagsClustering": "EightTagsClustering",
    "CMedQAv1": "CMedQAv1-reranking",
    "CMedQAv2": "CMedQAv2-reranking",
    "NorwegianParliament": "NorwegianParliamentClassification",
    "PPC": "PpcPC",
    "PersianTextTone": "SynPerTextToneClassification",
}
FORMER = {new: old for old, new in RENAMED.items()}

_HEAD = {"dataset_revision", "mteb_dataset_name", "mteb_version"}
# what a group of scores was called, and its prefix since
_GROUPS = {
    "cos_sim": "cosine",
    "manhattan": "manhattan",
    "euclidean": "euclidean",
    "dot": "dot",
    "max": "max",
    "similarity": "similarity",
}
_NO_SUBSET = {*_GROUPS, "v_measures"}
# mean average precision of reranking was `map` whatever its cut-off
_FORMER_METRICS = {"map_at_1000": "map", "max_over_subqueries_map_at_1000": "map"}
_FRENCH_ONLY = {"1.1.2.dev0", "1.1.3.dev0"}


def is_old(raw: Any) -> bool:
    """Whether a file has the schema from before mteb 1.11."""
    return isinstance(raw, Mapping) and "mteb_dataset_name" in raw


def old_scores(raw: Mapping[str, Any], metric: str) -> dict[str, dict[str, Any]]:
    """The main scores of an old file by split and subset.

    Args:
        raw: The file.
        metric: The task's main score by its name of today, such as `cosine_spearman`.

    Returns:
        Values as they stand in the file; a subset without this metric is left out.
    """
    splits = {key: value for key, value in raw.items() if key not in _HEAD}
    return {
        split: _renamed(raw, _by_subset(rows, metric))
        for split, rows in splits.items()
        if isinstance(rows, Mapping)
    }


def _by_subset(rows: Mapping[str, Any], metric: str) -> dict[str, Any]:
    subsets = {
        key: value
        for key, value in rows.items()
        if isinstance(value, Mapping) and key not in _NO_SUBSET
    }
    found = {key: _main(row, metric) for key, row in (subsets or {"default": rows}).items()}
    return {key: score for key, score in found.items() if score is not None}


def _main(row: Mapping[str, Any], metric: str) -> Any:
    if "main_score" in row:
        return row["main_score"]
    flat = dict(row)
    for group, prefix in _GROUPS.items():
        if isinstance(row.get(group), Mapping):
            flat |= {f"{prefix}_{name}": value for name, value in row[group].items()}
    for name in (metric, _FORMER_METRICS.get(metric, metric)):
        if name in flat:
            return flat[name]
    return None


def _renamed(raw: Mapping[str, Any], subsets: dict[str, Any]) -> dict[str, Any]:
    """Subsets by their names of today."""
    task = str(raw["mteb_dataset_name"])
    if task == "XPQARetrieval" and "fr" in subsets:
        subsets["fra-fra"] = subsets.pop("fr")
    french_only = task.startswith("MLSUMClustering") and raw.get("mteb_version") in _FRENCH_ONLY
    if french_only and "default" in subsets:
        subsets["fr"] = subsets.pop("default")
    return subsets
