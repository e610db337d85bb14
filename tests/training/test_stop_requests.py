import os
import signal
import threading

import pytest

from kerasgan.training.stop_requests import StopRequests


@pytest.mark.parametrize(
    ("number", "error", "code"),
    [(signal.SIGTERM, SystemExit, 143), (signal.SIGINT, KeyboardInterrupt, None)],
)
def test_first_signal_is_deferred(number, error, code):
    requests = StopRequests()
    with requests.listening():
        os.kill(os.getpid(), number)
        assert requests.signal == number
        with pytest.raises(error) as raised:
            requests.raise_if_requested()
    assert getattr(raised.value, "code", None) == code


def test_second_ctrl_c_raises_immediately():
    requests = StopRequests()
    with pytest.raises(KeyboardInterrupt), requests.listening():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_second_sigterm_is_deferred():
    requests = StopRequests()
    with requests.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert requests.signal == signal.SIGTERM


def test_ignored_signal_stays_ignored():
    """For example, background jobs of a shell script ignore Ctrl-C."""
    requests = StopRequests()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with requests.listening():
            os.kill(os.getpid(), signal.SIGINT)
            assert requests.signal is None
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_earlier_request_is_cleared():
    requests = StopRequests()
    with requests.listening():
        os.kill(os.getpid(), signal.SIGTERM)
    with requests.listening():
        assert requests.signal is None


def test_other_threads_install_no_handlers():
    handlers = []

    def record_handler():
        with StopRequests().listening():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=record_handler)
    thread.start()
    thread.join()
    assert handlers == [signal.SIG_DFL]
