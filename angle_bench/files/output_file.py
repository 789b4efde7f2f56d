"""A file that a user names after -o: refused before anything is computed, written whole."""

import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from angle_bench.errors import UsageError, or_list, shell_word
from angle_bench.files.atomic import FileToWrite, write_together


def refuse_output(
    output: Path, suffixes: Iterable[str], name: str, overwrite: bool, option: str = "-o"
) -> None:
    """Refuse a file of rows that cannot be, before anything is computed.

    Args:
        output: What was typed.
        suffixes: What it may end in.
        name: Of such a file, for what to type instead.
        overwrite: Whether it may be there already.
        option: What it was typed after.

    Raises:
        UsageError: With what to type.
    """
    suffixes = [*suffixes]
    if output.suffix not in suffixes:
        raise UsageError(
            f"{output} ends in none of {or_list(suffixes)}.", f"{option} {shell_word(name)}"
        )
    if output.is_dir():
        raise UsageError(f"{output} is a folder.", f"{option} {shell_word(output / name)}")
    refuse_odd_place(output)
    if output.exists() and not overwrite:
        raise UsageError(
            f"{output} is there already.", f"--overwrite, or another file after {option}"
        )


def refuse_odd_place(place: Path) -> None:
    """Refuse to write where something is that is no file: a device, a pipe, a link to itself.

    Raises:
        UsageError: The place is a device, a pipe, or a link to itself.
    """
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(
            f"{place} cannot be written: {error.strerror}.", "another file after -o"
        ) from error
    if not stat.S_ISREG(mode):
        raise UsageError(f"{place} is no regular file.", "another file after -o")


def refuse_foreign_output(output: Path, is_ours: Callable[[bytes], bool], verb: str) -> None:
    """Refuse to write over a file that the same verb did not make.

    Raises:
        UsageError: It is no regular file, or not ours.
    """
    refuse_odd_place(output)
    if output.exists() and not is_ours(output.read_bytes()):
        raise UsageError(
            f"{output} is there, and angle-bench {verb} did not make it; nothing is overwritten.",
            "-o FILE of another name, or remove that file",
        )


def write_output(file: FileToWrite) -> None:
    """Write it whole or not at all.

    Raises:
        ResultsError: The disk is full or the folder cannot be written.
    """
    write_together([file], fix="-o FILE in a folder that can be written and has space")
