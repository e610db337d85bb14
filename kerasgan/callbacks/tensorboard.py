"""Keras's TensorBoard, with both learning rates and images."""

import importlib.util
import os

import keras
import tensorflow as tf

from kerasgan.callbacks.samples import EpochSheets
from kerasgan.optimizers import PLAYERS, learning_rate, optimizer_of


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's `TensorBoard` that knows two optimizers, and shows images.

    Every epoch has two more scalars, `epoch_d_learning_rate` and
    `epoch_g_learning_rate`, what the rates are at its end, those of schedules too. A
    sheet is drawn after every epoch and, as step 0, before the first; it is in a run
    of its own, `images`, beside Keras's `train` and `validation`. The package
    `tensorboard` has to be installed.

    Args:
        log_dir: Folder of the event files.
        sheet: `SampleGrid` or `TranslationGrid` that draws the images; None for no
            images. It writes files of its own only where it is among the callbacks
            itself.
        **options: What else `keras.callbacks.TensorBoard` takes.

    Raises:
        ValueError: If `sheet` draws no images.
        ModuleNotFoundError: If the package `tensorboard` is missing.

    Example:

    >>> grid = kerasgan.callbacks.SampleGrid("runs/faces")
    >>> board = kerasgan.callbacks.TensorBoard("runs/faces/logs", sheet=grid)
    >>> gan.fit(faces, epochs=25, callbacks=[grid, board])
    """

    def __init__(self, log_dir="logs", sheet=None, **options):
        if sheet is not None and not isinstance(sheet, EpochSheets):
            raise ValueError(
                f"sheet is {sheet!r}; expected kerasgan.callbacks.SampleGrid or "
                "TranslationGrid."
            )
        if importlib.util.find_spec("tensorboard") is None:
            raise ModuleNotFoundError(
                "TensorBoard writes with the package tensorboard, which is not "
                "installed; expected it: pip install tensorboard."
            )
        super().__init__(os.fspath(log_dir), **options)
        self.sheet = sheet

    def set_model(self, model):
        super().set_model(model)
        if self.sheet is not None:
            self.sheet.set_model(model)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self.sheet is not None:
            folder = os.path.join(self.log_dir, "images")
            self.image_writer = tf.summary.create_file_writer(folder)
            if self.model.steps_taken == 0:
                self._write_sheet(0)

    def on_epoch_end(self, epoch, logs=None):
        rates = {
            f"{player[0]}_learning_rate": learning_rate(
                optimizer_of(self.model, player)
            )
            for player in PLAYERS
        }
        super().on_epoch_end(epoch, {**rates, **logs})
        if self.sheet is not None:
            self._write_sheet(epoch + 1)

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        if self.sheet is not None:
            self.image_writer.close()

    def _write_sheet(self, step):
        image = self.sheet.sheet()
        # Keras, told to write some batches only, leaves that condition standing.
        with self.image_writer.as_default(), tf.summary.record_if(True):
            tf.summary.image(self.sheet.sheets.name, image[None], step=step)
