"""The numbers that `preflight` measured, and its table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Preflight:
    """The numbers that `preflight` measured; `str` makes a table of them.

    Attributes:
        name: Name of the model.
        parameters: Dict from each role to its network's number of parameters.
        state_bytes: Int, estimated memory of weights, averages, image pools, both
            optimizers and gradients.
        activation_bytes: Int, estimated memory of the activations of a step.
        batch_size: Int, images in the first batch, a pair of domains counted once.
        first_step_seconds: Float, seconds from requesting the first batch to the end
            of the first step, most of it for tracing.
        model_speed: Float, images per second of the training step without data loading.
        data_speed: Float, images per second of the data without training.
        shared: Whether both share one processor, because there is no GPU.
        batches: Int, batches in an epoch, or None if unknown.
        epochs: Int, epochs to train, or None.
    """

    name: str
    parameters: dict[str, int]
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
    def memory_bytes(self) -> int:
        """Estimated memory of training, in bytes."""
        return self.state_bytes + self.activation_bytes

    @property
    def slower(self) -> str:
        """The bottleneck, `"data"` or `"model"`."""
        return "data" if self.data_speed < self.model_speed else "model"

    @property
    def images_per_second(self) -> float:
        """Expected speed of training.

        With a GPU, data is loaded while the model trains, and the slower of the two
        decides. On a CPU both share the cores.
        """
        times = (1.0 / self.model_speed, 1.0 / self.data_speed)
        return 1.0 / (sum(times) if self.shared else max(times))

    @property
    def epoch_seconds(self) -> float | None:
        """Expected seconds of an epoch, or None if its length is unknown."""
        if self.batches is None:
            return None
        return self.batches * self.batch_size / self.images_per_second

    @property
    def seconds(self) -> float | None:
        """Expected seconds of all epochs and the first step, or None."""
        if self.epoch_seconds is None or self.epochs is None:
            return None
        return self.first_step_seconds + self.epochs * self.epoch_seconds

    def __str__(self) -> str:
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
                f"about {_speed(self.images_per_second)}; bottleneck: {self.slower}",
            ),
            ("first step", f"after {_duration(self.first_step_seconds)}"),
        ]
        if self.batches is None or self.epoch_seconds is None:
            rows.append(("an epoch", "unknown, because the data has no known length"))
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
        return "\n".join([f"Preflight of {self.name}:", *lines])


def size_in_words(n: int) -> str:
    """Returns a number of bytes in readable form, such as `"1.5 GB"`."""
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.3g} MB"


def _speed(images: float) -> str:
    return f"{images:,.0f} images/s" if images >= 10 else f"{images:.2g} images/s"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
