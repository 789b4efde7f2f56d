"""`angle-bench cite`: how scores were measured, with the BibTeX of what is to be cited."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import OutputOptions, grouped
from angle_bench.cli.output.values import print_json
from angle_bench.errors import UsageError, printable

EPILOG = """
Examples:

angle-bench cite -m all-MiniLM-L6-v2 -m my-finetune -t STS

angle-bench cite -m base -m ft=ft-1,ft-2,ft-3 -t 'MTEB(eng, v2)' -o measured.bib

angle-bench cite -m base -t STS --format markdown
"""


@grouped
def cite(
    model: Annotated[
        list[str],
        typer.Option(
            "-m",
            "--model",
            metavar="[LABEL=]NAME-OR-PATH[@REVISION][,...]",
            help="A model with scores; repeat it. LABEL=A,B,C: seeds of a recipe.",
            autocompletion=complete.scored,
            show_default=False,
        ),
    ] = [],  # noqa: B006  typer copies it
    tasks: shared.Tasks = ["STS"],  # noqa: B006
    results: shared.Results = Path("results"),
    model_name: shared.ModelName = [],  # noqa: B006
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.bib", help="The BibTeX goes there."),
    ] = None,
    format: Annotated[
        Literal["latex", "markdown"],
        typer.Option(
            "--format", metavar="NAME", help="latex cites by \\citep, markdown as pandoc does."
        ),
    ] = "latex",
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """Say how stored scores were measured: a paragraph to paste, and BibTeX of what it cites."""
    if output is not None:
        _may_write(output)

    from angle_bench.api.publishing.citing import cite as cited

    found = cited(*model, tasks=tasks, results=results, model_names=model_name)
    if output is not None:
        _write(output, f"{MADE_BY}\n\n{found.bibtex}\n")
    if said.as_json:
        print_json(found.to_dict())
    else:
        typer.echo(found.to_text(format) if output is None else found.paragraph(format))
    if output is not None and not said.quiet:
        typer.echo(f"wrote {output}, {len(found.keys)} entries", err=True)
    for warning in () if said.quiet else found.warnings:
        typer.echo(f"warning: {printable(warning)}", err=True)
    for error in found.errors:
        typer.echo(f"error: {error}", err=True)
    return 1 if found.errors else 0


MADE_BY = "% Made by angle-bench cite"  # BibTeX passes over what is no entry


def _may_write(output: Path) -> None:
    """Refuse places that are no files, and bibliographies that somebody wrote."""
    from angle_bench.files.output_file import refuse_foreign_output

    if output.suffix != ".bib":
        raise UsageError(f"{output} does not end in .bib.", "-o measured.bib")
    refuse_foreign_output(output, lambda data: data.startswith(MADE_BY.encode()), "cite")


def _write(output: Path, text: str) -> None:
    from angle_bench.files.atomic import text_file, write_together

    write_together([text_file(output, text)], fix="-o FILE in a folder that can be written")
