"""Metrics of generated and translated images."""

from kerasgan.metrics.attribute_classifier import AttributeClassifier
from kerasgan.metrics.diversity import ms_ssim_diversity
from kerasgan.metrics.estimates import Estimate
from kerasgan.metrics.extraction import FeatureExtractor
from kerasgan.metrics.extractors import feature_extractor
from kerasgan.metrics.frechet import (
    FeatureStatistics,
    frechet_distance,
    frechet_distance_infinity,
)
from kerasgan.metrics.inception_score import inception_score
from kerasgan.metrics.keras_metrics import FrechetDistance, KernelDistance, Prdc
from kerasgan.metrics.kernel import kernel_distance
from kerasgan.metrics.neighbors import prdc
from kerasgan.metrics.records import Record, read_records, write_records
from kerasgan.metrics.sliced_wasserstein import sliced_wasserstein_distance
from kerasgan.metrics.translation import translation_scores

__all__ = [
    "AttributeClassifier",
    "Estimate",
    "FeatureExtractor",
    "FeatureStatistics",
    "FrechetDistance",
    "KernelDistance",
    "Prdc",
    "Record",
    "feature_extractor",
    "frechet_distance",
    "frechet_distance_infinity",
    "inception_score",
    "kernel_distance",
    "ms_ssim_diversity",
    "prdc",
    "read_records",
    "sliced_wasserstein_distance",
    "translation_scores",
    "write_records",
]
