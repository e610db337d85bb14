"""How `fit` goes through its data: one stream of batches over all epochs.

Keras asks a dataset for a new iterator now and then, and what a shuffled dataset
gives depends on how many were asked for. A stream that is opened once gives the same
batches however Keras cuts it into epochs, and can be entered anywhere.
"""

import contextlib
import functools
import hashlib

import keras
import numpy as np
import tensorflow as tf


def fit(
    model,
    keras_fit,
    data,
    looked_at,
    *,
    epochs,
    callbacks,
    batch_size=None,
    shuffle=True,
    initial_epoch=0,
    steps_per_epoch=None,
    **options,
):
    """Trains a model with Keras's `fit`, from where a callback says.

    Args:
        model: A compiled adversarial model.
        keras_fit: `keras.Model.fit` of the model, bound.
        data: Pair `(x, y)` as `keras.Model.fit` takes them.
        looked_at: List of the first batches of the data.
        epochs: As in `keras.Model.fit`, as all that follow.
        callbacks: One with a method `resume`, as `kerasgan.callbacks.RunState`, says
            where training goes on.

    Returns:
        Keras's `History`.

    Raises:
        ValueError: If training has to go on, but the data is none that can be gone
            through again, or has no known length.
    """
    callbacks = _listed(callbacks)
    keeper = next((c for c in callbacks if hasattr(c, "resume")), None)
    if keeper is not None:
        # Last, so that it keeps what the others have done.
        callbacks = [*(c for c in callbacks if c is not keeper), keeper]
    x, y = data
    steps = _epoch_length(x, steps_per_epoch)
    if steps is None:
        if keeper is not None:
            raise ValueError(
                f"data is a {type(x).__name__} of unknown length; expected arrays or a "
                "tf.data.Dataset with a known cardinality, or steps_per_epoch, because "
                f"{type(keeper).__name__} has to find the place where to go on."
            )
        return keras_fit(
            x,
            y,
            # Keras would warn that its own defaults do not apply to datasets.
            **({} if isinstance(x, tf.data.Dataset) else {"batch_size": batch_size}),
            shuffle=shuffle and not isinstance(x, tf.data.Dataset),
            epochs=epochs,
            callbacks=callbacks,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            **options,
        )
    start = None
    if keeper is not None:
        start = keeper.resume(model, callbacks, epochs, steps, _digest(looked_at))
    parts = Parts(
        callbacks,
        add_history=True,
        add_progbar=options["verbose"] != 0,
        model=model,
        verbose=options["verbose"],
        epochs=epochs,
        steps=steps,
    )
    train = functools.partial(keras_fit, callbacks=parts, shuffle=False, **options)
    listening = keeper.stop_requests.listening() if keeper else contextlib.nullcontext()
    with listening:
        return _fit_stream(train, x, steps, start or (initial_epoch, 0), epochs, parts)


def is_array(x):
    """Whether `x` is an array or a tensor."""
    return isinstance(x, np.ndarray) or tf.is_tensor(x)


def split(x, y, share):
    """Cuts the last rows off for validation, as many as Keras does.

    Args:
        x: Array or tensor `(n, ...)`.
        y: Another one of as many rows, or None.
        share: Float in (0, 1), the share that is cut off.

    Returns:
        What is left of both, and the pair that was cut off.
    """
    n = int(len(x) * (1.0 - share))
    held_out = (x[n:], None if y is None else y[n:])
    return x[:n], None if y is None else y[:n], held_out


def array_batches(x, y, batch_size, shuffle, seed):
    """Returns arrays as a dataset of batches, shuffled anew in every epoch.

    Args:
        x: Array or tensor `(n, ...)`.
        y: Another one of as many rows, or None.
        batch_size: Int, rows of a batch; the last may have fewer. None for 32, as in
            Keras.
        shuffle: Whether to shuffle.
        seed: Int, decides the orders.
    """
    rows = tuple(_in_float_x(part) for part in (x, y) if part is not None)
    dataset = tf.data.Dataset.from_tensor_slices(rows)
    if shuffle:
        dataset = dataset.shuffle(max(1, len(rows[0])), seed=seed)
    return dataset.batch(batch_size or 32).prefetch(tf.data.AUTOTUNE)


def _fit_stream(fit, data, steps, start, epochs, parts):
    """Trains on a dataset from any batch of any epoch on.

    Args:
        fit: `keras.Model.fit` with everything that is not said here.
        data: A `tf.data.Dataset`; it is repeated.
        steps: Int, batches in an epoch.
        start: Pair `(epoch, batch)` of the first batch, both counted from 0.
        epochs: Int, the epoch to stop at.
        parts: `Parts`, the callbacks.
    """
    epoch, batch = start
    stream = iter(data.repeat().skip(epoch * steps + batch))

    def part(n):
        return tf.data.Dataset.range(n).map(lambda _: stream.get_next())

    if batch:
        # Keras knows only whole epochs, so what is left of one is a training by itself.
        parts.first_batch, parts.ends = batch, False
        fit(part(steps - batch), initial_epoch=epoch, epochs=epoch + 1)
        parts.first_batch, parts.ends = 0, True
        epoch = epochs if parts.model.stop_training else epoch + 1
    return fit(part(steps), initial_epoch=epoch, epochs=epochs)


class Parts(keras.callbacks.CallbackList):
    """Callbacks of a training that Keras is given in one or two parts.

    Training begins and ends once, and the batches of a part are counted from the
    beginning of their epoch.

    Attributes:
        first_batch: Int, place in its epoch of the first batch of this part.
        ends: Whether training ends with this part.
    """

    first_batch = 0
    begun = False
    ends = True

    def on_train_begin(self, logs=None):
        if not self.begun:
            self.begun = True
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        if self.ends:
            super().on_train_end(logs)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(batch + self.first_batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch + self.first_batch, logs)


def _listed(callbacks):
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return tf.nest.flatten(callbacks) if callbacks else []


def _in_float_x(rows):
    rows = tf.convert_to_tensor(rows)
    return tf.cast(rows, keras.backend.floatx()) if rows.dtype.is_floating else rows


def _epoch_length(data, steps_per_epoch):
    """Returns the number of batches in an epoch, None if it is not known."""
    if not isinstance(data, tf.data.Dataset):
        return None
    if steps_per_epoch is not None:
        return int(steps_per_epoch)
    length = int(data.cardinality())
    return length if length > 0 else None


def _digest(batches):
    """Returns a short text that is another one for other batches."""
    digest = hashlib.sha256()
    for array in tf.nest.flatten(batches):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
