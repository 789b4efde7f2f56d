"""What a recipe would do, as values, text and frame."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from angle_bench.api.objects.value import Value

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.sweeps.sweep_grid import PlannedTraining, Sweep
    from angle_bench.training.data.rows import RowCounts, RowPart
    from angle_bench.training.preview.preview import Preview
    from angle_bench.training.recipe.recipe import Recipe


@dataclass(frozen=True, repr=False)
class TrainingPlan(Value):
    """What a recipe would do; of a sweep what is trained, and more of the first training.

    Attributes:
        sweep: The grid; one cell of a plain recipe.
        trainings: What is trained of it, under which seed and into which folder.
        recipe: Of the first of them.
        preview: Its rows, first batch, steps, memory and seconds.
    """

    sweep: "Sweep"
    trainings: "Sequence[PlannedTraining]"
    recipe: "Recipe"
    preview: "Preview"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench train -n --json`."""
        seen, grid = self.preview, {}
        if self.sweep.keys:
            cells = [
                {"name": cell.name, "settings": dict(cell.settings)} for cell in self.sweep.cells
            ]
            folders = [str(each.folder) for each in self.trainings]
            settings = list(self.sweep.keys)
            grid = {"sweep": {"settings": settings, "cells": cells, "trained_here": folders}}
        said = asdict(replace(seen, counts=None))
        del said["spec"]
        if seen.counts is not None:
            said["counts"] = [(name, _counts_json(counts)) for name, counts in seen.counts]
        spec = seen.spec
        row_file = None if spec.row_file is None else str(spec.row_file)
        return {
            **grid,
            "recipe": self.recipe.model_dump(mode="json"),
            "model": {"name": spec.name, "revision": spec.revision, "row_file": row_file},
            **said,
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """A row for each training: its name, folder and seed, and the settings that are swept."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "name": each.name,
                    "folder": str(each.folder),
                    "seed": each.recipe.train.seed,
                    **each.cell.settings,
                }
                for each in self.trainings
            ],
            columns=["name", "folder", "seed", *self.sweep.keys],
        )

    def to_toml(self) -> str:
        """The recipe with every setting that is not at its default, and those of [train]."""
        from angle_bench.training.recipe.to_toml import recipe_toml

        return recipe_toml(self.recipe)

    def to_text(self) -> str:
        """The grid; rows, first batch, what trains, steps, memory and time."""
        return "\n\n".join(part for part in (self.grid_text(), self.preview_text()) if part)

    def grid_text(self) -> str:
        """Cells and trainings; empty of a plain recipe."""
        return "\n".join(_sweep_lines(self.sweep, self.trainings)) if self.sweep.keys else ""

    def preview_text(self) -> str:
        """What the first training would do."""
        seen = self.preview
        lines = [f"model: {seen.spec.header([])}"]
        if seen.spec.note:
            lines.append(f"  ! {seen.spec.note}")
        lines += [*_data(seen), *_batch(seen), *(f"  ! {line}" for line in seen.warnings)]
        lines += [*_trains(seen), *seen.teachers]
        return "\n".join([*lines, _steps(self.recipe, seen), *_cost(seen)])


def _sweep_lines(sweep: "Sweep", share: "Sequence[PlannedTraining]") -> list[str]:
    lines = [f"sweep: {_counted(len(sweep.cells), 'cell')} of {', '.join(sweep.keys)}"]
    lines += [f"  {cell.name}" for cell in sweep.cells]
    if [each.name for each in share] != [cell.name for cell in sweep.cells]:  # seeds, or a part
        lines.append(f"trained here: {_counted(len(share), 'training')}")
        lines += [f"  {each.folder}" for each in share]
    return [*lines, "the first of them:"]


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _counts_json(counts: "RowCounts") -> dict[str, Any]:
    # dataclasses make keys of a Counter's pairs
    return asdict(replace(counts, dropped=Counter())) | {"dropped": dict(counts.dropped)}


def _data(seen: "Preview") -> list[str]:
    if seen.counts is None:
        return [f"data: format {_format(seen)}, streamed"]
    lines = [f"data: format {_format(seen)}, {seen.rows:,} rows"]
    for name, counts in seen.counts:
        dropped = ", ".join(f"{count:,} {why}" for why, count in counts.dropped.items())
        lines.append(
            f"  {name}: {counts.read:,} read, {counts.kept:,} kept"
            + (f"; dropped: {dropped}" if dropped else "")
            + (f"; not used: {', '.join(counts.unused)}" if counts.unused else "")
        )
        lines.append(f"    rows with {', '.join(map(_part, counts.parts.items()))}")
        lines += [f"  ! {line}" for line in counts.skipped]
    if seen.positives is not None:
        lines.append(f"  {seen.positives:,} pairs of label 1, which ibn takes as positives")
    if seen.sharing:
        lines.append(
            f"  {seen.sharing:,} rows share a text with a row of their batch: at the end of an "
            "epoch there are no others left"
        )
    return lines


def _format(seen: "Preview") -> str:
    from angle_bench.training.data.columns import TEXT_COLUMNS

    names = [*TEXT_COLUMNS[seen.format], *(["label"] if seen.format == "A" else [])]
    return f"{seen.format} ({', '.join(names)})"


def _part(named: "tuple[str, RowPart]") -> str:
    name, part = named
    several = f" ({part.texts:,} texts)" if part.texts > part.rows else ""
    return f"{name} {part.rows:,}{several}"


def _batch(seen: "Preview") -> list[str]:
    if seen.batch is None:
        return ["first batch: shown once the model is here"]
    lines = ["first batch:"]
    for row in seen.batch:
        label = "" if row.label is None else f", label {row.label:g}"
        lines.append(f"  row {row.row}{label}")
        lines += [f"    {text.tokens:4} tokens  {text.text}" for text in row.texts]
    return lines


def _trains(seen: "Preview") -> list[str]:
    if seen.trains is None:
        return ["trains: known once the model is here"]
    lines = [f"trains: {seen.trainable:,} parameters"]
    for part in seen.trains:
        times = f"{part.modules} x " if part.modules > 1 else ""
        lines.append(f"  {part.name}: {times}{part.parameters:,}")
    return lines


def _steps(recipe: "Recipe", seen: "Preview") -> str:
    used = recipe.train
    tokens = "" if seen.tokens is None else f", about {seen.tokens:,} tokens a batch with padding"
    return (
        f"steps: {seen.steps:,} of {used.batch_size} x {used.accumulation} rows on one device"
        f"{tokens}"
    )


def _cost(seen: "Preview") -> list[str]:
    from angle_bench.api.calling.progress_bars import duration

    if seen.memory is None or seen.seconds is None:
        return ["memory and time: known once the model is here"]
    parts = ", ".join(f"{name} {_size(size)}" for name, size in asdict(seen.memory).items() if size)
    least = "about" if seen.device == "cpu" else "at least"
    taught = f", {duration(seen.teaching)} of it the teachers'" if seen.teaching else ""
    # what is stored of them is not computed, but nobody looks for that here
    at_most = " where nothing of them is stored" if seen.teaching else ""
    return [
        f"memory: about {_size(seen.memory.total)} ({parts})",
        f"time: {least} {duration(seen.seconds)} on this machine ({seen.device}){taught}{at_most}",
        f"  without {', '.join(['evaluation', *seen.left_out])}",
    ]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
