"""What a recipe would do, in print: `angle-bench train RECIPE -n`."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from angle_bench.checkpoints.access import Access
    from angle_bench.sweeps.sweep_grid import PlannedTraining, Sweep
    from angle_bench.training.data.rows import RowCounts, RowPart
    from angle_bench.training.loop.estimate import Preview
    from angle_bench.training.recipe.recipe import Recipe


def show_preview(
    sweep: "Sweep", share: "Sequence[PlannedTraining]", access: "Access", device: str, as_json: bool
) -> int:
    """Print what a recipe would do; of a sweep what is trained, and more of its first cell.

    Args:
        sweep: The grid.
        share: What this command would train of it.
        access: Where checkpoints are looked for.
        device: A device string, as `--device` takes it.
        as_json: Whether for scripts.
    """
    from angle_bench.training.loop.estimate import preview

    recipe = share[0].recipe if share else sweep.cells[0].recipe
    access = replace(access, base=recipe.model.base)
    seen = preview(recipe, access, device)
    if as_json:
        grid = {"sweep": _sweep_json(sweep, share)} if sweep.keys else {}
        shown = json.dumps({**grid, **_json(recipe, seen)}, indent=2, ensure_ascii=False)
        typer.echo(shown)
        return 0
    if sweep.keys:
        typer.echo("\n".join(_sweep_lines(sweep, share)) + "\n", err=True)
    _print(recipe, seen)
    return 0


def _sweep_json(sweep: "Sweep", share: "Sequence[PlannedTraining]") -> dict[str, Any]:
    return {
        "settings": list(sweep.keys),
        "cells": [{"name": cell.name, "settings": dict(cell.settings)} for cell in sweep.cells],
        "trained_here": [str(each.folder) for each in share],
    }


def _sweep_lines(sweep: "Sweep", share: "Sequence[PlannedTraining]") -> list[str]:
    lines = [f"sweep: {_counted(len(sweep.cells), 'cell')} of {', '.join(sweep.keys)}"]
    lines += [f"  {cell.name}" for cell in sweep.cells]
    if [each.name for each in share] != [cell.name for cell in sweep.cells]:  # seeds, or a part
        lines.append(f"trained here: {_counted(len(share), 'training')}")
        lines += [f"  {each.folder}" for each in share]
    return [*lines, "the first of them:"]


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _json(recipe: "Recipe", seen: "Preview") -> dict[str, Any]:
    said = asdict(replace(seen, counts=None))
    del said["spec"]
    if seen.counts is not None:
        said["counts"] = [(name, _counts_json(counts)) for name, counts in seen.counts]
    return {
        "recipe": recipe.model_dump(mode="json"),
        "model": {
            "name": seen.spec.name,
            "revision": seen.spec.revision,
            "row_file": None if seen.spec.row_file is None else str(seen.spec.row_file),
        },
        **said,
    }


def _counts_json(counts: "RowCounts") -> dict[str, Any]:
    # dataclasses make keys of a Counter's pairs
    return asdict(replace(counts, dropped=Counter())) | {"dropped": dict(counts.dropped)}


def _print(recipe: "Recipe", seen: "Preview") -> None:
    """The recipe on stdout, so that `> mine.toml` is one; all else on stderr."""
    from angle_bench.training.recipe.to_toml import recipe_toml

    typer.echo(recipe_toml(recipe), nl=False)
    lines = [f"model: {seen.spec.header([])}"]
    if seen.spec.note:
        lines.append(f"  ! {seen.spec.note}")
    lines += [*_data(seen), *_batch(seen), *_trains(seen), *seen.teachers]
    lines += [_steps(recipe, seen), *_cost(seen)]
    typer.echo("\n" + "\n".join(lines), err=True)


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
    from angle_bench.training.data.rows import TEXT_COLUMNS

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
    parts = ", ".join(f"{name} {_size(size)}" for name, size in asdict(seen.memory).items())
    least = "about" if seen.device == "cpu" else "at least"
    besides = "evaluation and teachers" if seen.teachers else "evaluation"
    return [
        f"memory: about {_size(seen.memory.total)} ({parts})",
        f"time: {least} {duration(seen.seconds)} on this machine ({seen.device}), "
        f"without {besides}",
    ]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
