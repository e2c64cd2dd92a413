import signal

import pytest

from imagej_dl.errors import Cancelled
from imagej_dl.training.distributed.stopping import AgreedStopRequests, interruptible

BOTH = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def heeded():
    """Have both signals handled by Python, as the command line does."""
    before = {number: signal.getsignal(number) for number in BOTH}
    for number in BOTH:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_is_kept_until_all_agree(heeded, number):
    requests = AgreedStopRequests(True, lambda numbers: numbers)
    with requests.listening():
        assert requests.agree(0.25) == 0.25
        signal.getsignal(number)(number, None)  # not raised: other handlers of the process hear it
        # The next one would end the process.
        assert signal.getsignal(number) == signal.SIG_DFL
        with pytest.raises(Cancelled):
            requests.agree(0.5)
    assert all(signal.getsignal(each) is signal.default_int_handler for each in BOTH)


def test_what_is_not_pythons_is_left(heeded):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nohup
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a program that does not heed it
    with AgreedStopRequests(False, lambda numbers: numbers).listening():
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with interruptible():
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_waiting_can_be_ended(heeded):
    with interruptible():
        assert {signal.getsignal(number) for number in BOTH} == {signal.SIG_DFL}
    assert all(signal.getsignal(number) is signal.default_int_handler for number in BOTH)
