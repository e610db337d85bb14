"""Which module of the package may import which."""

import ast
import pathlib
import subprocess
import sys

import pytest

import kerasgan

PACKAGE = pathlib.Path(kerasgan.__file__).parent
# A module imports only modules that stand before it.
MODULES = [
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
    "pytorch_files",
    "interop",
    "data",
    "metrics",
    "training",
    "models",
    "callbacks",
    "cli",
]
# Further limits: the only modules, besides itself, that a module may import, and
# modules that it must not import.
ONLY = {"networks": {"networks", "layers", "arguments"}}
NEVER = {
    name: {"networks", "interop", "data", "metrics"} for name in ("training", "models")
}
FILES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.parent != PACKAGE or path.name != "__init__.py"
)


def module_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first == "kerasgan":
                yield rest.partition(".")[0]


def test_modules_import_only_modules_before_them():
    unknown, wrong = [], []
    for path in FILES:
        module = module_of(path)
        for other in imported_modules(path):
            if other not in MODULES:
                unknown.append((str(path), other))
            elif (
                MODULES.index(other) > MODULES.index(module)
                or other not in ONLY.get(module, MODULES)
                or other in NEVER.get(module, ())
            ):
                wrong.append((str(path), other))
    assert len(FILES) > 50
    assert unknown == [] and wrong == []


def test_only_compat_asks_for_the_keras_generation():
    asking = {
        str(path)
        for path in FILES
        for words, allowed in (
            (("keras.__version__", "KERAS_3"), ("compat", "cli", "version")),
            (("tensorflow_addons",), ("compat",)),
        )
        if module_of(path) not in allowed
        and any(word in path.read_text() for word in words)
    }
    assert asking == set()


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_importing_kerasgan_is_light_and_no_submodule_hides_a_function():
    # In one new process. Keras itself may import matplotlib.
    program = (
        "import sys, keras\n"
        "before = set(sys.modules)\n"
        "import kerasgan, importlib, pkgutil\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}\n"
        "heavy = {'tensorflow_datasets', 'matplotlib', 'tqdm', 'etils',"
        " 'tensorflow_addons'}\n"
        "assert not new & heavy, new & heavy\n"
        "for m in pkgutil.walk_packages(kerasgan.__path__, 'kerasgan.'):\n"
        "    importlib.import_module(m.name)\n"
        "for name in kerasgan.data.__all__:\n"
        "    assert callable(getattr(kerasgan.data, name)), name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_exported_name_exists():
    for module in (kerasgan, kerasgan.data, kerasgan.networks):
        for name in module.__all__:
            assert hasattr(module, name)
