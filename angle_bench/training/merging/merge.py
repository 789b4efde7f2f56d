"""From checkpoints to the folder of their average, and the record of what it was made of."""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.folder.adapter_config import recorded_base
from angle_bench.checkpoints.folder.angle_bench_json import MERGE_RECORD, Maker
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.errors import UsageError, shell_word
from angle_bench.evaluation.encoders.load import place_of
from angle_bench.evaluation.run.record import utc_now, versions
from angle_bench.files.whole_folder import write_folder
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import FILE_NAME as TRAINING_TEXTS
from angle_bench.results.training_texts import read_training_texts
from angle_bench.training.checkpoint.candidate import TrainedCheckpoint, fill_checkpoint
from angle_bench.training.checkpoint.card import CardFacts, model_card
from angle_bench.training.checkpoint.export import (
    fill_adapter,
    folder_of,
    prompt_names,
    refuse_place,
)
from angle_bench.training.checkpoint.st_files import write_dense_modules
from angle_bench.training.merging.adapter_average import stack_adapters
from angle_bench.training.merging.average import (
    AveragedPart,
    averaged,
    averaged_dense,
    refuse_difference,
    refuse_unlike_tokenizers,
)

_CARD = "README.md"
# settings that can be typed, and then are those of all checkpoints
_TYPED = {"pooling": "cls", "max_length": "128", "dtype": "float32", "prompts": "none"}


def merge(
    specs: Sequence[ModelSpec],
    output: Path,
    weights: Sequence[float] | None = None,
    command: Sequence[str] = (),
) -> Path:
    """Write the weighted average of checkpoints as a checkpoint (see `average.averaged`).

    Of LoRA adapters it is exactly the average of what they change, at the sum of their ranks.

    Args:
        specs: Two or more of one architecture, with the same settings.
        output: The new folder; one that is there must have been made in the same way.
        weights: How much each counts, in relation to the others; all the same without.
        command: What was typed, for the record.

    Returns:
        The folder.

    Raises:
        UsageError: They are too few, unlike in their settings, or the folder is somebody else's.
        ModelError: Their weights, configs, tokenizers or bases are unlike.
        ResultsError: The folder cannot be written.
    """
    shares = shares_of(specs, weights)
    refuse_unlike(specs)
    sources = [source for spec in specs for source in (folder_of(spec), _local_base(spec))]
    refuse_place(output, "merge", *sources)
    fill = average_writer(specs, shares, "merge", command)
    facts = _card_facts(specs, shares, output.resolve().name)

    def whole(place: Path) -> None:
        fill(place)
        (place / _CARD).write_text(model_card(facts), encoding="utf-8")

    write_folder(output, whole, "-o FOLDER on a disk with space")
    return output


def average_writer(
    specs: Sequence[ModelSpec], shares: Sequence[float], made_by: Maker, command: Sequence[str]
) -> Callable[[Path], None]:
    """The average, computed; what is given back writes it into an empty folder.

    Raises:
        ModelError: The checkpoints are unlike.
    """
    parts = [
        AveragedPart(spec.label, place_of(spec), share)
        for spec, share in zip(specs, shares, strict=True)
    ]
    fill = _adapter_writer if specs[0].base is not None else _whole_writer
    write = fill(specs, parts, made_by)
    record, texts = _record(specs, shares, command), _training_record(specs)

    def filled(place: Path) -> None:
        write(place)
        (place / MERGE_RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        if texts is not None:
            texts.write(place / TRAINING_TEXTS)

    return filled


def _whole_writer(
    specs: Sequence[ModelSpec], parts: Sequence[AveragedPart], made_by: Maker
) -> Callable[[Path], None]:
    settings = specs[0].required_settings()
    found = averaged(parts, settings)
    candidate = TrainedCheckpoint(
        found.model,
        found.tokenizer,
        settings,
        dense=found.dense,
        selected_on_test=_marks(specs),
        names=prompt_names(specs[0], parts[0].place.folder),
    )
    return partial(fill_checkpoint, candidate=candidate, made_by=made_by)


def _adapter_writer(
    specs: Sequence[ModelSpec], parts: Sequence[AveragedPart], made_by: Maker
) -> Callable[[Path], None]:
    from angle_bench.checkpoints.loading.tokenizer import load_tokenizer

    spec = specs[0].model_copy(update={"selected_on_test": _marks(specs)})
    settings, first = spec.required_settings(), parts[0]
    tokenizer = load_tokenizer(first.place)
    for part in parts[1:]:
        refuse_unlike_tokenizers(first.label, tokenizer, part.label, load_tokenizer(part.place))
    dense = averaged_dense(parts, settings)

    def write(place: Path) -> None:
        fill_adapter(place, spec, first.place.folder, made_by)
        stack_adapters(place, parts)
        write_dense_modules(place, settings, dense)

    return write


def shares_of(specs: Sequence[ModelSpec], weights: Sequence[float] | None) -> list[float]:
    """How much of an average each checkpoint is; together 1.

    Raises:
        UsageError: There are fewer than two, one stands twice, or the weights are none.
    """
    if len(specs) < 2:
        raise UsageError(
            "an average is of two or more checkpoints.", "angle-bench merge A B -o OUT"
        )
    seen: dict[tuple[str, str | None], str] = {}
    for spec in specs:
        key = (spec.revision, spec.base)
        if key in seen:
            raise UsageError(
                f"{seen[key]} and {spec.label} are one checkpoint.",
                "--weights, which says how much each checkpoint counts",
            )
        seen[key] = spec.label
    given = [1.0] * len(specs) if weights is None else list(weights)
    if len(given) != len(specs):
        raise UsageError(
            f"there are {len(given)} weights for {len(specs)} checkpoints.",
            f"--weights {','.join(['1'] * len(specs))}",
        )
    wrong = [weight for weight in given if not (math.isfinite(weight) and weight > 0)]
    if wrong or not math.isfinite(sum(given)):
        raise UsageError(
            f"the weight {wrong[0] if wrong else sum(given)} is no positive number.",
            f"--weights {','.join(['1'] * len(specs))}",
        )
    return [weight / sum(given) for weight in given]


def refuse_unlike(specs: Sequence[ModelSpec]) -> None:
    """Refuse checkpoints whose vectors are taken in different ways.

    Raises:
        UsageError: They are adapters and whole models, or a setting differs.
        ModelError: A prompt by name differs.
    """
    first, *others = specs
    for spec in others:
        if (first.base is None) != (spec.base is None):
            adapter, whole = (first, spec) if spec.base is None else (spec, first)
            raise UsageError(
                f"{adapter.label} is an adapter, {whole.label} a whole model.",
                f"angle-bench export {shell_word(adapter.folder or adapter.name)} --to merged, "
                "and the average of that",
            )
        _refuse_unlike_settings(first.label, first.required_settings(), spec)
        refuse_difference(
            first.label,
            _prompts(first),
            spec.label,
            _prompts(spec),
            "config_sentence_transformers.json",
        )


def _prompts(spec: ModelSpec) -> dict[str, str]:
    """Those by name; an empty one is none."""
    return {name: text for name, text in prompt_names(spec, folder_of(spec)).items() if text}


def _refuse_unlike_settings(label: str, mine: Settings, spec: ModelSpec) -> None:
    one, two = mine.canonical(), spec.required_settings().canonical()
    for key, value in one.items():
        if two[key] == value:
            continue
        option = f"--{'prompt' if key == 'prompts' else key.replace('_', '-')}"
        raise UsageError(
            f"the {key} of {label} and {spec.label} differ: {_said(value)} and {_said(two[key])}.",
            f"{option} {_TYPED[key]}, which is then used for all of them"
            if key in _TYPED
            else "the average of checkpoints whose vectors are taken in one way",
        )


def _said(value: Any) -> str:
    if isinstance(value, dict):  # prompts
        return json.dumps({key: each for key, each in value.items() if each})
    return str(value)


def _marks(specs: Sequence[ModelSpec]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mark for spec in specs for mark in spec.selected_on_test))


def _local_base(spec: ModelSpec) -> Path | None:
    return None if spec.base is None else Path(spec.base)


def _record(
    specs: Sequence[ModelSpec], shares: Sequence[float], command: Sequence[str]
) -> dict[str, Any]:
    parts = [
        {"name": spec.name, "label": spec.label, "revision": spec.revision, "weight": share}
        for spec, share in zip(specs, shares, strict=True)
    ]
    return {"parts": parts, "made": utc_now(), "command": list(command), "versions": versions()}


def _training_record(specs: Sequence[ModelSpec]) -> TrainingRecord | None:
    """What any of them was trained on or chosen by."""
    found = [read_training_texts(folder_of(spec)) for spec in specs]
    known = [each for each in found if each is not None]
    if not known:
        return None
    record = TrainingRecord()
    for each in known:
        record.inherit(each)
    return record


def _card_facts(specs: Sequence[ModelSpec], shares: Sequence[float], name: str) -> CardFacts:
    first = specs[0]
    return CardFacts(
        name=name,
        settings=first.required_settings(),
        base_model=None if first.base is None else recorded_base(folder_of(first)),
        adapter=first.base is not None,
        selected_on_test=_marks(specs),
        made_of=[
            f"{share:.4g} x {spec.label}@{spec.short_revision}"
            for spec, share in zip(specs, shares, strict=True)
        ],
    )
