"""How `fit` trains: checks, the position in the data, and Keras's own `fit`."""

import contextlib
import functools
import json
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.training import sources
from kerasgan.training.callback_list import FitCallbacks, listed
from kerasgan.training.data_checks import CHECKED_IMAGES, no_batch
from kerasgan.training.preflight import run_preflight
from kerasgan.training.run_state import RunState
from kerasgan.training.stream import Stream

# The strategy of a model on one device.
DEFAULT_STRATEGY = tf.distribute.get_strategy()
# `keras.Model.fit` of the model, bound.
KerasFit = Callable[..., keras.callbacks.History]


def fit(
    model: Any, keras_fit: KerasFit, *, callbacks: Any, **options: Any
) -> keras.callbacks.History:
    """Trains a model with Keras's `fit`, from the beginning or from a checkpoint.

    Args:
        model: A compiled adversarial model.
        keras_fit: `keras.Model.fit` of the model, bound.
        callbacks: As in Keras. A `RunState` among them decides where training begins.
        **options: All other arguments of `AdversarialModel.fit`.

    Returns:
        Keras's `History`.

    Raises:
        ValueError: If an argument is out of range, the data does not fit the model, or
            `RunState` cannot resume with such data.
    """
    _check_numbers(options)
    callbacks = listed(callbacks)
    if any(map(_saves_model, callbacks)):
        _check_saveable(model, callbacks)
    run_state = next((c for c in callbacks if isinstance(c, RunState)), None)
    if run_state is None:
        return _fit(model, keras_fit, callbacks, None, **options)
    # Last, so that it saves what the others have done.
    callbacks = [*(c for c in callbacks if c is not run_state), run_state]
    # Opened before arrays are shuffled with the model's seed.
    with run_state.opened(model):
        return _fit(model, keras_fit, callbacks, run_state, **options)


def _saves_model(callback: keras.callbacks.Callback) -> bool:
    """Returns whether a callback needs the configuration of the networks."""
    whole = isinstance(callback, keras.callbacks.ModelCheckpoint)
    whole = whole and not callback.save_weights_only
    return whole or isinstance(callback, RunState)


def _check_saveable(model: Any, callbacks: list[keras.callbacks.Callback]) -> None:
    """Raises a ValueError if a network, or a path, cannot be saved."""
    for callback in callbacks:
        path = str(getattr(callback, "filepath", ""))
        if _saves_model(callback) and path and not path.endswith(".keras"):
            raise ValueError(
                f"ModelCheckpoint has the filepath {path!r}; expected one that ends "
                "in .keras, or save_weights_only=True."
            )
    for role in model.roles:
        network = getattr(model, role)
        try:
            json.dumps(keras.saving.serialize_keras_object(network))
        except Exception as error:
            # A layer's get_config may raise anything.
            reason = (str(error).strip().splitlines() or [""])[0]
            raise ValueError(
                f"{role} {network.name!r} cannot be saved ({type(error).__name__}: "
                f"{reason}); expected layers with get_config for callbacks that save "
                "the model."
            ) from error
    try:
        json.dumps(model.get_config())
    except TypeError as error:
        raise ValueError(
            f"model {model.name!r} has a configuration that cannot be saved ({error}); "
            "expected a get_config that returns JSON-compatible values."
        ) from error


def _check_numbers(options: dict[str, Any]) -> None:
    """Raises a ValueError for numbers of `fit` that are out of range."""
    check_positive(epochs=options["epochs"])
    for name in (
        "batch_size",
        "steps_per_epoch",
        "validation_steps",
        "validation_batch_size",
    ):
        if options[name] is not None:
            check_positive(**{name: options[name]})
    if options["initial_epoch"] != 0:
        check_positive(initial_epoch=options["initial_epoch"])
    share = options["validation_split"]
    if not 0.0 <= share < 1.0:
        raise ValueError(f"validation_split is {share}; expected a number in [0, 1).")


def _fit(
    model: Any,
    keras_fit: KerasFit,
    callbacks: list[keras.callbacks.Callback],
    run_state: RunState | None,
    *,
    x: Any,
    y: Any,
    batch_size: int | None,
    epochs: int,
    verbose: Any,
    preflight: bool,
    validation_split: float,
    validation_data: Any,
    shuffle: bool,
    initial_epoch: int,
    steps_per_epoch: int | None,
    **validation: Any,
) -> keras.callbacks.History:
    """Trains with the callbacks in order and the one that resumes."""
    if validation_split and validation_data is None:
        if not sources.is_array(x):
            raise ValueError(
                f"validation_split is {validation_split}, but x is a "
                f"{type(x).__name__}; expected arrays, or validation_data."
            )
        x, y, validation_data = sources.split_arrays(x, y, validation_split)
    if validation["validation_batch_size"] is None:
        validation["validation_batch_size"] = batch_size
    data = sources.training_source(x, y, batch_size, shuffle, model.seed)
    validation_data = _checked_validation(model, validation_data)
    # Keras 2 needs a number.
    verbose = 1 if verbose == "auto" else verbose
    make_callbacks = functools.partial(
        FitCallbacks,
        callbacks,
        add_history=True,
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
    )
    keras_fit = functools.partial(
        keras_fit, verbose=verbose, validation_data=validation_data, **validation
    )
    steps = _epoch_length(model, data, steps_per_epoch)
    if steps is None:
        if run_state is not None:
            raise ValueError(_why_not_resumable(model, data))
        if preflight and epochs > initial_epoch:
            run_preflight(model, data, epochs - initial_epoch)
        else:
            data = _checked(model, data)
        return keras_fit(
            data,
            shuffle=shuffle and not isinstance(data, tf.data.Dataset),
            epochs=epochs,
            callbacks=make_callbacks(steps=steps_per_epoch or _length(data)),
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
        )

    stream = Stream(data)
    left = epochs - initial_epoch
    if run_state is not None:
        left = run_state.epochs_left(epochs, initial_epoch)
    if preflight and left > 0:
        _, first = run_preflight(model, data, left, stream.peek(), steps)
    else:
        first = model.check_data(stream.first(CHECKED_IMAGES))
    start = None
    if run_state is not None:
        start = run_state.resume_fit(callbacks, epochs, steps, first)
    # Large batches would otherwise stay in memory during training.
    del first
    fit_callbacks = make_callbacks(steps=steps)
    fit_callbacks.run_state = run_state
    listening: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if run_state is not None:
        listening = run_state.stop_requests.listening()
    with listening, fit_callbacks.saved_on_failure():
        # Data whose order is known continues where the model has stopped reading. Other
        # data starts from the beginning, unless a run resumes.
        if stream.starts_anywhere:
            place = model.steps_taken
        else:
            place = 0 if start is None else start[0] * steps + start[1]
        # A complete run reads nothing.
        if start is None or start[0] < epochs:
            stop = run_state and run_state.stop_requests.raise_if_requested
            stream.start_at(place, stop)
        return _fit_stream(
            functools.partial(keras_fit, shuffle=False),
            stream,
            steps,
            start or (initial_epoch, 0),
            epochs,
            fit_callbacks,
        )


def _checked(model: Any, data: Any, name: str = "data") -> Any:
    """Checks data that Keras reads by itself, and returns it."""
    if isinstance(data, (tf.data.Dataset, keras.utils.Sequence)):
        model.check_data(data, name=name)
        return data
    first, replayed = sources.peeked(iter(data), name)
    model.check_data([first], name=name)
    return replayed if sources.is_iterator(data) else data


def _checked_validation(model: Any, data: Any) -> Any:
    """Checks that validation data fits the model, and returns it."""
    name = "validation_data"
    if data is None:
        return None
    parts = data if isinstance(data, tuple) else (data,)
    arrays = [part for part in parts if part is not None]
    if not (1 <= len(arrays) <= 2 and all(map(sources.is_array, arrays))):
        sources.check_source(data, name)
        return _checked(model, data, name)
    if len(arrays) == 2 and len(arrays[0]) != len(arrays[1]):
        raise ValueError(
            f"{name} has {len(arrays[0])} and {len(arrays[1])} images; expected the "
            "same number."
        )
    model.check_data(*arrays, name=name)
    # Keras 2 tests whether it is true, which an array alone does not allow.
    return parts


def _epoch_length(model: Any, data: Any, steps_per_epoch: int | None) -> int | None:
    """Returns the number of batches in an epoch, or None if Keras must find out."""
    # Under a strategy Keras reads ahead from every iterator it opens.
    alone = model.distribute_strategy is DEFAULT_STRATEGY
    if not isinstance(data, tf.data.Dataset) or not alone:
        return None
    if steps_per_epoch is not None:
        return int(steps_per_epoch)
    length = int(data.cardinality())
    if length == 0:
        raise no_batch()
    return length if length > 0 else None


def _length(data: Any) -> int | None:
    """Returns the number of batches of data, or None if it is unknown."""
    if isinstance(data, tf.data.Dataset):
        length = int(data.cardinality())
        return length if length > 0 else None
    return len(data) if hasattr(data, "__len__") else None


def _why_not_resumable(model: Any, data: Any) -> str:
    """Returns why `RunState` cannot resume a training on some data."""
    expected = "expected arrays, or a tf.data.Dataset of known length"
    if model.distribute_strategy is not DEFAULT_STRATEGY:
        return (
            "RunState is used with a model under a tf.distribute strategy, where Keras "
            "reads ahead in the data; expected a model without a strategy."
        )
    if isinstance(data, tf.data.Dataset):
        reason = "has an unknown length, so the start of an epoch cannot be found again"
        expected = "expected steps_per_epoch"
    elif isinstance(data, keras.utils.Sequence):
        reason = (
            "may change at the end of each epoch, so its batches cannot be read again"
        )
    else:
        reason = "can be read only once, so its batches cannot be read again"
    return f"data is a {type(data).__name__}, which {reason}; {expected} for RunState."


def _fit_stream(
    keras_fit: KerasFit,
    stream: Stream,
    steps: int,
    start: tuple[int, int],
    epochs: int,
    callbacks: FitCallbacks,
) -> keras.callbacks.History:
    """Trains from any batch of any epoch on.

    Args:
        keras_fit: `keras.Model.fit` with all arguments that are not listed here.
        stream: The `Stream` of the data, at that batch.
        steps: Int, batches in an epoch.
        start: Pair `(epoch, batch)` of the first batch, both counted from 0.
        epochs: Int, number of the final epoch, as in Keras.
        callbacks: The callbacks.
    """
    epoch, batch = start
    if batch:
        callbacks.first_batch, callbacks.ends = batch, False
        keras_fit(
            stream.part(steps - batch),
            callbacks=callbacks,
            initial_epoch=epoch,
            epochs=epoch + 1,
        )
        callbacks.first_batch, callbacks.ends = 0, True
        epoch = epochs if callbacks.model.stop_training else epoch + 1
    return keras_fit(
        stream.part(steps), callbacks=callbacks, initial_epoch=epoch, epochs=epochs
    )
