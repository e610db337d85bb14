"""How `fit` goes through its data: one stream of batches over all epochs.

Keras asks a dataset for a new iterator now and then, and what a shuffled dataset
gives depends on how many were asked for. A stream that is opened once gives the same
batches however Keras cuts it into epochs, and can be entered anywhere.
"""

import contextlib
import functools
import itertools

import keras
import numpy as np
import tensorflow as tf

from kerasgan.training.data_checks import CHECKED_IMAGES
from kerasgan.training.preflight import look_ahead, replayed

# The strategy of a model that is on one device.
ALONE = tf.distribute.get_strategy()


def fit(model, keras_fit, x, y, *, callbacks, **options):
    """Trains a model with Keras's `fit`, from where a callback says.

    Args:
        model: A compiled adversarial model.
        keras_fit: `keras.Model.fit` of the model, bound.
        x: As in `keras.Model.fit`, as all that is not said here.
        callbacks: One with the methods `opened`, `epochs_left` and `resume_fit`, as
            `kerasgan.callbacks.RunState`, says where training goes on.
        **options: Further arguments of `AdversarialModel.fit`.

    Returns:
        Keras's `History`.

    Raises:
        ValueError: If the data does not fit the model; or if training has to go on,
            but the data is none that can be gone through again.
    """
    callbacks = _listed(callbacks)
    keeper = next((c for c in callbacks if hasattr(c, "resume_fit")), None)
    if keeper is None:
        return _fit(model, keras_fit, x, y, callbacks, None, **options)
    # Last, so that it keeps what the others have done.
    callbacks = [*(c for c in callbacks if c is not keeper), keeper]
    # Before arrays are shuffled with the seed of the model.
    with keeper.opened(model):
        return _fit(model, keras_fit, x, y, callbacks, keeper, **options)


def _fit(
    model,
    keras_fit,
    x,
    y,
    callbacks,
    keeper,
    *,
    batch_size,
    epochs,
    verbose,
    preflight,
    validation_split=0.0,
    validation_data=None,
    shuffle=True,
    initial_epoch=0,
    steps_per_epoch=None,
    **options,
):
    """Does what `fit` does, with its callbacks in order and the one that resumes."""
    if _is_array(x) and (y is None or _is_array(y)):
        if validation_split and validation_data is None:
            x, y, validation_data = _split(x, y, validation_split)
            validation_split = 0.0
        if options.get("validation_batch_size") is None:
            options["validation_batch_size"] = batch_size
        x, y = array_batches(x, y, batch_size, shuffle, model.seed), None
    if isinstance(validation_data, tf.data.Dataset):
        model.check_data(validation_data, None)
    options.update(validation_split=validation_split, validation_data=validation_data)
    steps = _epoch_length(model, x, steps_per_epoch)
    if steps is None:
        if keeper is not None:
            raise ValueError(
                f"data is a {type(x).__name__} of unknown length, or the model under a "
                "tf.distribute strategy; expected neither, and arrays or a "
                f"tf.data.Dataset, because {type(keeper).__name__} has to find the "
                "place where to go on."
            )
        if preflight:
            look_ahead(model, x, epochs - initial_epoch)
        else:
            model.check_data(x, y)
        return keras_fit(
            x,
            y,
            # Keras would warn that its own defaults do not apply to datasets.
            **({} if isinstance(x, tf.data.Dataset) else {"batch_size": batch_size}),
            shuffle=shuffle and not isinstance(x, tf.data.Dataset),
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            **options,
        )
    stream = Stream(x)
    left = epochs - initial_epoch if keeper is None else keeper.epochs_left(epochs)
    if preflight and left > 0:
        _, looked_at = look_ahead(model, x, left, stream.look(), steps)
    else:
        looked_at = model.check_data(stream.first(CHECKED_IMAGES), None)
    start, place = None, 0
    if keeper is not None:
        start = keeper.resume_fit(callbacks, epochs, steps, looked_at)
    if start is not None:
        place = start[0] * steps + start[1]
    # Only what was stopped has its data behind it: as in Keras, `initial_epoch` is no
    # more than a number.
    stream.start_at(place)
    # Keras 2 looks for a number.
    verbose = 1 if verbose == "auto" else verbose
    parts = Parts(
        callbacks,
        add_history=True,
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps,
    )
    train = functools.partial(
        keras_fit, y=y, verbose=verbose, callbacks=parts, shuffle=False, **options
    )
    listening = keeper.stop_requests.listening() if keeper else contextlib.nullcontext()
    with listening:
        return _fit_stream(
            train, stream, steps, start or (initial_epoch, 0), epochs, parts
        )


class Stream:
    """The batches of a dataset, gone through once, however many epochs there are.

    The first can be looked at beforehand: training gets them all the same.

    Args:
        data: A `tf.data.Dataset`. It is repeated.
    """

    def __init__(self, data):
        self._spec = data.element_spec
        self._iterator = iter(_untuned(data.repeat()))
        self._looked_at = []

    def look(self):
        """Yields the batches from the first on; only before `start_at`."""
        for number in itertools.count():
            if number == len(self._looked_at):
                batch = next(self._iterator, None)
                if batch is None:
                    return
                self._looked_at.append(batch)
            yield self._looked_at[number]

    def first(self, images):
        """Returns a dataset of the first batches, of at least so many images."""
        batches, n = [], 0
        for batch in self.look():
            batches.append(batch)
            n += len(tf.nest.flatten(batch)[0])
            if n >= images:
                break
        return replayed(batches, self._spec)

    def start_at(self, batch):
        """Goes to a batch, which is the next to come."""
        further = self.part(tf.int64.max)
        seen = self._looked_at[batch:]
        further = further.skip(max(0, batch - len(self._looked_at)))
        if seen:
            further = replayed(seen, self._spec).concatenate(further)
        self._iterator = iter(further)

    def part(self, n):
        """Returns a dataset of the next `n` batches, each time it is gone through.

        To open it reads nothing, which Keras does more often than it goes through.
        """
        iterator = self._iterator
        part = tf.data.Dataset.range(n).map(lambda _: iterator.get_next())
        return _untuned(part)


def _untuned(data):
    """Returns data without tf.data's tuner, unless its options ask for it.

    The thread that tunes sleeps longer the older it is, and what ends it does not
    always wake it: one iterator in four ended late, by up to a minute. What is
    `AUTOTUNE` in the data takes its default then, one call for each core up to 16.
    """
    if data.options().autotune.enabled is not None:
        return data
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.with_options(options)


def _is_array(x):
    return isinstance(x, np.ndarray) or tf.is_tensor(x)


def _split(x, y, share):
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


def _fit_stream(fit, stream, steps, start, epochs, parts):
    """Trains from any batch of any epoch on.

    Args:
        fit: `keras.Model.fit` with everything that is not said here.
        stream: The `Stream` of the data, at that batch.
        steps: Int, batches in an epoch.
        start: Pair `(epoch, batch)` of the first batch, both counted from 0.
        epochs: Int, the epoch to stop at.
        parts: `Parts`, the callbacks.
    """
    epoch, batch = start
    if batch:
        # Keras knows only whole epochs, so what is left of one is a training by itself.
        parts.first_batch, parts.ends = batch, False
        fit(stream.part(steps - batch), initial_epoch=epoch, epochs=epoch + 1)
        parts.first_batch, parts.ends = 0, True
        epoch = epochs if parts.model.stop_training else epoch + 1
    return fit(stream.part(steps), initial_epoch=epoch, epochs=epochs)


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


def _epoch_length(model, data, steps_per_epoch):
    """Returns the number of batches in an epoch, None if Keras has to find it out."""
    # Under a strategy Keras reads ahead, of every iterator that it opens.
    alone = model.distribute_strategy is ALONE
    if not isinstance(data, tf.data.Dataset) or not alone:
        return None
    if steps_per_epoch is not None:
        return int(steps_per_epoch)
    length = int(data.cardinality())
    return length if length > 0 else None
