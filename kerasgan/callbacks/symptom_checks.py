"""The thresholds at which `Diagnosis` calls a measurement a symptom."""

import dataclasses
from collections.abc import Mapping, Sequence

from kerasgan.callbacks.monitored import Measurements, MonitoredGenerator
from kerasgan.metrics import symptoms

# Where the discriminator's loss lies between its best value, 0, and guessing, 1.
SATURATED, BEATEN = 0.05, 0.99
# How much the generator's loss could fall if its images changed by a quarter of their
# range: 1 to 100 in healthy runs. With the minimax loss, 5e-5 of that is left for
# images that the discriminator rejects with a logit of -10.
VANISHED = 1e-3
# Number of different images among samples, relative to the data. If it has risen by
# the second factor since the last measurement, training has only begun.
COLLAPSED, RISING = 1 / 8, 1.25
# Distance of samples to their nearest real images, relative to that of real images to
# theirs: above 1 in healthy runs on faces, and 0.8 while all samples are one blur.
MEMORIZED = 0.5
# Change by translation relative to the difference of two images: of faces, 0.05 in
# [-1, 1]. A generator that has learned to change nothing is closer than that.
UNCHANGED = 0.1
# Correlation of the brightness before and after translation.
INVERTED = -0.5
# Noise in the translations raises the cycle error by more than the first factor times
# the noise, and to more than the second factor times the error without noise.
HIDDEN_RISE, HIDDEN_RATIO = 2.0, 2.0

# Measurements in a row that must agree. One alone may be chance, and generators that
# have just begun make similar images of every input.
PATIENCE = 3
# A discriminator only guesses when training starts, and when the images are perfect. It
# must last for this many measurements, and training steps.
BEATEN_PATIENCE, BEATEN_STEPS = 10, 1000


@dataclasses.dataclass(frozen=True)
class Symptom:
    """One check of one measurement.

    Attributes:
        kind: A key of `kerasgan.callbacks.findings.ADVICE`.
        where: Distinguishes symptoms of one kind, such as `"a2b"`.
        present: Whether the symptom was measured.
        description: What to report if it lasts.
        patience: Measurements in a row after which it is reported.
        min_steps: Training steps that it must last, too.
    """

    kind: str
    where: str
    present: bool
    description: str
    patience: int = PATIENCE
    min_steps: int = 0


def check_losses(
    logs: Mapping[str, float], bounds: tuple[float, float]
) -> list[Symptom]:
    """Checks whether discriminators are saturated or beaten.

    Args:
        logs: Logs of an epoch.
        bounds: The discriminator's loss at its best, and if it guesses.
    """
    best, guessing = bounds
    found = []
    for name in [n for n in ("d_loss_a", "d_loss_b") if n in logs] or ["d_loss"]:
        place = (logs[name] - best) / (guessing - best)
        found += [
            Symptom(
                "discriminator_saturated",
                name,
                place < SATURATED,
                "a discriminator is saturated and teaches the generator little: "
                f"{name} is {logs[name]:.3g}; a discriminator that is never wrong "
                f"reaches {best:.3g}",
            ),
            Symptom(
                "discriminator_beaten",
                name,
                place > BEATEN,
                "a discriminator is beaten and no longer tells generated images from "
                f"real ones: {name} is {logs[name]:.3g}; a discriminator that guesses "
                f"reaches {guessing:.3g}",
                BEATEN_PATIENCE,
                BEATEN_STEPS,
            ),
        ]
    return found


def check_images(
    monitored: MonitoredGenerator,
    measured: Measurements,
    last_count: int | None = None,
) -> tuple[list[Symptom], int | None]:
    """Checks the images of one generator.

    Args:
        monitored: The generator.
        measured: Its measurements.
        last_count: Number of different images at the last measurement, or None.

    Returns:
        The symptoms, and the number of different images if there are real images.
    """
    of = f" of {monitored.name}" if monitored.name else ""
    reach = measured.gradient_reach
    found = [
        Symptom(
            "gradient_vanished",
            monitored.name,
            reach < VANISHED,
            f"the gradient of the generator{of} has vanished: changing its images by a "
            f"quarter of their range would change its loss by only {reach:.1g}",
        )
    ]
    count = None
    if monitored.targets is not None:
        count = symptoms.count_different(measured.small, monitored.targets.typical)
        found.append(
            _check_diversity(monitored, len(measured.small), count, last_count)
        )
        if monitored.sources is None:
            found.append(_check_memorized(monitored, measured))
    if measured.correlation is not None:
        found.append(
            Symptom(
                "inverted_colors",
                monitored.name,
                measured.correlation < INVERTED,
                f"the colors of the translations{of} are inverted: bright areas become "
                f"dark (correlation {measured.correlation:.2f})",
            )
        )
    if measured.cycle_errors is not None:
        clean, noisy, noise = measured.cycle_errors
        found.append(
            Symptom(
                "hidden_image",
                monitored.name,
                noisy - clean > HIDDEN_RISE * noise and noisy > HIDDEN_RATIO * clean,
                f"the translations{of} hide the image in a faint pattern: noise of "
                f"{symptoms.NOISE:.0%} of the range raises the cycle error from "
                f"{clean:.3f} to {noisy:.3f} of the range",
            )
        )
    return found, count


def check_changes(measured: Sequence[Measurements]) -> list[Symptom]:
    """Checks whether the generators of all directions change nothing."""
    changes = [one.change for one in measured if one.change is not None]
    if not changes:
        return []
    return [
        Symptom(
            "identity",
            "",
            max(changes) < UNCHANGED,
            "the generators have learned the identity: translations change an image by "
            f"at most {max(changes):.2f} times the difference of two images",
        )
    ]


def _check_diversity(
    monitored: MonitoredGenerator, n: int, count: int, last_count: int | None
) -> Symptom:
    of = f" of {monitored.name}" if monitored.name else ""
    # There are no more different translations than different sources.
    real = min(
        images.count_different(n)
        for images in (monitored.sources, monitored.targets)
        if images is not None
    )
    rises = last_count is not None and count > RISING * last_count
    return Symptom(
        "mode_collapse",
        monitored.name,
        count < COLLAPSED * real and not rises,
        f"the generator{of} produces only a few different images (mode collapse): "
        f"{count} of {n} generated images are distinct, compared with {real} of {n} "
        "real images",
    )


def _check_memorized(monitored: MonitoredGenerator, measured: Measurements) -> Symptom:
    targets = monitored.targets
    assert targets is not None
    distance = symptoms.nearest(measured.small, targets.small)
    ratio = distance / max(targets.nearest, 1e-9)
    return Symptom(
        "memorized",
        monitored.name,
        ratio < MEMORIZED,
        "the generator copies training images (memorization): the median distance of "
        f"a sample to the nearest real image is {ratio:.2f} times the median distance "
        "between a real image and its nearest neighbor",
    )
