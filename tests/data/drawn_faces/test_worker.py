import io
import os
import pickle
import subprocess
import sys

import numpy as np
from PIL import Image

from kerasgan.data.drawn_faces import worker
from kerasgan.data.drawn_faces.drawing import draw_face


def test_jpeg_is_close_to_the_image():
    image = draw_face(0, 0).image
    with Image.open(io.BytesIO(worker.jpeg_bytes(image))) as jpeg:
        assert (jpeg.format, jpeg.size) == ("JPEG", (178, 218))
        assert np.abs(np.asarray(jpeg, int) - image).mean() < 3


def test_workers_do_not_import_tensorflow(tmp_path):
    # Packages that raise an error come before the real ones.
    broken = "raise ImportError('not in a worker')"
    for name in ("tensorflow", "keras", "tensorflow_datasets"):
        (tmp_path / f"{name}.py").write_text(broken)
    command = [sys.executable, worker.__file__, "0", "3", "5", "1"]
    drawn = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True
    )
    assert drawn.returncode == 0, drawn.stderr
    stream = io.BytesIO(drawn.stdout)
    for index in (3, 4):
        face = draw_face(0, index)
        assert pickle.load(stream) == (worker.jpeg_bytes(face.image), *face[1:])
    assert not stream.read()
