"""Callbacks that show a run: sheets of samples, their evolution, curves, scores."""

from kerasgan.callbacks.loss_curves import LossCurves
from kerasgan.callbacks.samples import SampleGrid, TranslationGrid
from kerasgan.callbacks.scorecard import Scorecard

__all__ = ["LossCurves", "SampleGrid", "Scorecard", "TranslationGrid"]
