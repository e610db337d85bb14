"""Metrics of generated and translated images."""

from kerasgan.metrics.attribute_classifier import AttributeClassifier
from kerasgan.metrics.frechet import frechet_distance
from kerasgan.metrics.translation import translation_scores

__all__ = ["AttributeClassifier", "frechet_distance", "translation_scores"]
