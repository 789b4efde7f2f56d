"""`angle-bench doctor`: versions, devices, caches, and what a run would lack."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from angle_bench.api.sizes import show_size
from angle_bench.cli import options as shared
from angle_bench.cli.groups import Said, Where, grouped
from angle_bench.errors import next_step
from angle_bench.version import __version__

if TYPE_CHECKING:
    from angle_bench.evaluation.doctor import Need

EPILOG = """
Examples:

angle-bench doctor

angle-bench doctor -m UAE-Large-V1 -t STS --mirror data/
"""


@grouped
def doctor(
    model: shared.Models = [],  # noqa: B006  typer copies it
    tasks: shared.Tasks = [],  # noqa: B006  typer copies it
    where: Where = Where(),  # noqa: B008  frozen
    said: Said = Said(),  # noqa: B008  frozen
) -> int:
    """Show versions, devices, caches; of models and tasks what is missing and what brings it."""
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.evaluation.data import check_mirror
    from angle_bench.evaluation.doctor import data_needs, machine, model_needs
    from angle_bench.results.suites import select

    suite = select(tasks) if tasks else None
    found = machine()
    access = replace(where.access(), mirror=check_mirror(where.mirror))
    models = model_needs(model, access)
    data = data_needs(suite, access.mirror) if suite is not None else []
    if said.as_json:
        needs = {"models": [vars(n) for n in models], "tasks": [vars(n) for n in data]}
        typer.echo(json.dumps({**found, **needs}, indent=2))
    else:
        typer.echo("\n".join([*_machine(found), *map(_need, [*models, *data])]))
    return 0 if all(need.here for need in [*models, *data]) else 1


def _machine(found: dict[str, Any]) -> list[str]:
    packages = [f"{name} {version}" for name, version in found["packages"].items() if version]
    lines = [f"angle-bench {__version__} · python {found['python']}"]
    lines.append(
        f"packages      {', '.join(p for p in packages if not p.startswith('angle-bench'))}"
    )
    for name, version in found["extras"].items():
        what = version or f"not installed: pip install 'angle-bench[{name}]'"
        lines.append(f"extra {name:<7} {what}")
    memory = found["memory_available"]
    room = "unknown memory" if memory is None else f"{show_size(memory)} of memory free"
    lines.append(f"processor     {found['processor']}, {found['cores']} cores, {room}")
    devices = [f"{device} ({name})" for device, name in found["accelerators"].items()]
    lines.append(f"accelerators  {', '.join(devices) or 'none'}")
    lines.append(f"hub           {found['hub']}")
    lines.append(f"own rows      {', '.join(found['own_files']) or 'none'}")
    for name, cache in found["caches"].items():
        state = "" if cache["there"] else ", not there yet"
        state += "" if cache["writable"] else ", cannot be written"
        lines.append(
            f"{name + ' cache':<17} {cache['folder']}, {show_size(cache['free'])} free{state}"
        )
    return lines


def _need(need: "Need") -> str:
    if need.here:
        return f"✓ {need.name}  {need.where}"
    return f"✗ {need.name}  {need.where}\n  {next_step(need.fix)}"
