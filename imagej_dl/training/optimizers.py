"""The optimizers of a training, by their names in Keras.

Importing this loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imagej_dl.models import backend
from imagej_dl.training.settings import Settings

keras = backend.keras()


class Adam(keras.optimizers.Adam):  # type: ignore[name-defined]
    """Adam (Kingma and Ba, ICLR 2015) whose step is one operation of TensorFlow per variable.

    Keras builds the step of a dozen operations for each variable, which takes half of the time
    until the first batch is trained. Variables and formula are the same, so checkpoints are too.
    It is for one device: several devices keep a value each, which the operation does not find.
    """

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Change the variables by their gradients."""
        tf = backend.tensorflow()
        step = tf.cast(self.iterations.value + 1, tf.float32)
        self._powers = {
            "beta1_power": tf.pow(tf.constant(self.beta_1, tf.float32), step),
            "beta2_power": tf.pow(tf.constant(self.beta_2, tf.float32), step),
        }
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable, float32, by its gradient."""
        tf, i = backend.tensorflow(), self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[i].value.handle,
            v=self._velocities[i].value.handle,
            lr=tf.convert_to_tensor(learning_rate),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
            **self._powers,
        )


def optimizer_of(settings: Settings, devices: int) -> Any:
    """Return the optimizer of a training, not built.

    Parameters
    ----------
    devices : how many share a batch.
    """
    named = {"Adam": Adam} if devices == 1 else {}
    kind = named.get(settings.optimizer) or getattr(keras.optimizers, settings.optimizer)
    return kind(settings.learning_rate)
