"""The order of the house: which room may import which."""

import ast
import pathlib
import subprocess
import sys

import pytest

import kerasgan

PACKAGE = pathlib.Path(kerasgan.__file__).parent
# A room imports only rooms that stand before it.
ROOMS = [
    "version",
    "compat",
    "arguments",
    "files",
    "images",
    "layers",
    "losses",
    "penalties",
    "schedules",
    "optimizers",
    "inspection",
    "ordering",
    "networks",
    "interop",
    "data",
    "metrics",
    "training",
    "models",
    "callbacks",
    "cli",
]
# What is said of a room beyond its place.
ONLY = {"networks": {"networks", "layers", "arguments"}}
NEVER = {
    name: {"networks", "interop", "data", "metrics"} for name in ("training", "models")
}
FILES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.parent != PACKAGE or path.name != "__init__.py"
)


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            first, _, rest = module.partition(".")
            if first == "kerasgan":
                yield rest.partition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_upward_only(path):
    room = room_of(path)
    for other in rooms_imported(path):
        assert other in ROOMS, f"{path} imports the unknown room {other}"
        assert ROOMS.index(other) <= ROOMS.index(room), f"{room} imports {other}"
        assert other in ONLY.get(room, ROOMS), f"{room} imports {other}"
        assert other not in NEVER.get(room, ()), f"{room} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_compat_knows_the_generation(path):
    text = path.read_text()
    if room_of(path) not in ("compat", "cli", "version"):
        assert "keras.__version__" not in text and "KERAS_3" not in text
    if room_of(path) != "compat":
        assert "tensorflow_addons" not in text


def test_importing_loads_neither_tfds_nor_matplotlib_nor_addons():
    # Keras imports matplotlib itself where it is installed.
    program = (
        "import sys, keras\n"
        "before = set(sys.modules)\n"
        "import kerasgan\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}\n"
        "print(sorted(new & {'tensorflow_datasets', 'matplotlib', 'tqdm', 'etils',"
        " 'tensorflow_addons'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_export_is_there():
    for module in (kerasgan, kerasgan.data, kerasgan.networks):
        for name in module.__all__:
            assert hasattr(module, name)


def test_submodules_do_not_hide_functions():
    """`kerasgan.data.celeb_a` is a function, and stays one however it is used."""
    program = (
        "import kerasgan, importlib, pkgutil\n"
        "for m in pkgutil.walk_packages(kerasgan.__path__, 'kerasgan.'):\n"
        "    importlib.import_module(m.name)\n"
        "for name in kerasgan.data.__all__:\n"
        "    assert callable(getattr(kerasgan.data, name)), name\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
