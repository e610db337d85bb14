"""`kerasgan export`: the generator of a saved model, alone."""

import pathlib

from kerasgan.arguments import check_choice
from kerasgan.cli import runs
from kerasgan.cli.folders import check_folder
from kerasgan.models import GAN, CycleGAN, read_facts
from kerasgan.models.cyclegan import DIRECTIONS
from kerasgan.models.export import check_export_path


def add_command(commands):
    """Adds the command to the parser's."""
    parser = commands.add_parser(
        "export",
        help="write the generator of a saved model alone",
        description="Write the averaged generator of a saved model, for programs that "
        "do not have kerasgan: as a TensorFlow SavedModel, which needs nothing else, "
        "or as a Keras model.",
    )
    parser.add_argument("model", help="model.keras, or the folder of a run")
    parser.add_argument(
        "--out",
        required=True,
        help="a file ending in .keras, or a new folder for a SavedModel",
    )
    parser.add_argument("--direction", help="of a CycleGAN: a2b (its default) or b2a")
    parser.set_defaults(command=export_generator)


def export_generator(options):
    """Writes one generator, and says where it is."""
    if options.direction is not None:
        check_choice("--direction", options.direction, DIRECTIONS)
    out = pathlib.Path(options.out)
    check_export_path("--out", out)
    check_folder("--out", out.parent)
    model = runs.load_model(options.model, GAN, CycleGAN)
    if isinstance(model, CycleGAN):
        model.export_generator(out, options.direction or DIRECTIONS[0])
    elif options.direction is None:
        model.export_generator(out)
    else:
        raise ValueError(
            f"--direction is {options.direction!r}, but MODEL is a GAN; expected it "
            "only with a CycleGAN."
        )
    kind = "Keras model" if out.suffix == ".keras" else "SavedModel"
    facts = read_facts(out)
    low, high = facts["value_range"]
    print(
        f"{kind} of the generator in {out}; images {tuple(facts['image_shape'])} in "
        f"[{low:g}, {high:g}]"
    )
