"""A look at a model and its data before a long training: `preflight`."""

import dataclasses
import functools
import re
import time

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.models.checks import CHECKED_IMAGES
from kerasgan.models.memory import activation_bytes, state_bytes
from kerasgan.models.state import read_variables, state_variables, write_variables

# Whichever of the two comes first ends a measurement.
MEASURED_BATCHES = 20
MEASURED_SECONDS = 3.0
# Names of TensorFlow's operations that draw, with a hidden state or without one.
_DRAWS = re.compile(
    r"Random|TruncatedNormal|Multinomial|Stateful(Uniform|StandardNormal)"
    r"|SampleDistortedBoundingBox|RngReadAndSkip"
)


@dataclasses.dataclass(frozen=True)
class Preflight:
    """What `preflight` found; `str` makes a table of it.

    Attributes:
        name: Name of the model.
        parameters: Dict from each role to its network's number of parameters.
        state_bytes: Int, estimated memory of weights, averages, image pools, both
            optimizers and gradients.
        activation_bytes: Int, estimated memory of the activations of a step.
        batch_size: Int, images in the first batch, a pair of domains counted once.
        first_step_seconds: Float, from the call for the first batch to the end of the
            first step, most of it TensorFlow's building of the step.
        model_speed: Float, images a second that the training step takes when it need
            not wait for data.
        data_speed: Float, images a second that the data yields when nobody trains.
        shared: Whether both share one processor, because there is no GPU.
        batches: Int, batches of an epoch; None if the data does not know it.
        epochs: Int or None, as given.
    """

    name: str
    parameters: dict
    state_bytes: int
    activation_bytes: int
    batch_size: int
    first_step_seconds: float
    model_speed: float
    data_speed: float
    shared: bool
    batches: int | None
    epochs: int | None

    @property
    def memory_bytes(self):
        """Estimated memory of training, in bytes."""
        return self.state_bytes + self.activation_bytes

    @property
    def slower(self):
        """`"data"` or `"model"`, whichever makes the other wait."""
        return "data" if self.data_speed < self.model_speed else "model"

    @property
    def images_per_second(self):
        """Expected speed of training.

        Beside a GPU the data is made ready while the model trains, and the slower of
        the two decides; on a CPU both take their time from the same cores.
        """
        times = (1.0 / self.model_speed, 1.0 / self.data_speed)
        return 1.0 / (sum(times) if self.shared else max(times))

    @property
    def epoch_seconds(self):
        """Expected seconds of an epoch; None if its length is not known."""
        if self.batches is None:
            return None
        return self.batches * self.batch_size / self.images_per_second

    @property
    def seconds(self):
        """Expected seconds of all epochs and the first step, or None."""
        if self.epoch_seconds is None or self.epochs is None:
            return None
        return self.first_step_seconds + self.epochs * self.epoch_seconds

    def __str__(self):
        rows = [
            (role, f"{count:,} parameters") for role, count in self.parameters.items()
        ]
        rows += [
            (
                "memory",
                f"about {_size(self.memory_bytes)}, {_size(self.activation_bytes)} of "
                "it activations",
            ),
            ("model alone", _speed(self.model_speed)),
            ("data alone", _speed(self.data_speed)),
            (
                "together",
                f"about {_speed(self.images_per_second)}; slower: the {self.slower}",
            ),
            ("first step", f"after {_duration(self.first_step_seconds)}"),
        ]
        if self.batches is None:
            rows.append(("an epoch", "unknown, as the data does not know its length"))
        else:
            rows.append(
                (
                    "an epoch",
                    f"{_duration(self.epoch_seconds)}, {self.batches:,} batches of "
                    f"{self.batch_size}",
                )
            )
        if self.seconds is not None:
            rows.append(
                ("to finish", f"{_duration(self.seconds)} (epochs: {self.epochs})")
            )
        width = max(len(label) for label, _ in rows)
        lines = [f"  {label:<{width}}  {value}" for label, value in rows]
        return "\n".join([f"Before the first step of {self.name}:", *lines])


def preflight(model, data, epochs=None):
    """Finds out, in seconds, what would spoil a training of hours, and how long it is.

    Checks what `fit` checks, and that no random change to the images is cached: after
    one epoch it would be the same for ever. Measures the data and the training step
    on a few batches, and prints a short table. The model is not trained: all its
    variables are what they were afterwards, to the last bit, and `fit` need not build
    the training step again.

    The data is iterated once, and no further than the batches that are measured. A
    shuffled dataset has another order at each iteration, so a `fit` that follows gets
    the orders from the second one on. Networks that draw random numbers with a hidden
    state, as Keras 2 does for `Dropout`, will have drawn some.

    The memory is an estimate of its order. Counted are all variables of the model and
    of both optimizers, a gradient for each weight that is trained, and what layers
    make of as many batches as are in a network at once: one in a single generator,
    three in each of two (images to translate, those of the other domain, and
    translations), two in a discriminator, real and generated. Not counted are the
    program itself, batches that wait, and what the backward pass and convolutions
    need for themselves.

    Args:
        model: A compiled `GAN` or `CycleGAN`.
        data: `tf.data.Dataset` of batches, as `fit` would get it.
        epochs: Int, epochs to be trained; None leaves their time out.

    Returns:
        A `Preflight`, with the numbers of the table.

    Raises:
        ValueError: If the model is not compiled, the data does not fit it or is no
            dataset, random changes are cached, a step does not fit into memory, or
            `epochs` is not positive.

    Example:

    >>> report = kerasgan.preflight(gan, faces, epochs=25)
    >>> report.slower
    'model'
    """
    report, _ = look_ahead(model, data, epochs)
    return report


def look_ahead(model, data, epochs=None, batches=None):
    """Does what `preflight` does, for a `fit` that need not look at the data again.

    Args:
        model: As in `preflight`.
        data: As in `preflight`.
        epochs: As in `preflight`.
        batches: Iterator over the batches of the data; by default a new one.

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
            f"step, which needs about {_size(state + activations)}; "
            "expected smaller batches, or a smaller model."
        ) from error
    length = int(data.cardinality())
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


def _size(n):
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.3g} MB"


def _speed(images):
    return f"{images:,.0f} images/s" if images >= 10 else f"{images:.2g} images/s"


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
