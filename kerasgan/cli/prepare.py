"""`kerasgan prepare`: a data set where tfds finds it."""

from kerasgan import data
from kerasgan.cli.folders import check_folder


def add_command(commands):
    """Adds the command to the parser's."""
    parser = commands.add_parser("prepare", help="put a data set where tfds finds it")
    parser.add_argument("dataset", choices=["celeb_a"])
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        help="a copy of CelebA: the official files, or Kaggle's",
    )
    parser.add_argument("--data-dir", required=True, help="folder of tfds data sets")
    parser.set_defaults(command=prepare_dataset)


def prepare_dataset(options):
    """Puts a copy of CelebA where tfds finds it, and says what was left out."""
    check_folder("--data-dir", options.data_dir)
    print(data.prepare_celeb_a(options.source, options.data_dir))
