"""Callbacks that show a run: sheets of samples, their evolution, curves, scores."""

from kerasgan.callbacks.diagnosis import Diagnosis
from kerasgan.callbacks.for_optimizer import ForOptimizer
from kerasgan.callbacks.loss_curves import LossCurves
from kerasgan.callbacks.samples import SampleGrid, TranslationGrid
from kerasgan.callbacks.scorecard import Scorecard
from kerasgan.callbacks.tensorboard import TensorBoard
from kerasgan.training.run_state import RunState

__all__ = [
    "Diagnosis",
    "ForOptimizer",
    "LossCurves",
    "RunState",
    "SampleGrid",
    "Scorecard",
    "TensorBoard",
    "TranslationGrid",
]
