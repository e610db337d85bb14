"""Moves that the training steps of adversarial models are made of."""

import tensorflow as tf

from kerasgan import compat, inspection


def call_together(network, *batches, training):
    """Calls a network once on several batches, as if it were called on each.

    Args:
        network: A Keras model.
        *batches: Tensors `(n, height, width, channels)` of one image shape.
        training: Whether the network is trained.

    Returns:
        The list of what it makes of each batch. Where one call would not be the same
        as several, because of batch or spectral normalization, there are several.
    """
    if training and inspection.counts_calls(network):
        return [network(batch, training=training) for batch in batches]
    # What the layers would cast them to, each for itself.
    joined = tf.concat([tf.cast(b, network.compute_dtype) for b in batches], axis=0)
    made = network(joined, training=training)
    return tf.split(made, [tf.shape(batch)[0] for batch in batches])


def discriminate(discriminator, real, fake, training):
    """Returns the answers to real and to generated images, in float32."""
    answers = call_together(discriminator, real, fake, training=training)
    return [tf.cast(answer, "float32") for answer in answers]


def total(losses):
    """Returns the sum of scalars, which are always added in the same order.

    TensorFlow turns chains of additions round where it optimizes graphs, and not in the
    same way each time that a step is traced.
    """
    return tf.reduce_sum(tf.stack(losses))


def report(metric, value, n):
    """Updates a metric, weighed by images as Keras does: a last batch may be smaller.

    Args:
        metric: A `keras.metrics.Mean`.
        value: Scalar tensor, the mean over a batch.
        n: Images in the batch.
    """
    metric.update_state(value, sample_weight=n)


def apply_gradients(optimizer, tape, loss, variables):
    """Moves `variables` down the gradient of `loss` that `tape` recorded.

    Args:
        optimizer: A Keras optimizer. A `LossScaleOptimizer` has the gradient taken of
            its multiple of the loss, so that float16 can hold it.
        tape: A `tf.GradientTape`.
        loss: Scalar tensor.
        variables: List of variables.
    """
    scale = compat.loss_scale(optimizer)
    gradients = tape.gradient(loss, variables, output_gradients=scale)
    gradients = compat.unscaled(optimizer, gradients)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
