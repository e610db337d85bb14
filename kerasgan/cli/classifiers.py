"""Classifiers that judge translations, trained once and kept in the cache."""

import hashlib
import json

import keras

from kerasgan.data.cache import cache_dir
from kerasgan.metrics import AttributeClassifier
from kerasgan.version import __version__

# Held-out images that are read at once.
AT_ONCE = 256
# Images of a batch to train on. No domain has fewer, and what is learned does not
# depend on the batches of the run.
BATCH_SIZE = 1


def kept_classifier(domains, recipe, options):
    """Returns a classifier that tells two domains apart, None if none can be judged.

    Args:
        domains: The `Domains`. Without held-out images nobody could say how good
            the classifier is.
        recipe: Recipe of the run, with `load_scale` and `classifier_steps`.
        options: What the command was given.

    Returns:
        An `AttributeClassifier`: of an earlier run on the same images, if there was
        one, or else a new one.

    Raises:
        ValueError: If only one image of a domain is held out.
    """
    if domains.held_out is None:
        return None
    size = options.image_size
    domains.check_judged(size)
    held_out = domains.read(domains.held_out, size, batch_size=AT_ONCE, shuffle=False)
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
    print("A classifier that tells them apart is trained first, once:")
    # From data of its own: going through that of the run would change its order.
    classifier = AttributeClassifier.train(
        *domains.train(size, recipe.load_scale, BATCH_SIZE, seed=0),
        held_out=held_out,
        steps=recipe.classifier_steps,
    )
    classifier.save(path)
    return classifier
