"""The command line as it was typed, for files that say what made them."""

import os
import shlex

from angle_bench.cli import command_line
from angle_bench.errors import shell_word


def typed_command() -> str:
    """What was typed, and the results folder where the environment says it."""
    said = os.environ.get("ANGLE_BENCH_RESULTS")
    prefix = f"ANGLE_BENCH_RESULTS={shell_word(said)} " if said else ""
    return prefix + shlex.join(command_line.command())
