"""Whether somebody else could have written a file that is read without being named."""

import grp
import os
import pwd
import stat
from pathlib import Path

from angle_bench.errors import UsageError, shell_word


def refuse_others_file(place: Path) -> None:
    """Refuse a file of another user than this one and root, or one that others may write.

    A link counts as what it leads to, and belongs to whoever made it.

    Raises:
        UsageError: Somebody else could have written it.
    """
    own = (0, os.getuid())
    facts = place.stat()
    owner = next((of.st_uid for of in (place.lstat(), facts) if of.st_uid not in own), None)
    if owner is not None:
        raise UsageError(
            f"{place} belongs to {_user(owner)}, and would be followed without being named.",
            f"an {place.name} of your own in the working folder, if need be an empty one; or sudo "
            f"chown {_user(os.getuid())} {shell_word(place)}, after a look at it",
        )
    shared_group = facts.st_mode & stat.S_IWGRP and not _private_group(facts)
    if facts.st_mode & stat.S_IWOTH or shared_group:
        raise UsageError(
            f"{place} can be written by others, and would be followed without being named.",
            f"chmod go-w {shell_word(place)}",
        )


def _private_group(facts: os.stat_result) -> bool:
    """Whether the file's group is its owner alone, as many systems give every user one."""
    try:
        group = grp.getgrgid(facts.st_gid)
    except KeyError:
        return False
    owner = _user(facts.st_uid)
    return group.gr_name == owner and set(group.gr_mem) <= {owner}


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
