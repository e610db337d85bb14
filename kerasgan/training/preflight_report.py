"""What `preflight` found, and the table that it prints."""

import dataclasses


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
        memory = size_in_words(self.memory_bytes)
        activations = size_in_words(self.activation_bytes)
        rows += [
            ("memory", f"about {memory}, {activations} of it activations"),
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


def size_in_words(n):
    """Returns a number of bytes in words, such as `"1.5 GB"`."""
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.3g} MB"


def _speed(images):
    return f"{images:,.0f} images/s" if images >= 10 else f"{images:.2g} images/s"


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
