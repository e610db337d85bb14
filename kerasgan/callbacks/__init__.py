"""Callbacks that show, measure and diagnose training."""

from kerasgan.callbacks.diagnosis import Diagnosis
from kerasgan.callbacks.for_optimizer import ForOptimizer
from kerasgan.callbacks.grids import SampleGrid, TranslationGrid
from kerasgan.callbacks.loss_curves import LossCurves
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
