"""Ctrl-C and SIGTERM, deferred until training can stop without losing work."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

# Exit codes by which shells and schedulers recognize the signal.
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class StopRequests:
    """Records the first Ctrl-C or SIGTERM instead of stopping at once.

    Attributes:
        signal: Number of the signal that arrived, or None.
    """

    signal: int | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Records signals inside the block; a second Ctrl-C interrupts at once.

        Does nothing outside of the main thread, where Python handles no signals.
        """
        self.signal = None
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # Ignored signals stay ignored, as in a background job. A handler that Python
        # did not install cannot be restored.
        handled = [
            number
            for number in EXIT_CODES
            if signal.getsignal(number) not in (signal.SIG_IGN, None)
        ]
        previous = {number: signal.signal(number, self._record) for number in handled}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def raise_if_requested(self) -> None:
        """Raises KeyboardInterrupt or SystemExit if a signal arrived.

        Raises:
            KeyboardInterrupt: After Ctrl-C.
            SystemExit: After SIGTERM, with code 143.
        """
        if self.signal is None:
            return
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(EXIT_CODES[signal.Signals(self.signal)])

    def _record(self, number: int, frame: FrameType | None) -> None:
        again = self.signal == signal.SIGINT
        self.signal = number
        # Schedulers may send SIGTERM more than once.
        if again and number == signal.SIGINT:
            self.raise_if_requested()
