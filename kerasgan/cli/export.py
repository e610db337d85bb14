"""`kerasgan export`: writes the generator of a model."""

import argparse
from typing import Any

from kerasgan.arguments import check_choice
from kerasgan.cli.folders import check_folder
from kerasgan.cli.loading import load_model
from kerasgan.files import absolute_path
from kerasgan.models import GAN, CycleGAN, read_metadata
from kerasgan.models.cyclegan import DIRECTIONS
from kerasgan.models.export import check_export_path


def add_command(commands: Any) -> None:
    """Adds the command.

    Args:
        commands: The subparsers of `kerasgan`.
    """
    parser = commands.add_parser(
        "export",
        help="write the generator of a model for use without kerasgan",
        description="Write the averaged generator of a model as a TensorFlow "
        "SavedModel, which only needs TensorFlow, or as a Keras model.",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        type=absolute_path,
        help="a .keras file, or the folder of a run",
    )
    parser.add_argument(
        "--out",
        type=absolute_path,
        required=True,
        help="a .keras file, or a new folder for a SavedModel",
    )
    parser.add_argument("--direction", help="a2b or b2a, for a CycleGAN (default: a2b)")
    parser.set_defaults(command=export_generator, parser=parser, option_of={})


def export_generator(options: argparse.Namespace) -> None:
    """Writes one generator, and prints what it returns."""
    if options.direction is not None:
        check_choice("--direction", options.direction, DIRECTIONS)
    out = options.out
    check_export_path("--out", out)
    check_folder("--out", out.parent)
    model = load_model(options.model, GAN, CycleGAN)
    if isinstance(model, CycleGAN):
        model.export_generator(out, options.direction or DIRECTIONS[0])
    elif options.direction is None:
        model.export_generator(out)
    else:
        raise ValueError(
            f"--direction is {options.direction!r}, but MODEL is a GAN; expected "
            "--direction only with a CycleGAN."
        )
    kind = "Keras model" if out.suffix == ".keras" else "SavedModel"
    metadata = read_metadata(out)
    assert metadata is not None
    value_range = "an unknown range"
    if metadata["value_range"] is not None:
        low, high = metadata["value_range"]
        value_range = f"[{low:g}, {high:g}]"
    print(
        f"{kind} of the generator in {out}; images {tuple(metadata['image_shape'])} in "
        f"{value_range}"
    )
