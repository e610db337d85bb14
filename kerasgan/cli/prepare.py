"""`kerasgan prepare`: writes a copy of a dataset in the format of tfds."""

import argparse
from typing import Any

from kerasgan import data
from kerasgan.cli.folders import check_folder
from kerasgan.files import absolute_path


def add_command(commands: Any) -> None:
    """Adds the command.

    Args:
        commands: The subparsers of `kerasgan`.
    """
    parser = commands.add_parser(
        "prepare",
        help="write a copy of a dataset in the format of tfds",
        description="Convert a copy of CelebA to the tfds dataset celeb_a.",
    )
    parser.add_argument(
        "dataset", metavar="DATASET", choices=["celeb_a"], help="celeb_a"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=absolute_path,
        required=True,
        help="a copy of CelebA: the official files, or those of Kaggle",
    )
    parser.add_argument(
        "--data-dir",
        type=absolute_path,
        required=True,
        help="folder to write the tfds dataset to",
    )
    parser.set_defaults(command=prepare_dataset, parser=parser, option_of={})


def prepare_dataset(options: argparse.Namespace) -> None:
    """Writes CelebA in the format of tfds, and prints what was left out."""
    check_folder("--data-dir", options.data_dir)
    print(data.prepare_celeb_a(options.source, options.data_dir))
