"""What is here: versions, devices, caches, and what a run would lack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.arguments import access_of
from angle_bench.api.calling.sizes import show_size
from angle_bench.api.calling.words import Names, Places, listed, public
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.errors import next_step, some
from angle_bench.version import __version__

if TYPE_CHECKING:
    from angle_bench.evaluation.doctor import Need


@dataclass(frozen=True, repr=False)
class Diagnosis(Value):
    """What is on this machine.

    Attributes:
        machine: Versions, devices, memory and caches.
        models: Whether each model, with its base, is here.
        tasks: Whether the data of each task is here.
    """

    machine: Mapping[str, Any]
    models: "Sequence[Need]"
    tasks: "Sequence[Need]"

    @property
    def missing(self) -> list[str]:
        """The models and tasks that are not here."""
        return [need.name for need in (*self.models, *self.tasks) if not need.here]

    @property
    def exit_code(self) -> int:
        """What the command ends with: 1 where something is missing."""
        return 1 if self.missing else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench doctor --json`."""
        needs = {"models": self.models, "tasks": self.tasks}
        plain = {name: [vars(need) for need in found] for name, found in needs.items()}
        return {**self.machine, **plain}

    def to_text(self) -> str:
        """What the command prints."""
        return "\n".join([*_machine(self.machine), *map(_need, (*self.models, *self.tasks))])


@public
def doctor(
    models: Names = (),
    tasks: Names = (),
    *,
    mirror: Places | None = None,
    base: Places | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
) -> Diagnosis:
    """Versions, devices, caches; of models and tasks what is missing and what brings it.

    Args:
        models: What would stand after `-m`, one or several.
        tasks: What would stand after `-t`.
        mirror: A folder with models and data under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        trust_remote_code: Whether Python files that come with a checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.

    Raises:
        UsageError: There is no such task, or no such mirror.

    Examples:
        >>> doctor("all-MiniLM-L6-v2", "demo").missing
        []
    """
    access = access_of(mirror, base, trust_remote_code, allow_pickle)
    return diagnosed(listed(models), listed(tasks), access)


def diagnosed(models: Sequence[str], tasks: Sequence[str], access: LoadOptions) -> Diagnosis:
    """As `doctor`, with all that the command line can ask."""
    from angle_bench.evaluation.doctor import data_needs, machine, model_needs
    from angle_bench.evaluation.task_data import check_mirror
    from angle_bench.suites.select import select

    suite = select(tasks) if tasks else None
    found = machine()
    access = replace(access, mirror=check_mirror(access.mirror))
    data = data_needs(suite, access.mirror) if suite is not None else []
    return Diagnosis(found, model_needs(models, access), data)


def _machine(found: Mapping[str, Any]) -> list[str]:
    packages = [f"{name} {version}" for name, version in found["packages"].items() if version]
    lines = [f"angle-bench {__version__} · python {found['python']}"]
    lines.append(
        f"packages      {', '.join(p for p in packages if not p.startswith('angle-bench'))}"
    )
    lines += [_extra(name, packages) for name, packages in found["extras"].items()]
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


def _extra(name: str, packages: Mapping[str, str | None]) -> str:
    """What is here of an extra, or what brings it."""
    lacking = [package for package, version in packages.items() if version is None]
    if lacking:
        what = f"lacks {some(lacking)}: pip install 'angle-bench[{name}]'"
    else:
        what = ", ".join(f"{package} {version}" for package, version in packages.items())
    return f"extra {name:<7} {what}"


def _need(need: "Need") -> str:
    if need.here:
        return f"✓ {need.name}  {need.where}"
    return f"✗ {need.name}  {need.where}\n  {next_step(need.fix)}"
