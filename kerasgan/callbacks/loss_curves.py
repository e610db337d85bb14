"""`LossCurves`: the logs of every epoch as a table and a picture."""

import csv
import io
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kerasgan.callbacks.run_files import RunFiles
from kerasgan.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Quantities that share a unit share a panel: its label, and the names of its curves.
PANELS = {
    "loss": r"[dg]_loss",
    "loss of each network": r"[dg]_loss_\w+",
    "penalty": r"penalty|[dg]_regularization",
    "cycle and identity loss": r"(cycle|identity)_loss\w*",
    "discriminator's output": r"(real|fake)_score\w*",
    "share of images": r"flip_rate_\w+|classifier_accuracy",
    "mean absolute difference": r"(cycle_error|change)_\w+",
    "Frechet distance": r"frechet_distance_\w+",
}


class LossCurves(RunFiles):
    """Writes the logs of every epoch to `history.csv` and plots `loss_curves.png`.

    The plot has a panel for each kind of quantity: the losses of the networks, the
    discriminator's mean outputs for real and for generated images and, if the logs have
    them, penalties, the other losses of a CycleGAN, and the scores of `Scorecard`,
    which must be in the list before this callback. Curves of validation data are
    dashed. Both files are replaced after each epoch.

    The column `step` of `history.csv` is the training step at the end of the epoch. A
    second `fit` of the same model, and a run that `RunState` resumes, continue the
    table. Files of another run in the folder are kept: the new ones are then
    `history-002.csv` and `loss_curves-002.png`, and a message is printed.

    Args:
        folder: Folder of the run. It is created if it does not exist.

    Example:

    >>> gan.fit(faces, callbacks=[kerasgan.callbacks.LossCurves("runs/faces")])
    """

    name = "history"

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(folder)
        self.rows: list[dict[str, float]] = []

    def file_names(self, suffix: str) -> list[str]:
        return [f"history{suffix}.csv", f"loss_curves{suffix}.png"]

    def steps_on_disk(self, suffix: str) -> dict[int, int] | None:
        table, plot = (self.folder / name for name in self.file_names(suffix))
        if not table.exists():
            return None if plot.exists() else {}
        try:
            rows = self._read_rows(suffix)
            return {int(row["epoch"]): int(row["step"]) for row in rows}
        except (KeyError, ValueError, csv.Error):
            return None

    def begin_files(self, kept: Mapping[int, int]) -> None:
        rows = self._read_rows(self.suffix) if kept else []
        self.rows = [row for row in rows if int(row["epoch"]) in kept]

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        number, step = self.epoch_number(epoch), self.model.steps_taken
        row = {"epoch": float(number), "step": float(step)}
        row.update((key, float(value)) for key, value in (logs or {}).items())
        self.rows.append(row)
        table, plot = (self.folder / name for name in self.file_names(self.suffix))
        with atomic_write(table) as file:
            file.write(self._csv().encode())
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format="png", dpi=100)
        with atomic_write(plot) as file:
            file.write(buffer.getbuffer())

    def figure(self) -> "Figure":
        """Returns the plot of all epochs so far, a Matplotlib figure."""
        # Imported here because Matplotlib takes long to load. A Figure without pyplot
        # leaves the state of pyplot alone.
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        panels = {
            label: [
                name
                for name in self._columns()
                if re.fullmatch(pattern, name.removeprefix("val_"))
            ]
            for label, pattern in PANELS.items()
        }
        panels = {label: curves for label, curves in panels.items() if curves}
        columns = 1 if len(panels) <= 3 else 2
        rows = max(1, math.ceil(len(panels) / columns))
        figure = Figure(figsize=(8 * columns, 3 * rows), layout="constrained")
        for place, (label, curves) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(rows, columns, place)
            self._plot(axes, curves)
            axes.set_ylabel(label)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
            # Beside the curves, because a panel may have many.
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        return figure

    def _plot(self, axes: "Axes", curves: Sequence[str]) -> None:
        # A curve and that of its validation data have the same color.
        names = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
        for curve in curves:
            rows = [row for row in self.rows if curve in row]
            axes.plot(
                [row["epoch"] for row in rows],
                [row[curve] for row in rows],
                label=curve,
                color=f"C{names.index(curve.removeprefix('val_'))}",
                linestyle="--" if curve.startswith("val_") else "-",
                marker="." if len(rows) < 50 else None,
            )

    def _columns(self) -> list[str]:
        # Some epochs may have no validation logs.
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns(), lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            whole = {name: int(row[name]) for name in ("epoch", "step")}
            writer.writerow({**row, **whole})
        return text.getvalue()

    def _read_rows(self, suffix: str) -> list[dict[str, float]]:
        table = self.folder / self.file_names(suffix)[0]
        with open(table, newline="") as lines:
            return [
                {name: float(value) for name, value in row.items() if value}
                for row in csv.DictReader(lines)
            ]
