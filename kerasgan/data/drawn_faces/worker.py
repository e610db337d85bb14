"""A process of its own that draws faces: `worker.py SEED START STOP STEP`.

It writes the faces `range(START, STOP, STEP)` to its output, each as a pickled tuple
of the JPEG's bytes, landmarks, attributes and identity. Drawing is thousands of small
steps, so threads would only wait for each other; and a process of `multiprocessing`
would import TensorFlow, which takes longer than drawing a thousand faces.
"""

import io
import pathlib
import pickle
import sys
import types

from PIL import Image

_JPEG_QUALITY = 92


def jpeg_bytes(image):
    """Returns a uint8 image `(height, width, 3)` as the bytes of a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def main(seed, start, stop, step):
    from kerasgan.data.drawn_faces.drawing import draw_face

    for index in range(start, stop, step):
        face = draw_face(seed, index)
        record = (jpeg_bytes(face.image), *face[1:])
        pickle.dump(record, sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    # Bare packages stand in for kerasgan's own, which import TensorFlow.
    data = pathlib.Path(__file__).resolve().parent.parent
    for name, path in (("kerasgan", data.parent), ("kerasgan.data", data)):
        package = sys.modules[name] = types.ModuleType(name)
        package.__path__ = [str(path)]
    # The script's folder: its modules are kerasgan's, not to be found by short names.
    sys.path.pop(0)
    main(*map(int, sys.argv[1:]))
