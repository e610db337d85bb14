"""Drawn faces as a dataset of TensorFlow Datasets.

It imports `tensorflow_datasets`, which takes seconds, so import it only to use it.
"""

import contextlib
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from kerasgan.data.drawn_faces import worker
from kerasgan.data.drawn_faces.attributes import ATTRIBUTES, LANDMARKS
from kerasgan.data.drawn_faces.canvas import HEIGHT, WIDTH

_MAX_WORKERS = 8


class SyntheticFaces(tfds.core.GeneratorBasedBuilder):
    """10,000 drawn faces with the features of tfds `celeb_a`, without a download.

    Images, landmarks, the 40 attributes and identities have the names, types, shapes
    and approximate frequencies of CelebA, so a program that reads one dataset reads
    the other. The drawings show their labels. The four pictures of a person are in the
    same split. Each preparation writes the same images.

    Attributes:
        SEED: Int, random seed for the faces, as in `drawing.draw_face`.
        IMAGES: Dict from the name of a split to its number of images.

    Example:

    >>> builder = SyntheticFaces(data_dir="datasets")
    >>> builder.download_and_prepare()
    >>> faces = builder.as_dataset(split="train")
    """

    name = "synthetic_faces"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012

    SEED = 0
    IMAGES = {"train": 8000, "validation": 1000, "test": 1000}  # noqa: RUF012

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                "Faces drawn by a program, aligned and labeled like those of CelebA "
                "(Liu et al. 2015). No photograph is used."
            ),
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(HEIGHT, WIDTH, 3), encoding_format="jpeg"
                    ),
                    "landmarks": {name: np.int64 for name in LANDMARKS},
                    "attributes": {name: np.bool_ for name in ATTRIBUTES},
                    "identity": {"Identity_No": np.int64},
                }
            ),
        )

    def _log_download_bytes(self) -> None:
        # tfds would announce a download.
        count = sum(self.IMAGES.values())
        print(f"Drawing {count:,} faces into {self.data_dir} ...", flush=True)

    def _log_download_done(self) -> None:
        pass

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        splits: dict[str, Any] = {}
        first = 0
        for split, count in self.IMAGES.items():
            splits[split] = self._generate_examples(first, first + count)
            first += count
        return splits

    def _generate_examples(
        self, start: int, stop: int
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for index, (jpeg, *labels) in enumerate(_draw(self.SEED, start, stop), start):
            landmarks, attributes, identity = labels
            yield (
                f"{index:06d}.jpg",
                {
                    "image": io.BytesIO(jpeg),
                    "landmarks": landmarks,
                    "attributes": attributes,
                    "identity": {"Identity_No": identity},
                },
            )


def _draw(seed: int, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
    """Yields the faces that the workers draw, in order."""
    count = max(1, min(os.cpu_count() or 1, _MAX_WORKERS, stop - start))
    with contextlib.ExitStack() as stack:
        processes = []
        for first in range(start, start + count):
            numbers = (seed, first, stop, count)
            command = [sys.executable, worker.__file__, *map(str, numbers)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert process.stdout is not None  # It is a pipe.
            stack.callback(process.wait)
            stack.callback(process.stdout.close)
            # Stops it if it is not needed any more.
            stack.callback(process.kill)
            processes.append((process, process.stdout))
        for index in range(start, stop):
            process, faces = processes[(index - start) % count]
            try:
                face = pickle.load(faces)
            except EOFError as error:
                raise RuntimeError(
                    f"A process that draws faces ended with status {process.wait()}; "
                    "see its own message above."
                ) from error
            yield face
