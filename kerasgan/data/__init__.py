"""Data sets: batches of images in [-1, 1], ready for `fit`."""

from kerasgan.data.celeb_a import celeb_a, celeb_a_by_attribute, synthetic_faces
from kerasgan.data.image_folder import image_folder
from kerasgan.data.prepare import prepare_celeb_a

__all__ = [
    "celeb_a",
    "celeb_a_by_attribute",
    "image_folder",
    "prepare_celeb_a",
    "synthetic_faces",
]
