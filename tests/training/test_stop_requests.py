import os
import signal
import threading

import pytest

from kerasgan.training.stop_requests import StopRequests


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [(signal.SIGTERM, SystemExit, 143), (signal.SIGINT, KeyboardInterrupt, None)],
)
def test_the_first_is_noted_and_obeyed_later(number, kind, code):
    requests = StopRequests()
    with requests.listening():
        os.kill(os.getpid(), number)
        assert requests.signal == number
        with pytest.raises(kind) as raised:
            requests.raise_if_requested()
    assert getattr(raised.value, "code", None) == code


def test_a_second_ctrl_c_is_obeyed_at_once():
    requests = StopRequests()
    with pytest.raises(KeyboardInterrupt), requests.listening():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_a_second_sigterm_waits_like_the_first():
    requests = StopRequests()
    with requests.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert requests.signal == signal.SIGTERM


def test_what_is_ignored_stays_ignored():
    """As Ctrl-C is in a script's background."""
    requests = StopRequests()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with requests.listening():
            os.kill(os.getpid(), signal.SIGINT)
            assert requests.signal is None
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_request_of_before_is_forgotten():
    requests = StopRequests()
    with requests.listening():
        os.kill(os.getpid(), signal.SIGTERM)
    with requests.listening():
        assert requests.signal is None


def test_other_threads_hear_nothing_and_raise_nothing():
    heard = []

    def listen():
        with StopRequests().listening():
            heard.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [signal.SIG_DFL]
