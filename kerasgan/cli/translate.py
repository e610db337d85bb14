"""`kerasgan translate`: translates image files of any size with a CycleGAN."""

import argparse
import io
import itertools
import os
import pathlib
import sys
from typing import Any

import numpy as np
from PIL import Image

from kerasgan import images
from kerasgan.arguments import check_choice
from kerasgan.cli.folders import add_image_limit, check_folder, set_image_limit
from kerasgan.cli.loading import load_model
from kerasgan.data.folder_files import list_folder, shared_ranges
from kerasgan.data.image_files import ValueRange, open_image, why_unreadable
from kerasgan.files import absolute_path, atomic_write
from kerasgan.models.cyclegan import DIRECTIONS, CycleGAN

# Color modes of `kerasgan.data.image_folder`, by number of channels.
COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}
# Pillow's default quality shows block artifacts.
SAVE_OPTIONS = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}}
# Pillow writes icons in a fixed set of sizes.
ICONS = ("ICO", "ICNS")
# Color space in an ICC profile, by the mode of the image it belongs to.
COLOR_SPACES = {"L": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}
# File systems limit names to this many bytes.
MAX_NAME_BYTES = 255
# Exit code if files were skipped.
SKIPPED = 3


def add_command(commands: Any) -> None:
    """Adds the command.

    Args:
        commands: The subparsers of `kerasgan`.
    """
    parser = commands.add_parser(
        "translate",
        help="translate images with a CycleGAN",
        description="Translate an image or a folder of images of any size. Files keep "
        "their names and formats. If a format cannot hold the result, .png is appended "
        "to the name. Only the first frame of an animation is translated.",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        type=absolute_path,
        help="a .keras file, or the folder of a run",
    )
    parser.add_argument(
        "path",
        metavar="PATH",
        type=absolute_path,
        help="an image, or a folder of images",
    )
    parser.add_argument(
        "--direction", default=DIRECTIONS[0], help="a2b (the default) or b2a"
    )
    parser.add_argument(
        "--out", type=absolute_path, required=True, help="folder for the translations"
    )
    add_image_limit(parser)
    parser.set_defaults(command=translate_images, parser=parser, option_of={})


def translate_images(options: argparse.Namespace) -> int:
    """Translates an image or a folder of images; returns the exit code."""
    check_choice("--direction", options.direction, DIRECTIONS)
    set_image_limit(options)
    check_folder("--out", options.out)
    names, closed = _output_names(options.path, options.out)
    cyclegan = load_model(options.model, CycleGAN)
    color_mode = _color_mode(cyclegan, options.direction)
    ranges, chosen = shared_ranges(list(names))
    for text, example in chosen:
        print(f"kerasgan: {text}, for example in {example}.", file=sys.stderr)
    for folder in closed:
        print(f"kerasgan: skipped {folder}: no read permission.", file=sys.stderr)
    skipped = 0
    taken = set(names.values())
    for file, name in names.items():
        try:
            pixels, profile = _read(file, color_mode, ranges)
        # Pillow raises a dozen classes for damaged files.
        except Exception as error:
            reason = why_unreadable(error)
            print(f"kerasgan: skipped {file}: {reason}.", file=sys.stderr)
            skipped += 1
            continue
        translated = cyclegan.translate(pixels, direction=options.direction)
        content, suffix = _encode(translated, name.suffix, profile)
        if suffix != name.suffix:
            name = _free_name(name, suffix, taken)
            taken.add(name)
        with atomic_write(options.out / name) as written:
            written.write(content)
    n = len(names) - skipped
    print(f"{n} {'image' if n == 1 else 'images'} written to {options.out}")
    return SKIPPED if skipped or closed else 0


def _color_mode(cyclegan: CycleGAN, direction: str) -> str:
    """Returns the color mode in which to read the images of a direction's source.

    Raises:
        ValueError: If image files cannot hold its channels.
    """
    channels = cyclegan.metadata["image_shape"][direction[0]][-1]
    if channels not in COLOR_MODES:
        raise ValueError(
            f"MODEL takes images of {channels} channels; expected 1, 3 or 4, as in an "
            "image file."
        )
    return COLOR_MODES[channels]


def _output_names(
    path: pathlib.Path, out: pathlib.Path
) -> tuple[dict[pathlib.Path, pathlib.Path], list[pathlib.Path]]:
    """Lists the files to translate.

    Returns:
        A dict from the files to their names relative to `out`, and the list of the
        folders that cannot be read.
    """
    out = out.resolve()
    closed: list[pathlib.Path] = []
    if path.is_dir():
        folder = path.resolve()
        found, closed = list_folder(folder)
        if folder in out.parents:
            # The next call would translate the output of this one.
            raise ValueError(
                f"--out is {str(out)!r}, inside the folder of the images; expected "
                "another folder."
            )
    elif path.is_file():
        # A symbolic link keeps its name.
        folder = path.parent.resolve()
        found = [folder / path.name]
    else:
        raise FileNotFoundError(
            f"PATH is {str(path)!r}, which does not exist; expected an image or a "
            "folder of images."
        )
    if not found:
        raise ValueError(
            f"PATH is {str(path)!r}, which contains no files; expected images."
        )
    names = {file: file.relative_to(folder) for file in found}
    if any(out / name in names for name in names.values()):
        raise ValueError(
            f"--out is {str(out)!r}, where images would be overwritten; expected "
            "another folder."
        )
    return names, closed


def _read(
    file: pathlib.Path, color_mode: str, ranges: dict[str, ValueRange]
) -> tuple[np.ndarray, bytes | None]:
    """Reads an image file.

    Args:
        file: Path of the file.
        color_mode: As in `kerasgan.data.image_folder`.
        ranges: What `shared_ranges` returns.

    Returns:
        The uint8 pixels `(height, width, channels)`, and the ICC profile, or None if
        the file has none for the color space of the pixels.
    """
    image = open_image(file, color_mode, ranges)
    pixels = np.asarray(image)
    with Image.open(file) as source:
        profile = source.info.get("icc_profile")
    if not _matches(profile, image):
        profile = None
    return (pixels[..., None] if pixels.ndim == 2 else pixels), profile


def _matches(profile: bytes | None, image: Image.Image) -> bool:
    """Returns whether an ICC profile describes the color space of an image."""
    return profile is not None and profile[16:20] == COLOR_SPACES[image.mode]


def _encode(
    pixels: np.ndarray, suffix: str, profile: bytes | None
) -> tuple[bytes, str]:
    """Encodes an image in the format of a file name suffix, or else as PNG.

    Pixels with other numbers of channels than an image file has are saved as an array.

    Args:
        pixels: uint8 array `(height, width, channels)`.
        suffix: Suffix of a file name.
        profile: ICC profile of the source image, or None. It is kept if it describes
            this image too.

    Returns:
        The content of the file, and the suffix of its format.
    """
    if pixels.shape[-1] not in images.PNG_CHANNELS:
        buffer = io.BytesIO()
        np.save(buffer, pixels)
        return buffer.getvalue(), ".npy"
    image = images.to_pil(pixels)
    if not _matches(profile, image):
        profile = None
    name = Image.registered_extensions().get(suffix.lower())
    if name in Image.SAVE and name not in ICONS:
        try:
            content = _save(image, name, profile)
            with Image.open(io.BytesIO(content)) as written:
                same_size = written.size == image.size
                # Some formats silently drop the alpha channel.
                if same_size and (image.mode != "RGBA" or written.mode == "RGBA"):
                    return content, suffix
        # The format does not support this mode or size, or Pillow cannot read it back:
        # the class of the exception depends on the format.
        except Exception:
            pass
    return _save(image, "PNG", profile), ".png"


def _save(image: Image.Image, name: str, profile: bytes | None) -> bytes:
    """Returns the content of an image file in a format of Pillow."""
    buffer = io.BytesIO()
    more = {"icc_profile": profile} if profile else {}
    image.save(buffer, name, **SAVE_OPTIONS.get(name, {}), **more)
    return buffer.getvalue()


def _free_name(
    name: pathlib.Path, suffix: str, taken: set[pathlib.Path]
) -> pathlib.Path:
    """Returns a path with a suffix appended, and a number if that path is taken."""
    for number in itertools.count(1):
        end = f"-{number}{suffix}" if number > 1 else suffix
        start = name.name
        while len(os.fsencode(start + end)) > MAX_NAME_BYTES:
            start = start[:-1]
        found = name.with_name(start + end)
        if found not in taken:
            return found
    raise AssertionError("unreachable")
