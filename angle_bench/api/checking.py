"""Do rows agree with their checkpoints' files, and what comes of a folder, key by key."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.arguments import access_of
from angle_bench.api.calling.words import Names, Places, listed, public, warn
from angle_bench.api.listing import entry_of
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.errors import AngleBenchError, UsageError, shell_word

if TYPE_CHECKING:
    from angle_bench.checkpoints.folder.findings import Finding

DISAGREES = 3


@dataclass(frozen=True, repr=False)
class Checked(Value):
    """What came of a check: of rows, or of folders.

    Attributes:
        differences: Of each row, what it says otherwise than the files, a line each.
        failures: Why others could not be checked.
        findings: Of each folder, what comes of every file and key that may change a vector.
    """

    differences: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failures: Mapping[str, AngleBenchError] = field(default_factory=dict)
    findings: "Mapping[str, Sequence[Finding]]" = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether no row differs from its files, and no folder is refused."""
        refused = [one for all_ in self.findings.values() for one in all_ if _is_refused(one)]
        return not refused and not any(self.differences.values())

    @property
    def exit_code(self) -> int:
        """What the command ends with: 3 where something does not agree."""
        if not self.agrees:
            return DISAGREES
        return 1 if self.failures else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench models check --json`."""
        if self.findings:
            return {
                name: [{**asdict(one), "value": _plain(one.value)} for one in all_]
                for name, all_ in self.findings.items()
            }
        errors = {name: why.what for name, why in self.failures.items()}
        found = {name: list(lines) for name, lines in self.differences.items()}
        return {"differences": found, "errors": errors}

    def to_text(self) -> str:
        """A table for each folder; of rows what differs."""
        lines = [line for name, all_ in self.findings.items() for line in _table(name, all_)]
        for name, found in self.differences.items():
            lines.append(f"{name}  {'differs' if found else 'agrees with its files'}")
            lines += [f"  {line}" for line in found]
        return "\n".join(lines)


@public
def check_models(
    names: "Names | Places",
    *,
    mirror: Places | None = None,
    base: Places | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
) -> Checked:
    """Do rows agree with their checkpoints' files? Of a folder: what is honoured, key by key.

    Args:
        names: Names that `models` has, or checkpoint folders; one or several.
        mirror: A folder with models under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        trust_remote_code: Whether Python files that come with a checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.

    Returns:
        What came of it; what could not be checked is in `failures`, and warned of.

    Raises:
        UsageError: There is no such row, or rows stand beside folders.

    Examples:
        >>> check_models("all-MiniLM-L6-v2")
        all-MiniLM-L6-v2  agrees with its files
    """
    access = access_of(mirror, base, trust_remote_code, allow_pickle)
    found = checked(listed(names), access)
    warn(f"{name}: {why.what}" for name, why in found.failures.items())
    return found


def checked(names: Sequence[str], access: LoadOptions) -> Checked:
    """As `check_models`, with all that the command line can ask."""
    from angle_bench.checkpoints.folder.folder_check import check_folder

    if folders := [name for name in names if _is_folder(name)]:
        _refuse_both(names, folders)
        places = {name: Path(name).expanduser() for name in folders}
        return Checked(findings={name: check_folder(at, access) for name, at in places.items()})
    return _rows(names, access)


def _rows(names: Sequence[str], access: LoadOptions) -> Checked:
    from angle_bench.checkpoints import hub
    from angle_bench.checkpoints.registry.row_check import differences
    from angle_bench.checkpoints.resolve import resolve

    found: dict[str, list[str]] = {}
    failed: dict[str, AngleBenchError] = {}
    for name in names:
        entry = entry_of(name)
        try:
            if entry.endpoint is not None:
                raise UsageError(
                    f"{name} is computed by a server, so there are no files to check.",
                    f"angle-bench doctor -m {shell_word(name)}",
                )
            spec = resolve(name, None, access)
            folder = spec.folder or hub.fetch(spec.name, spec.revision)
            found[name] = differences(entry, folder, access)
        except AngleBenchError as error:
            failed[name] = error
    return Checked(found, failed)


def _is_folder(name: str) -> bool:
    from angle_bench.checkpoints.registry.registry import find

    return Path(name).expanduser().is_dir() and find(name) is None


def _refuse_both(names: Sequence[str], folders: Sequence[str]) -> None:
    others = [name for name in names if name not in folders]
    if others:
        raise UsageError(
            f"{folders[0]} is a folder and {others[0]} is none.",
            f"angle-bench models check {shlex.join(folders)}",
        )


def _is_refused(found: "Finding") -> bool:
    return found.verdict == "refused"


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _table(name: str, found: "Sequence[Finding]") -> list[str]:
    from tabulate import tabulate

    rows = [[one.file, one.key, _cell(one.value), one.verdict, one.why] for one in found]
    heads = ["file", "key", "value", "verdict", "by or why"]
    counts = Counter(one.verdict for one in found)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    whole = ": sentence-transformers computes the whole folder"
    table = tabulate(rows, heads, tablefmt="simple", disable_numparse=True)
    return [name, table, f"{said}{whole if counts['handed over'] else ''}"]


def _cell(value: Any) -> str:
    text = "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:39]}…"
