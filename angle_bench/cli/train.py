"""`angle-bench train`: what a recipe would do."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli import options as shared
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.training.preview import Preview
    from angle_bench.training.recipe import Recipe

EPILOG = """
Examples:

angle-bench train sts-b -n

angle-bench train my-recipe.toml --set lora.r=16 --set train.epochs=2 -n
"""


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A TOML file, or the name of a ready recipe.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "-n", "--dry-run", help="Show recipe, data, first batch, steps, memory and time."
        ),
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Any setting; repeatable.", show_default=False
        ),
    ] = None,
    device: shared.Device = "auto",
    mirror: shared.Mirror = None,
    trust_remote_code: shared.TrustRemoteCode = False,
    allow_pickle: shared.AllowPickle = False,
    offline: shared.Offline = False,
    as_json: shared.Json = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    debug: shared.Debug = False,
) -> int:
    """Fine-tune with the AnglE objectives: -n shows what a recipe would do."""
    if not dry_run:
        raise UsageError(
            "train shows what a recipe would do, with -n.", f"angle-bench train {recipe} -n"
        )
    shared.refuse(device, None, None, None)
    shared.prepare_environment(offline, quiet, verbose)

    from angle_bench.training.recipe import read_recipe

    found = read_recipe(recipe, changes or [])

    from angle_bench.evaluation.data import check_mirror
    from angle_bench.training.preview import preview

    access = shared.access(found.model.base, check_mirror(mirror), trust_remote_code, allow_pickle)
    seen = preview(found, access, device)
    if as_json:
        typer.echo(json.dumps(_json(found, seen), indent=2, ensure_ascii=False))
    else:
        _print(found, seen)
    return 0


def _json(recipe: "Recipe", seen: "Preview") -> dict[str, Any]:
    said = asdict(seen) | {"spec": None}
    del said["spec"]
    return {
        "recipe": recipe.model_dump(mode="json"),
        "model": {"name": seen.spec.name, "revision": seen.spec.revision},
        **said,
    }


def _print(recipe: "Recipe", seen: "Preview") -> None:
    from angle_bench.training.recipe import recipe_toml

    typer.echo(recipe_toml(recipe))
    typer.echo(f"model: {seen.spec.header([])}")
    for line in [*_data(seen), *_batch(seen), _steps(recipe, seen), *_cost(seen)]:
        typer.echo(line)


def _data(seen: "Preview") -> list[str]:
    if seen.counts is None:
        return [f"data: format {seen.format}, streamed"]
    lines = [f"data: format {seen.format}, {seen.rows:,} rows"]
    for name, counts in seen.counts:
        dropped = ", ".join(f"{count:,} {why}" for why, count in counts.dropped.items())
        lines.append(
            f"  {name}: {counts.read:,} read, {counts.kept:,} kept"
            + (f"; dropped: {dropped}" if dropped else "")
        )
    if seen.positives is not None:
        lines.append(f"  {seen.positives:,} pairs of label 1, which ibn takes as positives")
    return lines


def _batch(seen: "Preview") -> list[str]:
    if seen.batch is None:
        return ["first batch: shown once the model is here"]
    lines = ["first batch:"]
    for row in seen.batch:
        label = "" if row.label is None else f", label {row.label:g}"
        lines.append(f"  row {row.row}{label}")
        lines += [f"    {text.tokens:4} tokens  {text.text}" for text in row.texts]
    return lines


def _steps(recipe: "Recipe", seen: "Preview") -> str:
    used = recipe.train
    tokens = "" if seen.tokens is None else f", about {seen.tokens:,} tokens a batch with padding"
    return (
        f"steps: {seen.steps:,} of {used.batch_size} x {used.accumulation} rows on one device"
        f"{tokens}"
    )


def _cost(seen: "Preview") -> list[str]:
    from angle_bench.cli.progress import duration

    if seen.memory is None or seen.seconds is None:
        return ["memory and time: known once the model is here"]
    parts = ", ".join(f"{name} {_size(size)}" for name, size in asdict(seen.memory).items())
    least = "about" if seen.device == "cpu" else "at least"
    return [
        f"memory: about {_size(seen.memory.total)} ({parts}); {seen.trainable:,} parameters train",
        f"time: {least} {duration(seen.seconds)} on this machine ({seen.device}), "
        "without evaluation",
    ]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
