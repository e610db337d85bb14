"""Datasets: batches of images in [-1, 1], ready for `fit`."""

from kerasgan.data.augmentation import augment
from kerasgan.data.celeb_a import celeb_a, celeb_a_by_attribute, synthetic_faces
from kerasgan.data.cycle_gan import cycle_gan
from kerasgan.data.image_folder import image_folder, image_folder_pair
from kerasgan.data.prepare import prepare_celeb_a
from kerasgan.data.unpaired import unpaired

__all__ = [
    "augment",
    "celeb_a",
    "celeb_a_by_attribute",
    "cycle_gan",
    "image_folder",
    "image_folder_pair",
    "prepare_celeb_a",
    "synthetic_faces",
    "unpaired",
]
