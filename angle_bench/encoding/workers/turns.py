"""Which run of the same workers answers belong to: beginning another one ends the one before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """The runs of workers, of which one at a time has them."""

    def __init__(self) -> None:
        self._now: object = None

    @contextmanager
    def begun(self, forget: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """A run, as long as the block; what is given is called whenever it has been waited for.

        A former run may hang in a traceback that somebody keeps: its end must not touch this one.

        Args:
            forget: Lets the workers forget what they were asked, at both ends.

        Raises:
            RuntimeError: From the call, where another run has begun meanwhile.
        """
        forget()
        turn = self._now = object()

        def check() -> None:
            if self._now is not turn:
                raise RuntimeError("another run of the same workers has begun")

        try:
            yield check
        finally:
            if self._now is turn:
                forget()

    def end(self) -> None:
        """No run has the workers any more."""
        self._now = None
