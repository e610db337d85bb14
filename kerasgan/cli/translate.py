"""`kerasgan translate`: a saved CycleGAN on images of any size."""

import io
import pathlib
import sys

import numpy as np
from PIL import Image

from kerasgan import images
from kerasgan.arguments import check_choice
from kerasgan.cli import runs
from kerasgan.cli.folders import check_folder
from kerasgan.data.image_folder import files_below, open_image
from kerasgan.files import atomic_write
from kerasgan.models.cyclegan import DIRECTIONS, CycleGAN

# The color modes of `kerasgan.data.image_folder`, by what a generator takes.
COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}
# Pillow's own choice shows blocks.
SAVING = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}}
# Exit status if files were left out.
SKIPPED = 3


def add_command(commands):
    """Adds the command to the parser's."""
    parser = commands.add_parser(
        "translate",
        help="send images through a saved CycleGAN",
        description="Translate one image or a folder of images, of any size and "
        "shape. Files keep their names and formats; a format that cannot be written "
        "becomes PNG.",
    )
    parser.add_argument("model", help="model.keras, or the folder of a run")
    parser.add_argument("path", help="an image, or a folder of images")
    parser.add_argument(
        "--direction", default=DIRECTIONS[0], help="a2b (the default) or b2a"
    )
    parser.add_argument("--out", required=True, help="folder for what they become")
    parser.set_defaults(command=translate_images)


def translate_images(options):
    """Translates an image or a folder of them; returns the exit status."""
    check_choice("--direction", options.direction, DIRECTIONS)
    check_folder("--out", options.out)
    out = pathlib.Path(options.out)
    files = _files(options.path, out)
    cyclegan = runs.load_model(options.model, CycleGAN)
    color_mode = _color_mode(cyclegan, options.direction)
    skipped = 0
    for file, name in files.items():
        try:
            pixels = _read(file, color_mode)
        except Exception:  # Damaged bytes make Pillow raise a dozen kinds.
            print(f"kerasgan: skipped {file}: not a readable image.", file=sys.stderr)
            skipped += 1
            continue
        translated = cyclegan.translate(pixels, direction=options.direction)
        _write(out / name, images.to_pil(translated))
    print(f"{len(files) - skipped} images in {out}")
    return SKIPPED if skipped else 0


def _color_mode(cyclegan, direction):
    """Returns how to read the images that the generator of a direction takes."""
    generator = cyclegan.generator_ab if direction == "a2b" else cyclegan.generator_ba
    channels = generator.inputs[0].shape[-1]
    if channels not in COLOR_MODES:
        raise ValueError(
            f"MODEL takes images of {channels} channels; expected 1, 3 or 4, which "
            "files can have."
        )
    return COLOR_MODES[channels]


def _files(path, out):
    """Returns the files to translate, and the name that each gets below `out`."""
    path, out = pathlib.Path(path), out.resolve()
    if path.is_dir():
        folder = path.resolve()
        found = files_below(folder)
        if folder in out.parents:
            # The next call would take what this one leaves for images.
            raise ValueError(
                f"--out is {str(out)!r}, inside the folder of the images; expected "
                "another folder."
            )
    elif path.is_file():
        # A link keeps its name.
        folder = path.parent.resolve()
        found = [folder / path.name]
    else:
        raise FileNotFoundError(
            f"PATH is {str(path)!r}; expected an image or a folder of images."
        )
    if not found:
        raise ValueError(
            f"PATH is {str(path)!r}, which holds no files; expected images."
        )
    names = {file: file.relative_to(folder) for file in found}
    if any(out / name in names for name in names.values()):
        raise ValueError(
            f"--out is {str(out)!r}, where the images are that would be overwritten; "
            "expected another folder."
        )
    return names


def _read(file, color_mode):
    """Reads a file as a uint8 array `(height, width, channels)`."""
    pixels = np.asarray(open_image(file, color_mode))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _write(path, image):
    """Writes a Pillow image in the format that its name asks for, or else as PNG."""
    formats = Image.registered_extensions()
    for suffix in (path.suffix.lower(), ".png"):
        buffer = io.BytesIO()
        try:
            image.save(buffer, formats[suffix], **SAVING.get(formats[suffix], {}))
        # No such format, none that can be written, or not with these channels.
        except (KeyError, OSError):
            continue
        break
    if suffix != path.suffix.lower():
        path = path.with_name(path.name + suffix)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
