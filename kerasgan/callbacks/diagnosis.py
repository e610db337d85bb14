"""Watches training for what its losses do not show, and says it in one sentence."""

import dataclasses

import keras

from kerasgan.arguments import check_positive
from kerasgan.callbacks.findings import ADVICE, Finding
from kerasgan.callbacks.views import BATCH, FixedImages, views_of
from kerasgan.metrics import symptoms
from kerasgan.models.adversarial import AdversarialModel
from kerasgan.training.not_finite import first_layer_not_finite, terms_not_finite
from kerasgan.training.recovery import LastGoodState

# Times that training goes back, and what learning rates are multiplied by.
MOST_RECOVERIES, LOWERED = 3, 0.5

# Where the discriminator's loss lies between its best, 0, and knowing nothing, 1.
SATURATED, BEATEN = 0.05, 0.99
# How much the generator's loss could fall if its images moved by a quarter of their
# range: from 1 to 100 in healthy runs. Of images rejected with a logit of -10, the
# minimax loss leaves 5e-5 of that.
VANISHED = 1e-3
# The share of different images among samples, against that of the data; and how much
# it rises in a run that has only started, and is no collapse.
COLLAPSED, RISING = 1 / 8, 1.25
# Distance of samples to their nearest real image, against that of real images to
# theirs: above 1 in healthy runs on faces, and 0.8 while all samples are one blur.
MEMORISED = 0.5
# Change by translation against the difference of two images: of faces, 0.05 in
# [-1, 1], which is what a generator misses that has learned to change nothing.
UNCHANGED = 0.1
# Correlation of the brightness before and after.
INVERTED = -0.5
# The cycle error rises by so many times the size of the noise, and to so many times
# what it was. A network that only passes noise on adds no more than there is.
HIDDEN_RISE, HIDDEN_TIMES = 2.0, 2.0

# Measurements in a row that have to agree: one alone may be noise, and generators that
# have only begun make much the same of every input.
PATIENCE = 3
# A discriminator that knows nothing is how training starts, and how it ends if the
# images are perfect. It has to last for this many measurements, and steps.
BEATEN_PATIENCE, BEATEN_STEPS = 10, 1000


class Diagnosis(keras.callbacks.Callback):
    """Says in one sentence what is going wrong, since when, and what usually helps.

    After every batch it looks for logs that are not finite. After epochs it looks at
    the losses, and at what the networks that are trained (not their averages) make of
    a few fixed inputs: whether a discriminator is saturated or beaten, a generator's
    gradient has vanished, samples are of a few kinds only or repeat images of the
    data, and whether a CycleGAN changes nothing, inverts colours or hides the image in
    its translation. What was seen three times in a row is printed, once, and again if
    it went away and came back. Training is the same with and without this callback as
    long as its numbers are finite.

    Args:
        images: Images that are trained on, in the range of the model: a float array
            `(n, height, width, channels)` or a `tf.data.Dataset` of batches of them;
            for a model that translates, a pair of such, `(a, b)` or `(source,
            target)`. The first 2048 are kept, small. A data set that shuffles comes in
            another order once it was read: for the same run to the bit, do not give
            the one that is trained on. Without images samples are not compared with
            data, and a model that translates is watched by its losses only.
        every_epochs: Int; images are measured after every so many epochs.
        recover: Whether to go back to the end of the last good epoch, with half the
            learning rates, when numbers stop being finite. That state is kept in
            memory. After three times it goes back once more, and training stops, as it
            does at once without `recover`. With `RunState`, a run that is gone on with
            keeps its count, its lowered rates and its findings; the state to go back to
            is then the one it went on from, until its epoch has ended.

    Attributes:
        findings: List of `Finding` of this training, in order.
        gave_up: Whether it has stopped this training, because of numbers that are not
            finite.

    Raises:
        ValueError: If `images` are no such images or fewer than 16, if `every_epochs`
            is not positive, or, when training starts, if the model takes others or is
            none of this library.

    Example:

    >>> diagnosis = kerasgan.callbacks.Diagnosis(faces, recover=True)
    >>> gan.fit(faces, epochs=25, callbacks=[diagnosis])
    >>> [finding.kind for finding in diagnosis.findings]
    ['mode_collapse']
    """

    def __init__(self, images=None, every_epochs=1, recover=False):
        check_positive(every_epochs=every_epochs)
        super().__init__()
        pair = isinstance(images, (tuple, list))
        if pair and len(images) != 2:
            raise ValueError(
                f"images is a sequence of {len(images)}; expected one array or data "
                "set, or a pair of them."
            )
        named = {"images": images}
        if pair:
            named = {"images[0]": images[0], "images[1]": images[1]}
        self.images = [] if images is None else [FixedImages(*i) for i in named.items()]
        self.every_epochs = every_epochs
        self.recover = recover
        self.findings = []
        self.gave_up = False

    def get_state(self):
        """Returns what `RunState` has to keep, a dict that JSON can hold."""
        return {
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
            "streaks": [[*key, *streak] for key, streak in self._streaks.items()],
            "last_counts": self._last_counts,
            "recoveries": self._recoveries,
            "interrupted": self._interrupted,
        }

    def set_state(self, state):
        """Takes up what `get_state` returned when this training was stopped."""
        self.findings = [Finding(**finding) for finding in state["findings"]]
        self._streaks = {(k, w): tuple(more) for k, w, *more in state["streaks"]}
        self._last_counts = state["last_counts"]
        self._recoveries = state["recoveries"]
        self._interrupted = state["interrupted"]
        if self._recoveries:
            self._state.lower_schedules(LOWERED**self._recoveries)

    def on_train_begin(self, logs=None):
        if not isinstance(self.model, AdversarialModel):
            raise ValueError(
                f"Diagnosis is given to a {type(self.model).__name__}; expected a "
                "kerasgan.GAN or kerasgan.CycleGAN."
            )
        self.findings = []
        # Of a symptom: since which step, how often, and whether it has been said.
        self._streaks = {}
        self._last_counts = {}
        self._recoveries = 0
        self._interrupted = False
        self.gave_up = False
        self._views = views_of(self.model, self.images)
        self._bounds = symptoms.loss_bounds(self.model.loss_fn, self.model.label_noise)
        self._state = LastGoodState(self.model)
        if self.recover and self._state.is_finite():
            self._state.keep()

    def on_epoch_begin(self, epoch, logs=None):
        self._interrupted = False

    def on_train_batch_end(self, batch, logs=None):
        terms = terms_not_finite(logs or {})
        if terms:
            more = f" (and {len(terms) - 1} more)" if len(terms) > 1 else ""
            self._not_finite(f"{terms[0]}{more}")

    def on_epoch_end(self, epoch, logs=None):
        if self._interrupted:
            # The logs are not those of a whole epoch.
            return
        if not self._state.is_finite():
            self._not_finite("what the last step made of the variables")
            return
        if self.recover:
            self._state.keep()
        if (epoch + 1) % self.every_epochs == 0:
            self._look_at_losses(logs)
            changes = [self._look_at_images(view) for view in self._views]
            self._look_at_changes([c for c in changes if c is not None])

    def _not_finite(self, what):
        """Says where numbers stopped being finite, then stops training or goes back."""
        self._interrupted = True
        step = self.model.steps_taken
        layer = first_layer_not_finite(self._networks()) or "no layer that is known"
        if self._state.values and self._recoveries == MOST_RECOVERIES:
            self._state.restore(1.0)
            self.gave_up = self.model.stop_training = True
            then = f"training stops, with the model put back to step {self._state.step}"
        elif self._state.values:
            self._recoveries += 1
            self._state.restore(LOWERED)
            then = (
                f"training goes back to the state of step {self._state.step} with "
                f"learning rates times {LOWERED} ({self._recoveries} of "
                f"{MOST_RECOVERIES} times)"
            )
        else:
            self.gave_up = self.model.stop_training = True
            then = "training stops"
        words = f"{what} is not finite, first in {layer}, and {then}"
        self._say("not_finite", step, f"At step {step} {words}")

    def _networks(self):
        """Returns `(role, network, inputs)` of all networks, generators first."""
        model = self.model
        inputs = {}
        for view in self._views:
            inputs[id(view.generator)] = view.inputs[:BATCH]
            judged = view.targets.whole if view.targets else view.images()
            inputs[id(view.discriminator)] = judged[:BATCH]
        return [
            (role, network, inputs.get(id(network)))
            for players in model.players()
            for network in players
            for role in model.roles
            if getattr(model, role) is network
        ]

    def _look_at_losses(self, logs):
        if self._bounds is None:
            return
        best, ignorant = self._bounds
        for name in [n for n in ("d_loss_a", "d_loss_b") if n in logs] or ["d_loss"]:
            place = (logs[name] - best) / (ignorant - best)
            loss = f"{name} is {logs[name]:.3g}, and {{}} would be {{:.3g}}"
            self._watch(
                "discriminator_saturated",
                name,
                place < SATURATED,
                "a discriminator is saturated and teaches the generator little: "
                + loss.format("never wrong", best),
            )
            self._watch(
                "discriminator_beaten",
                name,
                place > BEATEN,
                "a discriminator is beaten and no longer tells generated images from "
                "real ones: " + loss.format("guessing", ignorant),
                BEATEN_PATIENCE,
                BEATEN_STEPS,
            )

    def _look_at_images(self, view):
        """Looks at what a generator makes; returns its relative change, if it has."""
        made = view.images()
        of = f" of {view.name}" if view.name else ""
        reach = symptoms.gradient_reach(
            view.discriminator, self.model.loss_fn, made, view.value_range
        )
        self._watch(
            "gradient_vanished",
            view.name,
            reach < VANISHED,
            f"the gradient that reaches the generator{of} has vanished: images that "
            f"move by a quarter of their range would change its loss by {reach:.1g}",
        )
        small = symptoms.small_images(made)
        if view.targets is not None:
            self._look_at_diversity(view, small, of)
        if view.targets is not None and view.sources is None:
            ratio = symptoms.nearest(small, view.targets.small) / max(
                view.targets.nearest, 1e-9
            )
            self._watch(
                "memorised",
                view.name,
                ratio < MEMORISED,
                "samples repeat images of the data (memorised): half of them are "
                f"nearer to one than {ratio:.2f} times what is between real images",
            )
        return None if view.back is None else self._look_at_translations(view, made, of)

    def _look_at_diversity(self, view, small, of):
        n = len(small)
        count = symptoms.count_different(small, view.targets.typical)
        # No more can come out than goes in.
        real = min(i.different(n) for i in (view.sources, view.targets) if i)
        rises = count > RISING * self._last_counts.get(view.name, count)
        self._last_counts[view.name] = count
        self._watch(
            "mode_collapse",
            view.name,
            count < COLLAPSED * real and not rises,
            f"the images{of} are of a few kinds only (mode collapse): of {n} only "
            f"{count} differ, and {real} among as many of the data",
        )

    def _look_at_translations(self, view, made, of):
        before, after = view.unit_inputs(), view.to_unit(made)
        correlation = symptoms.brightness_correlation(before, after)
        self._watch(
            "inverted_colours",
            view.name,
            correlation < INVERTED,
            f"the translations{of} are inverted: where images are bright they are "
            f"dark (correlation {correlation:.2f})",
        )
        clean, noisy, noise = symptoms.cycle_error_under_noise(
            view.back_in_unit, before[:BATCH], after[:BATCH]
        )
        self._watch(
            "hidden_image",
            view.name,
            noisy - clean > HIDDEN_RISE * noise and noisy > HIDDEN_TIMES * clean,
            f"the translations{of} hide the image in a faint pattern: noise of "
            f"{symptoms.NOISE:.0%} of the range takes the cycle error from {clean:.3f} "
            f"to {noisy:.3f} of it",
        )
        if before.shape != after.shape:
            return None
        return symptoms.relative_change(before, after)

    def _look_at_changes(self, changes):
        if changes:
            self._watch(
                "identity",
                "",
                max(changes) < UNCHANGED,
                "the generators have learned the identity: translation changes an "
                f"image by no more than {max(changes):.2f} times what is between two",
            )

    def _watch(self, kind, where, is_so, words, patience=PATIENCE, steps=0):
        """Counts how long a symptom has lasted, and says it when that is long enough.

        Args:
            kind: A key of `ADVICE`.
            where: What tells apart symptoms of a kind.
            is_so: Whether it was measured now.
            words: What to say of it.
            patience: Measurements in a row that make it a finding.
            steps: Training steps that it has to last, too.
        """
        if not is_so:
            self._streaks.pop((kind, where), None)
            return
        step = self.model.steps_taken
        since, times, said = self._streaks.get((kind, where), (step, 0, False))
        due = times + 1 >= patience and step - since >= steps
        if due and not said:
            self._say(kind, since, f"Since step {since} {words}")
        self._streaks[kind, where] = (since, times + 1, said or due)

    def _say(self, kind, step, words):
        sentence = f"{words}; what usually helps: {ADVICE[kind]}."
        self.findings.append(Finding(kind, step, sentence))
        # Below the progress bar, if there is one.
        print(f"\n{sentence}" if self.params.get("verbose") else sentence)
