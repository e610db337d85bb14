"""Whether a run can resume from a checkpoint with its present options."""

import hashlib
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgan.training import state
from kerasgan.version import library_versions

# Number of differing options that an error lists.
LISTED_OPTIONS = 4


def changed_since(
    then: dict[str, Any], values: state.Arrays, now: dict[str, Any]
) -> set[str]:
    """Returns the names of the options that differ from those of a checkpoint.

    A learning rate may have changed since the run began. If the model's rate is the one
    in the checkpoint, the model is the one that was trained, and `now` gets the rate
    that the run began with.

    Args:
        then: Options of the checkpoint.
        values: Arrays of the checkpoint.
        now: Options of this training; learning rates may be updated.
    """
    present = {f"{name}/0": value for name, value in now.items()}
    same = {n[:-2] for n in present.keys() & values.keys() if present[n] == values[n]}
    now.update((name, then[name]) for name in same & then.keys())
    return state.changed_options(now, then)


def check_resumable(
    folder: pathlib.Path,
    mismatch: str | None,
    changed: set[str],
    *,
    now: dict[str, Any],
    then: dict[str, Any],
) -> None:
    """Raises a ValueError if a checkpoint does not belong to a run.

    Args:
        folder: The folder of the checkpoints.
        mismatch: How the variables do not fit, or None.
        changed: Names of the options that must not differ, but do.
        now: Options of this training.
        then: Options of the checkpoint.
    """
    if mismatch is not None:
        raise ValueError(
            f"{mismatch} in {folder}; expected the networks and optimizers of the "
            "checkpoint, or another folder."
        )
    if changed:
        listed = sorted(changed)[:LISTED_OPTIONS]
        more = (
            f" and {len(changed) - len(listed)} more" if changed - set(listed) else ""
        )
        new, old = (
            ", ".join(f"{name} {options.get(name)!r}" for name in listed)
            for options in (now, then)
        )
        raise ValueError(
            f"training has {new}{more}, but the run in {str(folder.parent)!r} was "
            f"started with {old}; expected the same, or strict=False to continue with "
            "the new options."
        )


def data_digest(batches: list[Any]) -> str:
    """Returns a short hash of batches."""
    digest = hashlib.sha256()
    for array in tf.nest.flatten(batches):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def report_differences(run: pathlib.Path, metadata: dict[str, Any], data: str) -> None:
    """Prints why a resumed run may differ from an uninterrupted one.

    Args:
        run: Folder of the run.
        metadata: Metadata of the checkpoint.
        data: What `data_digest` returned for the first batches.
    """
    if metadata["versions"] != library_versions():
        saved_by = ", ".join(" ".join(pair) for pair in metadata["versions"].items())
        print(
            f"{run}: the checkpoint was saved by other versions ({saved_by}), so "
            "the resumed run may differ in the last bits."
        )
    if metadata["data"] != data:
        print(
            f"{run}: the data has changed or comes in another order, so the run "
            "will differ from an uninterrupted one; pass a seed to the data "
            "functions."
        )
