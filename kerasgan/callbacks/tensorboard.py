"""Keras's TensorBoard with both learning rates and grids of images."""

import importlib.util
import os
from typing import Any

import keras
import tensorflow as tf

from kerasgan.callbacks.grids import EpochGrids
from kerasgan.files import absolute_path
from kerasgan.optimizers import PLAYERS, learning_rate, optimizer_of


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's `TensorBoard` with both learning rates and grids of images.

    Every epoch has two more scalars, `epoch_d_learning_rate` and
    `epoch_g_learning_rate`: the rates at its end, also of schedules. Grids are drawn
    before the first step, as step 0, and after every epoch. They are in a run named
    `images` beside Keras's `train` and `validation`. The package `tensorboard` must be
    installed.

    Args:
        log_dir: Folder of the event files, or a URL such as `"gs://bucket/logs"`.
        grid: `SampleGrid` or `TranslationGrid` that draws the images, or None for no
            images. It writes its own files only if it is also in the list of callbacks.
        **options: Further arguments of `keras.callbacks.TensorBoard`.

    Raises:
        ValueError: If `grid` is not one of these callbacks.
        ModuleNotFoundError: If the package `tensorboard` is not installed.

    Example:

    >>> grid = kerasgan.callbacks.SampleGrid("runs/faces")
    >>> board = kerasgan.callbacks.TensorBoard("runs/faces/logs", grid=grid)
    >>> gan.fit(faces, epochs=25, callbacks=[grid, board])
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        grid: EpochGrids | None = None,
        **options: Any,
    ) -> None:
        if grid is not None and not isinstance(grid, EpochGrids):
            raise ValueError(
                f"grid is {grid!r}; expected kerasgan.callbacks.SampleGrid or "
                "TranslationGrid."
            )
        if importlib.util.find_spec("tensorboard") is None:
            raise ModuleNotFoundError(
                "The package tensorboard is not installed; expected it for the "
                "callback TensorBoard: pip install tensorboard."
            )
        is_url = "://" in os.fspath(log_dir)
        super().__init__(
            os.fspath(log_dir if is_url else absolute_path(log_dir)), **options
        )
        self.grid = grid

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        if self.grid is not None:
            self.grid.set_model(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if self.grid is not None:
            self.grid.check_model()
            folder = os.path.join(self.log_dir, "images")
            self.image_writer = tf.summary.create_file_writer(folder)
            if self.model.steps_taken == 0:
                self._write_grid(self.grid, 0)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        rates = {
            f"{player[0]}_learning_rate": learning_rate(
                optimizer_of(self.model, player)
            )
            for player in PLAYERS
        }
        super().on_epoch_end(epoch, {**rates, **(logs or {})})
        if self.grid is not None:
            self._write_grid(self.grid, epoch + 1)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_end(logs)
        if self.grid is not None:
            self.image_writer.close()

    def _write_grid(self, grid: EpochGrids, step: int) -> None:
        image = grid.draw()
        # With an integer `update_freq`, Keras leaves a condition for writing behind.
        with self.image_writer.as_default(), tf.summary.record_if(True):
            tf.summary.image(grid.name, image[None], step=step)
