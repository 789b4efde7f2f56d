"""`angle-bench doctor`: versions, devices, caches, and what a run would lack."""

from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import VerbosityOptions, Where, grouped
from angle_bench.cli.output.values import print_value

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
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Show versions, devices, caches; of models and tasks what is missing and what brings it."""
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.api.diagnosis import diagnosed

    found = diagnosed(model, tasks, where.access())
    print_value(found, said.as_json)
    return found.exit_code
