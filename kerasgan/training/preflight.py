"""A look at a model and its data before a long training: `preflight`."""

import functools
import re
import time

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.inspection import holds
from kerasgan.penalties import Penalty
from kerasgan.training.data_checks import CHECKED_IMAGES
from kerasgan.training.memory import activation_bytes, state_bytes
from kerasgan.training.preflight_report import Preflight, size_in_words
from kerasgan.training.state import read_variables, state_variables, write_variables

# Whichever of the two comes first ends a measurement.
MEASURED_BATCHES = 20
MEASURED_SECONDS = 3.0
# Names of TensorFlow's operations that draw, with a hidden state or without one.
_DRAWS = re.compile(
    r"Random|TruncatedNormal|Multinomial|Stateful(Uniform|StandardNormal)"
    r"|SampleDistortedBoundingBox|RngReadAndSkip"
)


def preflight(model, data, epochs=None):
    """Finds out, in seconds, what would spoil a training of hours, and how long it is.

    Checks what `fit` checks; that no random change to the images is cached: after one
    epoch it would be the same for ever; and that no discriminator with a penalty on its
    slope has batch normalization, with which the slope is not that of one image
    ("Improved Training of Wasserstein GANs", Gulrajani et al. 2017, section 4,
    https://arxiv.org/abs/1704.00028).

    Measures the data and the training step on a few batches, and prints a short table.
    The model is not trained: all its variables are what they were afterwards, to the
    last bit, and `fit` need not build the training step again.

    The data is iterated once, and no further than the batches that are measured. A
    shuffled dataset has another order at each iteration, so a `fit` that follows gets
    the orders from the second one on. Networks that draw random numbers with a hidden
    state, as Keras 2 does for `Dropout`, will have drawn some.

    The memory is an estimate of its order. Counted are all variables of the model and
    of both optimizers, a gradient for each weight that is trained, and what layers
    make of as many batches as are in a network at once: one in a single generator,
    three in each of two (images to translate, those of the other domain, and
    translations), two in a discriminator, real and generated, and with a penalty two
    more, images and the gradient's way back. Not counted are the program itself,
    batches that wait, and what the backward pass and convolutions need for themselves.

    Args:
        model: A compiled `GAN` or `CycleGAN`.
        data: `tf.data.Dataset` of batches, as `fit` would get it.
        epochs: Int, epochs to be trained; None leaves their time out.

    Returns:
        A `Preflight`, with the numbers of the table.

    Raises:
        ValueError: If the model is not compiled, the data does not fit it or is no
            dataset, random changes are cached, a penalty stands over batch
            normalization, a step does not fit into memory, or `epochs` is not positive.

    Example:

    >>> report = kerasgan.preflight(gan, faces, epochs=25)
    >>> report.slower
    'model'
    """
    report, _ = look_ahead(model, data, epochs)
    return report


def look_ahead(model, data, epochs=None, batches=None, steps=None):
    """Does what `preflight` does, for a `fit` that need not look at the data again.

    Args:
        model: As in `preflight`.
        data: As in `preflight`.
        epochs: As in `preflight`.
        batches: Iterator over the batches of the data; by default a new one.
        steps: Int, batches of an epoch; by default all of the data.

    Returns:
        The `Preflight`, and what `model.check_data` returns of the data.
    """
    if epochs is not None:
        check_positive(epochs=epochs)
    if not hasattr(model, "d_optimizer"):
        raise ValueError(
            f"model {getattr(model, 'name', model)!r} is not compiled; expected a GAN "
            "or CycleGAN after its compile()."
        )
    if not isinstance(data, tf.data.Dataset):
        raise ValueError(
            f"data is of type {type(data).__name__}; expected a tf.data.Dataset of "
            "batches: tf.data.Dataset.from_tensor_slices(images).batch(n)."
        )
    _check_penalty(model)
    _check_nothing_random_is_cached(data)
    batches, data_speed, first_batch_seconds = _measure_data(
        iter(data) if batches is None else batches
    )
    # On the batches that are here already: another look would be another order.
    looked_at = model.check_data(replayed(batches, data.element_spec), None)
    shape = tf.nest.flatten(batches[0])[-1].shape
    state, activations = state_bytes(model), activation_bytes(model, shape)
    try:
        model_speed, first_step_seconds = _measure_model(
            model, replayed(batches[:1], data.element_spec), shape[0]
        )
    except tf.errors.ResourceExhaustedError as error:
        raise ValueError(
            f"data has batches of {shape[0]}, and there is not enough memory for a "
            f"step, which needs about {size_in_words(state + activations)}; "
            "expected smaller batches, or a smaller model."
        ) from error
    length = int(data.cardinality()) if steps is None else steps
    report = Preflight(
        name=model.name,
        parameters={role: getattr(model, role).count_params() for role in model.roles},
        state_bytes=state,
        activation_bytes=activations,
        batch_size=shape[0],
        first_step_seconds=first_batch_seconds + first_step_seconds,
        model_speed=model_speed,
        data_speed=data_speed,
        shared=not tf.config.list_physical_devices("GPU"),
        batches=length if length >= 0 else None,
        epochs=epochs,
    )
    print(report)
    return report, looked_at


def _check_penalty(model):
    """Raises a ValueError for a penalty over batch normalization."""
    if not isinstance(model.penalty, Penalty):
        # None, or somebody's own, which need not be about slopes.
        return
    for network in model.players()[1]:
        if holds(network, keras.layers.BatchNormalization):
            raise ValueError(
                f"penalty is {type(model.penalty).__name__}, but discriminator "
                f"{network.name!r} has batch normalization, with which the gradient of "
                "an answer is not that of one image; expected a discriminator with "
                "instance, layer or spectral normalization, or none."
            )


def _check_nothing_random_is_cached(data):
    """Raises a ValueError if a random function stands before a cache.

    An order that is cached passes: it costs no image, and often is meant.
    """
    for function in _cached_functions(data):
        graph = function.function.graph.as_graph_def()
        # With the functions that it calls, in a branch or a loop say.
        bodies = [graph.node, *(inner.node_def for inner in graph.library.function)]
        operations = {node.op for body in bodies for node in body}
        drawn = sorted(filter(_DRAWS.search, operations))
        if drawn:
            raise ValueError(
                f"data caches what a function draws at random ({', '.join(drawn)}), so "
                "that every epoch repeats the draws of the first; expected .cache() "
                "before the random .map()."
            )


def _cached_functions(data, cached=False):
    """Yields the functions of a pipeline whose results a cache keeps.

    `tf.data` has no public way to walk a pipeline; these two methods are how it finds
    its own resources, in every version that the library runs on.
    """
    cached = cached or type(data).__name__ == "CacheDataset"
    if cached:
        yield from data._functions()
    for source in data._inputs():
        yield from _cached_functions(source, cached)


def _measure_data(iterator):
    """Iterates over the first batches of the data.

    Returns:
        The list of the first batches, of `CHECKED_IMAGES` images at least where there
        are as many; images a second; and the seconds until the first batch. That one
        fills buffers and is left out of the speed, unless it is the only one.
    """
    batches, n, seconds, images = [], 0, [], []
    last = time.perf_counter()
    for batch in iterator:
        now = time.perf_counter()
        seconds.append(now - last)
        images.append(len(tf.nest.flatten(batch)[0]))
        if n < CHECKED_IMAGES:
            batches.append(tf.nest.map_structure(np.asarray, batch))
            n += images[-1]
        enough = len(seconds) > MEASURED_BATCHES or sum(seconds) > MEASURED_SECONDS
        if enough and len(seconds) > 1 and n >= CHECKED_IMAGES:
            break
        last = time.perf_counter()
    measured = slice(1, None) if len(seconds) > 1 else slice(None)
    speed = sum(images[measured]) / max(sum(seconds[measured]), 1e-9)
    return batches, speed, sum(seconds[:1])


def replayed(batches, spec):
    """Returns a dataset of batches that are here, of the signature of their source.

    With another signature, `fit` would have to build the training step again.
    """

    def as_in_source(*batch):
        batch = batch[0] if len(batch) == 1 and not isinstance(spec, tuple) else batch
        return tf.nest.map_structure(
            lambda part, known: tf.compat.v1.placeholder_with_default(
                part, known.shape
            ),
            batch,
            spec,
        )

    if not batches:
        return tf.data.Dataset.range(0)
    # Not from_generator, which TensorFlow complains of where a program ends.
    return functools.reduce(
        lambda some, more: some.concatenate(more),
        map(tf.data.Dataset.from_tensors, batches),
    ).map(as_in_source)


def _measure_model(model, batch, n):
    """Runs a few training steps and takes them back.

    Args:
        model: A compiled adversarial model.
        batch: Dataset of one batch.
        n: Int, its images.

    Returns:
        Images a second, and the seconds of the first step, which is left out there.
    """
    iterator = iter(batch.cache().repeat())
    variables = state_variables(model)
    before = read_variables(variables)
    try:
        started = time.perf_counter()
        model.make_train_function()
        _run(model, iterator)
        first = time.perf_counter() - started
        step, started = model.steps_taken, time.perf_counter()
        for _ in range(MEASURED_BATCHES):
            _run(model, iterator)
            seconds = time.perf_counter() - started
            if seconds > MEASURED_SECONDS:
                break
        # Counted, because a call may take several steps.
        return (model.steps_taken - step) * n / seconds, first
    finally:
        write_variables(variables, before)


def _run(model, iterator):
    """Calls the training function once and waits until it is done."""
    model.train_function(iterator)
    tf.test.experimental.sync_devices()
