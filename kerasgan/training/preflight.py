"""`preflight`: checks and measurements before a long training."""

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.inspection import mixing_layers
from kerasgan.penalties import Penalty
from kerasgan.training.data_checks import CHECKED_IMAGES
from kerasgan.training.memory import activation_bytes, state_bytes
from kerasgan.training.preflight_report import Preflight, size_in_words
from kerasgan.training.state import state_variables
from kerasgan.training.stream import replayed
from kerasgan.training.variable_copy import restored

# Whichever comes first ends a measurement.
MEASURED_BATCHES = 20
MEASURED_SECONDS = 3.0
# Names of TensorFlow's operations that draw random numbers.
_DRAWS = re.compile(
    r"Random|TruncatedNormal|Multinomial|Stateful(Uniform|StandardNormal)"
    r"|SampleDistortedBoundingBox|RngReadAndSkip"
)


def preflight(
    model: Any, data: tf.data.Dataset, epochs: int | None = None
) -> Preflight:
    """Finds problems before a long training, and measures its speed.

    It checks what `fit` checks, that no random augmentation is cached (after one epoch
    it would repeat forever), and that a discriminator with a gradient penalty has no
    layer that combines the images of a batch, because its gradient is then not that of
    one image ("Improved Training of Wasserstein GANs", Gulrajani et al. 2017, section
    4, https://arxiv.org/abs/1704.00028).

    It then measures the data and the training step on a few batches, and prints a
    table. Afterwards all variables of the model have their previous values, to the last
    bit, and `fit` does not trace the training step again.

    Preflight iterates the data once, up to the measured batches. A shuffled dataset has
    a different order in each iteration, so preflight changes the order in a later
    `fit`. It does not change that of datasets of `kerasgan.data` with a seed. In Keras
    2, preflight advances the random state of layers such as `Dropout`.

    The memory is a rough estimate. It counts all variables of the model and of both
    optimizers, a gradient for each trained weight, and the outputs of layers for the
    batches that are in a network at once. It does not count the program itself,
    prefetched batches, or the workspace of the backward pass and of convolutions.

    Args:
        model: A compiled `GAN` or `CycleGAN`.
        data: `tf.data.Dataset` of batches, as for `fit`.
        epochs: Number of epochs to train. If None, the total time is not estimated.

    Returns:
        A `Preflight` with the numbers of the table.

    Raises:
        ValueError: If the model is not compiled, the data is not a dataset or does not
            fit the model, random augmentation is cached, a gradient penalty is used
            with a layer that combines images, a step does not fit into memory, or
            `epochs` is not positive.

    Example:

    >>> report = kerasgan.preflight(gan, faces, epochs=25)
    >>> report.slower
    'model'
    """
    report, _ = run_preflight(model, data, epochs)
    return report


def run_preflight(
    model: Any,
    data: tf.data.Dataset,
    epochs: int | None = None,
    batches: Iterable[Any] | None = None,
    steps: int | None = None,
) -> tuple[Preflight, list[Any]]:
    """Does the work of `preflight`, for a `fit` that will not read the data again.

    Args:
        model: As in `preflight`.
        data: As in `preflight`.
        epochs: As in `preflight`.
        batches: The batches of the data; by default from a new iterator.
        steps: Batches in an epoch; by default all of the data.

    Returns:
        The `Preflight`, and the first batches.
    """
    if epochs is not None:
        check_positive(epochs=epochs)
    if not getattr(model, "is_compiled", False):
        raise ValueError(
            f"model {getattr(model, 'name', model)!r} is not compiled; expected a GAN "
            "or CycleGAN after compile()."
        )
    model.check_ready()
    if not isinstance(data, tf.data.Dataset):
        raise ValueError(
            f"data is a {type(data).__name__}; expected a tf.data.Dataset of batches, "
            "for example tf.data.Dataset.from_tensor_slices(images).batch(n)."
        )
    _check_nothing_random_is_cached(data)
    first, data_speed, first_batch_seconds = _measure_data(
        iter(data) if batches is None else iter(batches)
    )
    # Batches in memory, because another iteration may have another order.
    looked_at = model.check_data(replayed(first, data.element_spec))
    shape = tf.nest.flatten(first[0])[-1].shape
    state, activations = state_bytes(model), activation_bytes(model, shape)
    _check_penalties(model, shape)
    try:
        model_speed, first_step_seconds = _measure_model(
            model, replayed(first[:1], data.element_spec), shape[0]
        )
    except tf.errors.ResourceExhaustedError as error:
        raise ValueError(
            f"data has batches of {shape[0]}, but there is not enough memory for a "
            f"step, which needs about {size_in_words(state + activations)}; expected "
            "smaller batches, or a smaller model."
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


def _check_penalties(model: Any, shape: tuple[int, ...]) -> None:
    """Raises a ValueError for a gradient penalty on a network that combines images."""
    # A callable of the user's own need not be about gradients of single images.
    own = [penalty for penalty in model.penalties if isinstance(penalty, Penalty)]
    for network in model.players()[1] if own else []:
        layers = sorted(
            mixing_layers(network),
            key=lambda layer: (
                not isinstance(layer, keras.layers.BatchNormalization),
                isinstance(layer, keras.layers.SpectralNormalization),
            ),
        )
        if layers and _mixes(network, shape):
            raise ValueError(
                f"penalties has {type(own[0]).__name__}, but layer {layers[0].name!r} "
                f"({type(layers[0]).__name__}) of discriminator {network.name!r} "
                "combines the images of a batch, so the output for one image depends "
                "on the others; expected layers that treat each image separately, such "
                "as instance, layer or spectral normalization."
            )


def _mixes(network: keras.Model, shape: tuple[int, ...]) -> bool:
    """Returns whether a network's output for one image depends on another image."""
    known = tuple(network.inputs[0].shape)[1:]
    sides = [a or b for a, b in zip(known, shape[1:], strict=True)]
    images = tf.random.stateless_uniform((4, *sides), (0, 0), -1.0, 1.0)
    # Training mode changes statistics.
    with restored(network.variables), tf.GradientTape() as tape:
        tape.watch(images)
        first = tf.cast(network(images, training=True), "float32")[0]
    gradient = tape.gradient(first, images)
    return gradient is not None and bool(tf.reduce_any(gradient[1:] != 0.0))


def _check_nothing_random_is_cached(data: tf.data.Dataset) -> None:
    """Raises a ValueError if a random function comes before a cache.

    A cached order is accepted: it changes no image and is often intended.
    """
    for function in _cached_functions(data):
        graph = function.function.graph.as_graph_def()
        # With the functions it calls, for example in a branch or a loop.
        bodies = [graph.node, *(inner.node_def for inner in graph.library.function)]
        operations = {node.op for body in bodies for node in body}
        drawn = sorted(filter(_DRAWS.search, operations))
        if drawn:
            raise ValueError(
                f"data caches the output of a random function ({', '.join(drawn)}), so "
                "every epoch repeats the random numbers of the first; expected "
                ".cache() before the random .map()."
            )


def _cached_functions(data: tf.data.Dataset, cached: bool = False) -> Iterator[Any]:
    """Yields the functions of a pipeline whose results are cached.

    `tf.data` has no public way to walk a pipeline. It uses these two methods itself to
    find its resources, in all supported versions.
    """
    cached = cached or type(data).__name__ == "CacheDataset"
    if cached:
        yield from data._functions()
    for source in data._inputs():
        yield from _cached_functions(source, cached)


def _measure_data(iterator: Iterator[Any]) -> tuple[list[Any], float, float]:
    """Measures the first batches of the data.

    Returns:
        The first batches, with at least `CHECKED_IMAGES` images if there are so many;
        images per second; and the seconds until the first batch. The first batch fills
        buffers and does not count for the speed, unless it is the only one.
    """
    batches: list[Any] = []
    kept, seconds, images = 0, [], []
    last = time.perf_counter()
    for batch in iterator:
        now = time.perf_counter()
        seconds.append(now - last)
        images.append(len(tf.nest.flatten(batch)[0]))
        if kept < CHECKED_IMAGES:
            batches.append(tf.nest.map_structure(np.asarray, batch))
            kept += images[-1]
        enough = len(seconds) > MEASURED_BATCHES or sum(seconds) > MEASURED_SECONDS
        if enough and len(seconds) > 1 and kept >= CHECKED_IMAGES:
            break
        last = time.perf_counter()
    measured = slice(1, None) if len(seconds) > 1 else slice(None)
    speed = sum(images[measured]) / max(sum(seconds[measured]), 1e-9)
    return batches, speed, sum(seconds[:1])


def _measure_model(model: Any, batch: tf.data.Dataset, n: int) -> tuple[float, float]:
    """Runs a few training steps and undoes them.

    Args:
        model: A compiled adversarial model.
        batch: Dataset of one batch.
        n: Number of its images.

    Returns:
        Images per second, and the seconds of the first step, which does not count for
        the speed.
    """
    iterator = iter(batch.cache().repeat())
    groups = state_variables(model).values()
    with restored(v for group in groups for v in group):
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
        # Counted, because one call may take several steps.
        return (model.steps_taken - step) * n / seconds, first


def _run(model: Any, iterator: Iterator[Any]) -> None:
    """Calls the training function once and waits until it has finished."""
    model.train_function(iterator)
    tf.test.experimental.sync_devices()
