"""`kerasgan translate`: a saved CycleGAN on images of any size."""

import io
import itertools
import pathlib
import sys

import numpy as np
from PIL import Image

from kerasgan import images
from kerasgan.arguments import check_choice
from kerasgan.cli import runs
from kerasgan.cli.folders import check_folder
from kerasgan.data.folder_files import list_folder, shared_ranges
from kerasgan.data.image_files import open_image, why_unreadable
from kerasgan.files import atomic_write
from kerasgan.models.cyclegan import DIRECTIONS, CycleGAN

# The color modes of `kerasgan.data.image_folder`, by what a generator takes.
COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}
# Pillow's own choice shows blocks.
SAVING = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}}
# An icon is written in sizes of its format's choice.
ICONS = ("ICO", "ICNS")
# The color spaces of ICC profiles, by the modes of the images that they describe.
COLOR_SPACES = {"L": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}
# Exit status if files were left out.
SKIPPED = 3


def add_command(commands):
    """Adds the command to the parser's."""
    parser = commands.add_parser(
        "translate",
        help="send images through a saved CycleGAN",
        description="Translate one image or a folder of images, of any size and "
        "shape. Files keep their names and formats; a format that cannot be written "
        "as it is, that of icons say, becomes PNG. Of an animation the first frame is "
        "translated.",
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
    ranges, chosen = shared_ranges(list(files))
    for text, example in chosen:
        print(f"kerasgan: {text}, for example in {example}.", file=sys.stderr)
    skipped = 0
    taken = set(files.values())
    for file, name in files.items():
        try:
            pixels, profile = _read(file, color_mode, ranges)
        except Exception as error:  # Damaged bytes make Pillow raise a dozen types.
            reason = why_unreadable(error)
            print(f"kerasgan: skipped {file}: {reason}.", file=sys.stderr)
            skipped += 1
            continue
        translated = cyclegan.translate(pixels, direction=options.direction)
        content, suffix = _encoded(images.to_pil(translated), name.suffix, profile)
        if suffix != name.suffix:
            name = _free_name(name, suffix, taken)
            taken.add(name)
        with atomic_write(out / name) as written:
            written.write(content)
    print(f"{len(files) - skipped} images in {out}")
    return SKIPPED if skipped else 0


def _color_mode(cyclegan, direction):
    """Returns how to read the images that the generator of a direction takes."""
    channels = cyclegan.facts["image_shape"][direction[0]][-1]
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
        found, closed = list_folder(folder)
        for name in closed:
            print(f"kerasgan: skipped {name}: no read permission.", file=sys.stderr)
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


def _read(file, color_mode, ranges):
    """Reads a file as a uint8 array `(height, width, channels)`, and its ICC profile.

    The profile is None if there is none, or one of another color space.
    """
    image = open_image(file, color_mode, ranges)
    pixels = np.asarray(image)
    with Image.open(file) as source:
        profile = source.info.get("icc_profile")
    if profile and profile[16:20] != COLOR_SPACES[image.mode]:
        profile = None
    return (pixels[..., None] if pixels.ndim == 2 else pixels), profile


def _encoded(image, suffix, profile):
    """Returns the bytes of a file, in the format of a suffix or else as PNG.

    Args:
        image: A Pillow image.
        suffix: Suffix of a file name.
        profile: Bytes of an ICC profile, which not every format has room for, or None.

    Returns:
        The bytes, and the suffix of the format that they have.
    """
    formats = Image.registered_extensions()
    name = formats.get(suffix.lower())
    if name in Image.SAVE and name not in ICONS:
        try:
            content = _saved(image, name, profile)
            with Image.open(io.BytesIO(content)) as written:
                whole = written.size == image.size
                # Some formats drop alpha and say nothing.
                if whole and (image.mode != "RGBA" or written.mode == "RGBA"):
                    return content, suffix
        # Not with these channels, or too large, or nothing that Pillow could read
        # again: what it raises depends on the format.
        except Exception:
            pass
    return _saved(image, "PNG", profile), ".png"


def _saved(image, name, profile):
    """Returns a Pillow image as the bytes of a file of a format."""
    buffer = io.BytesIO()
    more = {"icc_profile": profile} if profile else {}
    image.save(buffer, name, **SAVING.get(name, {}), **more)
    return buffer.getvalue()


def _free_name(name, suffix, taken):
    """Returns a path with a suffix added, and a number if it is taken otherwise."""
    found = name.with_name(name.name + suffix)
    for number in itertools.count(2):
        if found not in taken:
            return found
        found = name.with_name(f"{name.name}-{number}{suffix}")
