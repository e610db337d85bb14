"""A program that draws faces: `worker.py SEED START STOP STEP`.

It writes the faces `range(START, STOP, STEP)` to its standard output, each as a pickled
tuple of the JPEG's bytes, landmarks, attributes and identity.

It is a separate program because threads would wait for Python's global lock, and
processes of `multiprocessing` would import TensorFlow, which takes longer than drawing
a thousand faces.
"""

import io
import pathlib
import pickle
import sys
import types

import numpy as np
from PIL import Image

_JPEG_QUALITY = 92


def jpeg_bytes(image: np.ndarray) -> bytes:
    """Returns a uint8 image `(height, width, 3)` as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def main(seed: int, start: int, stop: int, step: int) -> None:
    """Writes the faces `range(start, stop, step)` to the standard output."""
    from kerasgan.data.drawn_faces.drawing import draw_face

    for index in range(start, stop, step):
        face = draw_face(seed, index)
        record = (jpeg_bytes(face.image), *face[1:])
        pickle.dump(record, sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    # Empty packages replace kerasgan's own, which import TensorFlow.
    data = pathlib.Path(__file__).resolve().parent.parent
    for name, path in (("kerasgan", data.parent), ("kerasgan.data", data)):
        package = sys.modules[name] = types.ModuleType(name)
        package.__path__ = [str(path)]
    # Python adds the folder of a script, which would hide other modules.
    sys.path.pop(0)
    seed, start, stop, step = map(int, sys.argv[1:])
    main(seed, start, stop, step)
