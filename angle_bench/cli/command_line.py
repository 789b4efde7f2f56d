"""What was typed, for all who repeat it: the one place that reads `sys.argv`."""

import sys


def typed() -> list[str]:
    """The words after `angle-bench`."""
    return sys.argv[1:]


def command() -> list[str]:
    """The whole command, as it can be pasted."""
    return ["angle-bench", *typed()]
