import pytest

from imagej_dl.training.schedule import Clock, learning_rate


def test_rises_and_falls():
    rates = [learning_rate(i / 1000, 0.01) for i in range(1001)]
    top = rates.index(max(rates))
    assert top == 100
    assert max(rates) == pytest.approx(0.01)
    assert rates[:101] == sorted(rates[:101])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[0] == pytest.approx(1e-5)
    assert rates[-1] == pytest.approx(1e-5)


def test_beyond_the_end_it_stays():
    assert learning_rate(7, 1.0) == learning_rate(1, 1.0)


def test_without_a_limit_batches_count():
    clock = Clock(200)
    assert clock.fraction(50) == 0.25
    assert not clock.over(199)
    assert clock.over(200)


def test_with_a_limit_what_is_sooner_counts():
    now = [100.0]
    clock = Clock(200, limit=60, before=10, now=lambda: now[0])
    assert clock.fraction(0) == pytest.approx(1 / 6)
    assert clock.fraction(100) == 0.5
    now[0] = 150.0
    assert clock.seconds == 60
    assert clock.over(1)
