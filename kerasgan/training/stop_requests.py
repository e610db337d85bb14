"""Ctrl-C and SIGTERM, kept until training is at a place where it can stop."""

import contextlib
import signal
import threading

# What schedulers and shells take for "ended because of this signal".
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class StopRequests:
    """Notes the first Ctrl-C or SIGTERM instead of obeying it at once.

    Attributes:
        signal: The number of the signal that came, None if none did.
    """

    signal = None

    @contextlib.contextmanager
    def listening(self):
        """Notes signals inside the block; a second Ctrl-C is obeyed at once.

        Outside of the main thread, where Python handles no signals, it does nothing.
        """
        self.signal = None
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # What is ignored, as in a script's background, stays so; nor can a handler that
        # Python did not install be put back.
        noted = [
            number
            for number in EXIT_CODES
            if signal.getsignal(number) not in (signal.SIG_IGN, None)
        ]
        previous = {number: signal.signal(number, self._note) for number in noted}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def obey(self):
        """Raises what the signal stands for.

        Raises:
            KeyboardInterrupt: After Ctrl-C.
            SystemExit: After SIGTERM, with code 143.
        """
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(EXIT_CODES[self.signal])

    def _note(self, number, frame):
        again = self.signal == signal.SIGINT
        self.signal = number
        # Schedulers may send SIGTERM more than once.
        if again and number == signal.SIGINT:
            self.obey()
