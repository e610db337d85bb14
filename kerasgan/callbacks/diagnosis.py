"""`Diagnosis`: finds failures of training that the losses do not show."""

import dataclasses
from typing import Any

import keras

from kerasgan.arguments import check_positive
from kerasgan.callbacks.checks import check_adversarial
from kerasgan.callbacks.findings import ADVICE, Finding
from kerasgan.callbacks.monitored import monitored_generators
from kerasgan.callbacks.real_images import RealImages
from kerasgan.callbacks.symptom_checks import (
    Symptom,
    check_changes,
    check_images,
    check_losses,
)
from kerasgan.metrics.symptoms import loss_bounds
from kerasgan.training.not_finite import first_layer_not_finite, terms_not_finite
from kerasgan.training.recovery import LastGoodState

# How often training goes back to the last good state, and the factor by which learning
# rates are multiplied each time.
MAX_RECOVERIES, RATE_FACTOR = 3, 0.5


class Diagnosis(keras.callbacks.Callback):
    """Finds failures of training and prints one sentence about each.

    The sentence says what is happening, since which step, and what usually helps. After
    every batch, the callback checks whether the logs are finite. After epochs, it
    checks the losses and the outputs of the trained (not averaged) generators for fixed
    inputs. It detects a saturated or beaten discriminator, a vanished gradient of a
    generator, samples that lack variety or copy training images, and translations of a
    CycleGAN that change nothing, invert colors or hide the image. It reports a symptom
    that three measurements in a row show, and again if it disappears and comes back.
    As long as all values are finite, training is the same with and without this
    callback.

    Images are processed in small batches.

    Args:
        images: Training images, in the range of the model: a float array
            `(n, height, width, channels)` or a `tf.data.Dataset` of batches of them.
            For a model that translates, a pair `(a, b)` or `(source, target)`. The
            first 2048 are kept, in a small size. Reading a shuffled dataset changes its
            order during training. To avoid this, pass a second dataset of the same
            images, or a dataset of `kerasgan.data` with a seed. Without images, samples
            are not compared with the data, and only the losses of a model that
            translates are checked.
        every_epochs: Int. The losses and images are checked every `every_epochs`
            epochs.
        recover: Whether to return to the end of the last good epoch, with half the
            learning rates, when values are no longer finite. That state is kept in a
            temporary file. If values are not finite again after three recoveries,
            training stops in the last good state; without `recover` it stops at once. A
            run that `RunState` resumes keeps the number of recoveries, the lowered
            rates and the findings. Before the first epoch after resuming ends, recovery
            returns to the checkpoint.

    Attributes:
        findings: List of `Finding` of this training, in order.
        stopped_training: Whether the callback stopped this training.

    Raises:
        ValueError: If `images` is not an array or dataset of images or has fewer than
            16, or if `every_epochs` is not a positive integer. When training starts: if
            the shape or range of the images does not match the model, or the model is
            not a `GAN` or `CycleGAN`.

    Example:

    >>> diagnosis = kerasgan.callbacks.Diagnosis(faces, recover=True)
    >>> gan.fit(faces, epochs=25, callbacks=[diagnosis])
    >>> [finding.kind for finding in diagnosis.findings]
    ['mode_collapse']
    """

    def __init__(
        self, images: Any = None, every_epochs: int = 1, recover: bool = False
    ) -> None:
        check_positive(every_epochs=every_epochs)
        super().__init__()
        is_pair = isinstance(images, (tuple, list))
        if is_pair and len(images) != 2:
            raise ValueError(
                f"images is a sequence of {len(images)}; expected one array or "
                "dataset, or a pair of them."
            )
        named = {"images": images}
        if is_pair:
            named = {"images[0]": images[0], "images[1]": images[1]}
        self.images = [] if images is None else [RealImages(*i) for i in named.items()]
        self.every_epochs = every_epochs
        self.recover = recover
        self._reset()

    def _reset(self) -> None:
        self.findings: list[Finding] = []
        self.stopped_training = False
        # For each symptom: its first step, the measurements in a row, and whether it
        # was reported.
        self._streaks: dict[tuple[str, str], tuple[int, int, bool]] = {}
        self._last_counts: dict[str, int] = {}
        self._recoveries = 0
        self._interrupted = False

    def get_state(self) -> dict[str, Any]:
        """Returns the state for `RunState`, as JSON-compatible values."""
        return {
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
            "streaks": [[*key, *streak] for key, streak in self._streaks.items()],
            "last_counts": self._last_counts,
            "recoveries": self._recoveries,
            "interrupted": self._interrupted,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restores the state that `get_state` returned."""
        self.findings = [Finding(**finding) for finding in state["findings"]]
        self._streaks = {(k, w): tuple(more) for k, w, *more in state["streaks"]}
        self._last_counts = state["last_counts"]
        self._recoveries = state["recoveries"]
        self._interrupted = state["interrupted"]
        if self._recoveries:
            self._last_good.lower_schedules(RATE_FACTOR**self._recoveries)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        check_adversarial("Diagnosis", self.model)
        self._reset()
        self._monitored = monitored_generators(self.model, self.images)
        self._bounds = loss_bounds(self.model.loss_fn, self.model.label_noise)
        self._last_good = LastGoodState(self.model)
        self._reported_full_disk = False
        if self.recover and self._last_good.is_finite():
            self._keep()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._last_good.discard()

    def _keep(self) -> None:
        """Copies the state, or reports once that this is impossible."""
        try:
            self._last_good.keep()
        except OSError as error:
            if not self._reported_full_disk:
                self._reported_full_disk = True
                self._print(f"Diagnosis cannot keep the last good state: {error}")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._interrupted = False

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        terms = terms_not_finite(logs or {})
        if terms:
            more = f" (and {len(terms) - 1} more)" if len(terms) > 1 else ""
            self._handle_not_finite(f"{terms[0]}{more}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if self._interrupted:
            # The logs are not those of a whole epoch.
            return
        if not self._last_good.is_finite():
            self._handle_not_finite("the result of the last update")
            return
        if self.recover:
            self._keep()
        if (epoch + 1) % self.every_epochs == 0:
            for symptom in self._check(logs):
                self._track(symptom)

    def _check(self, logs: dict[str, float]) -> list[Symptom]:
        """Checks the losses of an epoch and the images of all generators."""
        found = [] if self._bounds is None else check_losses(logs, self._bounds)
        measured = []
        for monitored in self._monitored:
            result = monitored.measure(self.model.loss_fn, logs.get("real_score", 0.0))
            last_count = self._last_counts.get(monitored.name)
            symptoms, count = check_images(monitored, result, last_count)
            if count is not None:
                self._last_counts[monitored.name] = count
            found += symptoms
            measured.append(result)
        return [*found, *check_changes(measured)]

    def _track(self, symptom: Symptom) -> None:
        """Reports a symptom once it has lasted long enough."""
        key = symptom.kind, symptom.where
        if not symptom.present:
            self._streaks.pop(key, None)
            return
        step = self.model.steps_taken
        first, times, reported = self._streaks.get(key, (step, 0, False))
        lasted = times + 1 >= symptom.patience and step - first >= symptom.min_steps
        if lasted and not reported:
            description = f"Since step {first} {symptom.description}"
            self._report(symptom.kind, first, description)
        self._streaks[key] = (first, times + 1, reported or lasted)

    def _handle_not_finite(self, what: str) -> None:
        """Reports where values became infinite or NaN, and goes back or stops."""
        self._interrupted = True
        step, last_good = self.model.steps_taken, self._last_good
        layer = first_layer_not_finite(self._networks()) or "an unknown layer"
        if last_good.copy and self._recoveries == MAX_RECOVERIES:
            last_good.restore(1.0)
            self.stopped_training = self.model.stop_training = True
            then = f"training stops, with the model restored to step {last_good.step}"
        elif last_good.copy:
            self._recoveries += 1
            last_good.restore(RATE_FACTOR)
            then = (
                f"training returns to step {last_good.step} with learning rates "
                f"multiplied by {RATE_FACTOR} (recovery {self._recoveries} of "
                f"{MAX_RECOVERIES})"
            )
        else:
            self.stopped_training = self.model.stop_training = True
            then = "training stops"
        description = f"{what} is not finite, first in {layer}, and {then}"
        self._report("not_finite", step, f"At step {step} {description}")

    def _networks(self) -> list[tuple[str, keras.Model, Any]]:
        """Returns `(role, network, inputs)` of all networks, generators first."""
        model = self.model
        inputs = {}
        for monitored in self._monitored:
            n = monitored.batch_size
            inputs[id(monitored.generator)] = monitored.inputs[:n]
            shown = (
                monitored.samples(n)
                if monitored.targets is None
                else monitored.targets.whole[:n]
            )
            inputs[id(monitored.discriminator)] = shown
        return [
            (role, network, inputs.get(id(network)))
            for players in model.players()
            for network in players
            for role in model.roles
            if getattr(model, role) is network
        ]

    def _report(self, kind: str, step: int, description: str) -> None:
        sentence = f"{description}; what usually helps: {ADVICE[kind]}."
        self.findings.append(Finding(kind, step, sentence))
        self._print(sentence)

    def _print(self, sentence: str) -> None:
        """Prints a sentence, below the progress bar if there is one."""
        print(f"\n{sentence}" if self.params.get("verbose") else sentence)
