"""The Keras model that is fitted: a network with our loss and loss scale.

Training is `keras.Model.fit` with the callbacks of :mod:`imagej_dl.training.callbacks`. Only what
`fit` does with a batch is replaced (`make_train_function`), for two reasons, both seen with Keras
3.15. On several machines its own fails: it does not accept the batches of
MultiWorkerMirroredStrategy (keras-team/keras issue 20585). And its LossScaleOptimizer deals with
overflows device by device (see :class:`imagej_dl.training.precision.LossScale`). Weights after 200
batches were bit for bit those of a loop of one's own.

Importing this loads TensorFlow.
"""

from __future__ import annotations

from typing import Any

from imagej_dl.models import backend
from imagej_dl.models.frame_windows import output_of
from imagej_dl.training import objective
from imagej_dl.training.devices import SingleDevice
from imagej_dl.training.optimizers import optimizer_of
from imagej_dl.training.precision import LossScale
from imagej_dl.training.settings import Settings

keras = backend.keras()


class Trainer(keras.Model):  # type: ignore[name-defined]
    """Fit a network to patches.

    Parameters
    ----------
    network : whose weights are trained; it is what is saved, not the trainer.
    settings : loss, optimizer and precision.
    devices : what computes.
    """

    def __init__(self, network: Any, settings: Settings, devices: SingleDevice) -> None:
        super().__init__()
        self.network = network
        self.loss_scale = LossScale(settings.precision)
        self._devices = devices
        self._objective = objective.of(settings, devices.total)
        with devices.scope():
            optimizer = optimizer_of(settings, devices.count)
            # Built now, so that a checkpoint can fill its variables.
            optimizer.build(network.trainable_variables)
            # Among the optimizer's variables, they are part of a checkpoint.
            self._averages = [
                optimizer.add_variable_from_reference(weight, name="average")
                for weight in (network.trainable_variables if settings.averaging else ())
            ]
        self._averaging = settings.averaging
        self.built = True
        self.compile(optimizer, auto_scale_loss=False, jit_compile=False)
        self._compiled_step = devices.compile(self.train_step)
        self._compiled_average = backend.tensorflow().function(self._average)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return the network's output for images (N, Y, X, T·C)."""
        return output_of(self.network, images, training)

    def train_step(self, scale: Any, images: Any, targets: Any, weights: Any) -> Any:
        """Train on one device's share of a batch; TensorFlow compiles it.

        Parameters
        ----------
        scale : by which the loss is multiplied.
        images, targets, weights : see :func:`imagej_dl.training.patches.stream`.

        Returns
        -------
        a tensor of the loss, and 1 where a gradient overflowed, else 0.
        """
        tf, variables = backend.tensorflow(), self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss = self._objective(targets, self.call(images, training=True), weights)
            scaled = loss * scale
        gradients = tape.gradient(scaled, variables)
        overflowed = tf.constant(0.0)
        if self.loss_scale.enabled:
            gradients = [gradient / scale for gradient in gradients]
            finite = [tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients]
            # An overflow on one device counts for all.
            (overflowed,) = self._devices.total(1 - tf.cast(tf.reduce_all(finite), tf.float32))
            gradients = [tf.where(overflowed > 0, tf.zeros_like(g), g) for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return tf.stack([loss, overflowed])

    def exchange_averages(self) -> None:
        """Exchange the weights and their moving averages, if these are kept.

        The optimizer has the averages among its variables: a checkpoint holds both.
        """
        weights = self.network.trainable_variables if self._averages else ()
        for weight, average in zip(weights, self._averages, strict=True):
            value = weight.numpy()
            weight.assign(average)
            average.assign(value)

    def _average(self) -> None:
        """Move the averages towards the weights; over few batches while there are only few."""
        tf = backend.tensorflow()
        before = tf.cast(self.optimizer.iterations, tf.float32) - 1
        kept = tf.minimum(before / (before + 10), self._averaging)
        for weight, average in zip(self.network.trainable_variables, self._averages, strict=True):
            average.assign(average * kept + weight * (1 - kept))

    def train_batch(self, batch: tuple[Any, Any, Any]) -> float:
        """Train on one batch (images, targets, weights); return its loss."""
        scale = backend.tensorflow().constant(self.loss_scale.factor, "float32")
        loss, overflowed = self._compiled_step(scale, batch).numpy()
        if self._averages:
            self._compiled_average()
        self.loss_scale.update(bool(overflowed))
        return float(loss)

    def make_train_function(self, force: bool = False) -> None:
        """Let `fit` train by :meth:`train_batch`, which divides the batch among the devices."""
        self.train_function = lambda batches: {"loss": self.train_batch(next(batches))}
