"""What went wrong, why, and what to type next."""

import difflib
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class AngleBenchError(Exception):
    """An error that a user can act on.

    Attributes:
        what: One sentence: what happened, with the likely reason.
        fix: What to type or change next.
        exit_code: The exit status that the command line ends with (CONTRACTS "Exit codes").
        verb: What is done with what the fix says: it is typed, or passed to a function.
    """

    exit_code = 1
    verb = "type"

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    @property
    def fix_python(self) -> str:
        """What to pass or change next, where the call is one of Python."""
        from angle_bench.python_words import in_python

        return in_python(self.fix)

    def __str__(self) -> str:
        fix = self.fix_python if self.verb == "pass" else self.fix
        return f"{self.what}\n  {next_step(fix, self.verb)}"


class UsageError(AngleBenchError):
    """The command or its configuration is invalid."""

    exit_code = 2


class NotRecordedError(UsageError):
    """Nobody says how a checkpoint's vectors are taken."""


class ModelError(AngleBenchError):
    """A checkpoint cannot be found, read or loaded."""


class DataError(AngleBenchError):
    """Task data cannot be found or is not what the task needs."""


class ResultsError(AngleBenchError):
    """The results folder cannot be read or written."""


# what begins so is told in words; everything else can be typed, in a shell or a file
_WORDS = {"a", "an", "another", "data", "labels", "no", "one", "row", "rows", "the", "two", "what"}


def next_step(fix: str, verb: str = "type") -> str:
    """The line below an error: `type: ` before what can be typed, `try: ` before words.

    >>> next_step("-t STS")
    'type: -t STS'
    >>> next_step("the same command with a network")
    'try: the same command with a network'
    """
    return f"{'try' if fix.partition(' ')[0] in _WORDS else verb}: {fix}"


@contextmanager
def fix_said_as(option: str, instead: str) -> Iterator[None]:
    """Errors of what is typed elsewhere than after this option, such as `-m`, say where.

    >>> with fix_said_as("-m ", "angle-bench export "):
    ...     raise UsageError("there is no folder ckpt.", "-m PATH")
    Traceback (most recent call last):
    angle_bench.errors.UsageError: there is no folder ckpt.
      type: angle-bench export PATH
    """
    try:
        yield
    except UsageError as error:
        raise type(error)(error.what, error.fix.replace(option, instead)) from error


def did_you_mean(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names closest to a misspelt one, best first, whatever the case.

    A hub id also matches by the part after its slash, since that is what people remember.
    """
    spellings: dict[str, str] = {}
    for full in known:
        spellings.setdefault(full.casefold(), full)
        spellings.setdefault(full.rpartition("/")[2].casefold(), full)
    wanted = name.casefold()
    longer = sorted((s for s in spellings if len(wanted) > 2 and s.startswith(wanted)), key=len)
    close = [*longer, *difflib.get_close_matches(wanted, spellings, n=2 * count, cutoff=0.6)]
    return list(dict.fromkeys(spellings[match] for match in close))[:count]


def shell_word(word: object) -> str:
    """A name or a path as it is typed into a shell."""
    return shlex.quote(str(word))


def or_list(names: list[str]) -> str:
    """Join names as prose: `a`, `a or b`, `a, b or c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} or {names[-1]}"


def some(names: list[str], most: int = 3) -> str:
    """Name a few and count the rest: `a, b, c and 4 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


MEMORY_FIX = "the same command with -d cpu:1, a smaller --batch-tokens, or more memory"
# as allocators, loaders of libraries and processes say it, beside MemoryError
_NO_MEMORY = (
    "out of memory",
    "allocate memory",
    "bad_alloc",
    "failed to map segment",
    "can't start new thread",
    "memory allocation of",  # Rust's last words
    "without setting an exception",  # CPython's, where an exception itself finds no memory
    "error return without exception set",
)


def no_memory(error: BaseException) -> bool:
    """Whether an exception says that memory is used up, wherever it was wanted."""
    message = str(error).lower()
    return isinstance(error, MemoryError) or any(words in message for words in _NO_MEMORY)


def first_line(error: BaseException, most: int = 200) -> str:
    """The first line of an exception's message, or its name where it has none."""
    message = str(error).strip()
    return message.splitlines()[0][:most] if message else type(error).__name__


def printable(text: str) -> str:
    r"""A text on one line, without what a terminal or a page would take for an order.

    >>> printable("a\x1b[31mb\n")
    'a?[31mb?'
    """
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def shown(text: str) -> str:
    r"""A text of several lines without what a terminal would take for an order.

    >>> shown("a\x1b[31mb\nc")
    'a?[31mb\nc'
    """
    return "\n".join(map(printable, text.split("\n")))
