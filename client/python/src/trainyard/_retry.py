"""How long to wait for a server that is away."""

from __future__ import annotations

import time
from typing import Callable

from trainyard.errors import TrainyardError, Unavailable

_FIRST_DELAY = 0.25  # seconds
_LONGEST_DELAY = 4.0


class Retry:
    """Patience with UNAVAILABLE. Knows no sleep: whoever asks for the delay does it."""

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self.worked()

    def worked(self) -> None:
        """The server answered: the patience, and the delays, start anew."""
        self._since = self._clock()
        self._delay = _FIRST_DELAY

    def delay_after(self, error: TrainyardError) -> float:
        """Seconds to wait before the next try. Raises `error` where there is none: it is
        another than UNAVAILABLE, or the patience is over."""
        if not isinstance(error, Unavailable):
            raise error
        delay = self._delay
        if self._clock() + delay - self._since > self._patience:
            raise error
        self._delay = min(2 * delay, _LONGEST_DELAY)
        return delay
