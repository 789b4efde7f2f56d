"""`angle-bench export`: other forms of a checkpoint."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from angle_bench.cli import complete
from angle_bench.cli import options as shared
from angle_bench.cli.groups import Recorded, Said, Where, grouped
from angle_bench.errors import UsageError, did_you_mean, fix_said_as, or_list

EPILOG = """
Examples:

angle-bench export ckpts/run1 --to sentence-transformers -o for-st

angle-bench export ckpts/llama-nli --to merged --push-to-hub ORG/NAME
"""

_FORMS = ("sentence-transformers", "merged", "adapter")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@grouped
def export(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A checkpoint: a folder or a name.",
            autocompletion=complete.models,
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORM",
            help="sentence-transformers, merged or adapter.",
            autocompletion=complete.choices("sentence-transformers", "merged", "adapter"),
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="The new folder; default PATH-FORM."),
    ] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option("--push-to-hub", metavar="ORG/NAME", help="Upload it; a new one is private."),
    ] = None,
    where: Where = Where(),  # noqa: B008  frozen
    recorded: Recorded = Recorded(),  # noqa: B008  frozen
    said: Said = Said(),  # noqa: B008  frozen
) -> int:
    """Write a checkpoint in another form; its vectors stay the same."""
    form = _form(to)
    if push_to_hub is not None and not _HUB_ID.fullmatch(push_to_hub):
        raise UsageError(f"{push_to_hub} is no name on the hub.", "--push-to-hub ORG/NAME")
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.checkpoints.resolve import resolve

    changes = recorded.overrides()
    access = where.access()
    with fix_said_as("-m ", "angle-bench export "):
        spec = resolve(path, changes, access)
    if spec.note:
        typer.echo(f"  ! {spec.note}", err=True)

    from angle_bench.training.export import FORMS, push
    from angle_bench.training.export import export as write

    place = output or _beside(path, spec.label, form)
    written = write(spec, FORMS[_FORMS.index(form)], place)
    address = None if push_to_hub is None else push(written, push_to_hub)
    if said.as_json:
        done = {"output": str(written), "to": form, "model": spec.name, "pushed": address}
        typer.echo(json.dumps({**done, "revision": spec.revision}, indent=2))
    if not said.quiet:
        typer.echo(f"saved {written}" + (f"  pushed {address}" if address else ""), err=True)
    return 0


def _form(typed: str) -> str:
    if typed in _FORMS:
        return typed
    near = did_you_mean(typed, _FORMS)
    hint = f" Did you mean {or_list(near)}?" if near else ""
    raise UsageError(f"there is no form {typed}.{hint}", f"--to {or_list(list(_FORMS))}")


def _beside(path: str, label: str, form: str) -> Path:
    """Beside a folder; of a name, in this one."""
    folder = Path(path).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        return folder.with_name(f"{folder.name}-{form}")
    return Path(f"{label}-{form}")
