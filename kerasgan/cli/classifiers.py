"""Classifiers that score translations, trained once and cached."""

import argparse
import hashlib
import json
from typing import Any

import keras

from kerasgan.cli.domains import Domains
from kerasgan.data.cache import cache_dir
from kerasgan.metrics import AttributeClassifier
from kerasgan.version import __version__

# Held-out images in a batch.
HELD_OUT_BATCH = 256
# Training images in a batch: fits every domain, and does not depend on the options of
# the run.
TRAINING_BATCH = 1


def cached_classifier(
    domains: Domains, recipe: Any, options: argparse.Namespace
) -> AttributeClassifier | None:
    """Returns a classifier that tells two domains apart.

    It is trained once and cached: later runs on the same images load it.

    Args:
        domains: The domains.
        recipe: Recipe of the run, with `load_scale` and `classifier_steps`.
        options: The parsed command line.

    Returns:
        The classifier, or None without held-out images: its accuracy would be
        unknown.

    Raises:
        ValueError: If a domain has only one held-out image.
    """
    if domains.held_out is None:
        return None
    size = options.image_size
    domains.check_held_out(size)
    held_out = domains.read(
        domains.held_out, size, batch_size=HELD_OUT_BATCH, shuffle=False
    )
    facts = {
        "versions": [__version__, keras.__version__],
        "attribute": options.attribute,
        "image_size": size,
        "load_scale": recipe.load_scale,
        "steps": recipe.classifier_steps,
        "images": [domains.facts(split) for split in ("train", domains.held_out)],
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    path = cache_dir() / f"classifier-{digest[:16]}.keras"
    if path.exists():
        return AttributeClassifier.load(path)
    print("Training a classifier that tells the domains apart, once for this data:")
    # Separate datasets: iterating those of the run would change their order.
    classifier = AttributeClassifier.train(
        *domains.train(size, recipe.load_scale, TRAINING_BATCH, seed=0),
        held_out=held_out,
        steps=recipe.classifier_steps,
    )
    classifier.save(path)
    return classifier
