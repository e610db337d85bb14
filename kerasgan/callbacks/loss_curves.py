"""Keeps what every epoch logged, and draws it."""

import csv
import io
import math
import pathlib
import re

import keras

from kerasgan.files import atomic_write

# What is drawn together, because it is measured alike: the panel's label, and the
# names of its curves.
PANELS = {
    "loss": r"[dg]_loss",
    "loss of each network": r"[dg]_loss_\w+",
    "penalty": r"penalty",
    "cycle and identity loss": r"(cycle|identity)_loss\w*",
    "discriminator's answer": r"(real|fake)_score\w*",
    "share of images": r"flip_rate_\w+|classifier_accuracy",
    "mean absolute difference": r"(cycle_error|change)_\w+",
    "Frechet distance": r"frechet_distance_\w+",
}


class LossCurves(keras.callbacks.Callback):
    """Keeps the logs of every epoch in `history.csv` and draws `loss_curves.png`.

    There is a panel for each kind of quantity: the losses of the players, the
    discriminator's mean answers on real and on generated images and, where they are
    in the logs, the penalty, the other losses of a CycleGAN and the scores of
    `Scorecard`, which has to come before this callback. Curves of validation data are
    dashed. Both files are written whole after each epoch.

    Args:
        folder: Folder of the run; it is made if it is missing.

    Example:

    >>> gan.fit(faces, callbacks=[kerasgan.callbacks.LossCurves("runs/faces")])
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.rows = []

    def on_train_begin(self, logs=None):
        self.rows = []
        file = self.folder / "history.csv"
        if self.model.steps_taken > 0 and file.exists():
            with open(file, newline="") as lines:
                self.rows = [
                    {k: float(v) for k, v in row.items() if v}
                    for row in csv.DictReader(lines)
                ]

    def on_epoch_begin(self, epoch, logs=None):
        # A run that is gone on with may have been stopped later than it was saved.
        self.rows = [row for row in self.rows if row["epoch"] <= epoch]

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": float(epoch + 1)}
        row.update((key, float(value)) for key, value in (logs or {}).items())
        self.rows.append(row)
        # Validation logs may be missing from some epochs.
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        self._write_csv(names)
        self._write_png(names)

    def _write_csv(self, names):
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "epoch": int(row["epoch"])} for row in self.rows)
        with atomic_write(self.folder / "history.csv") as file:
            file.write(text.getvalue().encode())

    def _write_png(self, names):
        # Imported when used; a Figure of its own leaves pyplot's state alone.
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        panels = {
            label: [n for n in names if re.fullmatch(pattern, n.removeprefix("val_"))]
            for label, pattern in PANELS.items()
        }
        panels = {label: curves for label, curves in panels.items() if curves}
        columns = 1 if len(panels) <= 3 else 2
        rows = max(1, math.ceil(len(panels) / columns))
        figure = Figure(figsize=(8 * columns, 3 * rows), layout="constrained")
        for place, (label, curves) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(rows, columns, place)
            self._draw(axes, curves)
            axes.set_ylabel(label)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
            # Beside the curves: a panel may have many.
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        with atomic_write(self.folder / "loss_curves.png") as file:
            file.write(buffer.getvalue())

    def _draw(self, axes, curves):
        # A curve and its validation have one colour.
        names = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
        for curve in curves:
            points = [(r["epoch"], r[curve]) for r in self.rows if curve in r]
            axes.plot(
                *zip(*points, strict=True),
                label=curve,
                color=f"C{names.index(curve.removeprefix('val_'))}",
                linestyle="--" if curve.startswith("val_") else "-",
                marker="." if len(points) < 50 else None,
            )
