import numpy as np
import pytest

from imagej_dl.training.schedule import Clock, learning_rate, plateau


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


def test_plateau_halves_after_so_many_epochs_without_a_lower_loss():
    falling = [1.0, 0.8, 0.6]
    assert plateau([], 0.1, 2) == 0.1
    assert plateau(falling, 0.1, 2) == 0.1
    assert plateau([*falling, 0.7], 0.1, 2) == 0.1
    assert plateau([*falling, 0.7, 0.7], 0.1, 2) == 0.05
    # Lower by less than 1e-4 is not lower.
    assert plateau([*falling, 0.7, 0.59995], 0.1, 2) == 0.05
    assert plateau([*falling, *[0.7] * 5], 0.1, 2) == 0.025
    assert plateau([*falling, 0.7, 0.5, 0.7], 0.1, 2) == 0.1


@pytest.mark.tf
@pytest.mark.parametrize("patience", [1, 3])
def test_plateau_is_that_of_keras(patience):
    from imagej_dl.models import backend

    keras = backend.keras()
    losses = np.random.default_rng(patience).choice([0.5, 0.4, 0.39995, 0.3, 0.2], 40)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1))
    callback = keras.callbacks.ReduceLROnPlateau(
        factor=0.5, patience=patience, min_delta=1e-4, cooldown=1
    )
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        ours = plateau(losses[: epoch + 1].tolist(), 0.1, patience)
        assert ours == pytest.approx(float(model.optimizer.learning_rate), rel=1e-5)
