"""Callbacks that show a run: grids of samples, their evolution, loss curves."""

import csv
import io
import math
import pathlib

import keras

from kerasgan import images
from kerasgan.arguments import check_positive
from kerasgan.files import atomic_write

# A GIF of more frames is large and tells no more; they are picked evenly.
MOST_FRAMES = 100


class SampleGrid(keras.callbacks.Callback):
    """Writes a grid of samples from fixed latents after every epoch.

    The files are `samples/epoch_0001.png` and so on, with `epoch_0000.png` from
    before the first step, and at the end of training `evolution.gif`, all of them
    in order. Every file is written whole or not at all.

    Args:
        folder: Folder of the run; it is made if it is missing.
        n: Int, samples in the grid.
        seed: Int, the seed of the latents.

    Raises:
        ValueError: If `n` is not positive or, when training starts, if the
            generator takes images: there are no latents to fix.

    Example:

    >>> gan.fit(faces, callbacks=[kerasgan.callbacks.SampleGrid("runs/faces")])
    """

    def __init__(self, folder, n=64, seed=0):
        super().__init__()
        check_positive(n=n)
        self.folder = pathlib.Path(folder)
        self.n = n
        self.seed = seed

    def on_train_begin(self, logs=None):
        if self.model.steps_taken == 0:
            # Another run's samples would end up in this one's evolution.
            for file in (self.folder / "samples").glob("epoch_*.png"):
                file.unlink()
            self._write(0)

    def on_epoch_end(self, epoch, logs=None):
        self._write(epoch + 1)

    def on_train_end(self, logs=None):
        files = sorted((self.folder / "samples").glob("epoch_*.png"))
        if not files:
            return
        stride = math.ceil(len(files) / MOST_FRAMES)
        # Counted from the end, so that the last one is always shown.
        frames = [images.read_png(file) for file in files[::-stride][::-1]]
        images.write_gif(self.folder / "evolution.gif", frames)

    def _write(self, epoch):
        samples = self.model.generate(self.n, seed=self.seed)
        pixels = images.to_uint8(samples, self.model.value_range)
        path = self.folder / "samples" / f"epoch_{epoch:04d}.png"
        images.write_png(path, images.grid(pixels))


class LossCurves(keras.callbacks.Callback):
    """Keeps the logs of every epoch in `history.csv` and draws `loss_curves.png`.

    The upper curves are the losses of both players, the lower ones the
    discriminator's mean answers on real and on generated images; those of
    validation data are dashed. Both files are written whole after each epoch.

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

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": float(epoch + 1)}
        row.update((key, float(value)) for key, value in (logs or {}).items())
        self.rows.append(row)
        self._write_csv()
        self._write_png()

    def _write_csv(self):
        text = io.StringIO()
        # Validation logs may be missing from some epochs.
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "epoch": int(row["epoch"])} for row in self.rows)
        with atomic_write(self.folder / "history.csv") as file:
            file.write(text.getvalue().encode())

    def _write_png(self):
        # Imported when used; a Figure of its own leaves pyplot's state alone.
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(8, 6), layout="constrained")
        panels = zip(figure.subplots(2, 1, sharex=True), ("loss", "score"), strict=True)
        for axes, quantity in panels:
            names = dict.fromkeys(name for row in self.rows for name in row)
            for name in (name for name in names if name.endswith(quantity)):
                points = [(r["epoch"], r[name]) for r in self.rows if name in r]
                player = name.removeprefix("val_").removesuffix(f"_{quantity}")
                axes.plot(
                    *zip(*points, strict=True),
                    label=name,
                    color="C0" if player in ("d", "real") else "C1",
                    linestyle="--" if name.startswith("val_") else "-",
                    marker="." if len(points) < 50 else None,
                )
            axes.set_ylabel("loss" if quantity == "loss" else "discriminator's answer")
            axes.grid(alpha=0.3)
            if axes.lines:
                axes.legend()
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        with atomic_write(self.folder / "loss_curves.png") as file:
            file.write(buffer.getvalue())
