"""What `Diagnosis` can find, and what usually helps."""

import dataclasses

# What usually helps, by the kind of a finding.
ADVICE = {
    "not_finite": "lower learning rates, and a check that all of the data is finite",
    "discriminator_saturated": "a lower learning rate of d_optimizer, label_noise, a "
    "smaller discriminator, or more data",
    "discriminator_beaten": "a higher learning rate of d_optimizer, more "
    "discriminator steps, or a larger discriminator, unless the images are as good as "
    "real ones",
    "gradient_vanished": "loss_fn 'non_saturating' or 'least_squares', and a lower "
    "learning rate of d_optimizer",
    "mode_collapse": "starting again with lower learning rates, larger batches, or "
    "label_noise",
    "memorized": "more data, augmentation, a smaller discriminator, or fewer epochs",
    "identity": "a lower identity_weight and cycle_weight, or a higher "
    "adversarial_weight",
    "inverted_colors": "a higher identity_weight, or another seed",
    "hidden_image": "a lower cycle_weight, or generators without skip connections",
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """A problem that `Diagnosis` found.

    Attributes:
        kind: A key of `ADVICE`, such as `"mode_collapse"`.
        step: Int, the training step at which the problem was first measured.
        sentence: What is happening, since which step, and what usually helps.
    """

    kind: str
    step: int
    sentence: str
