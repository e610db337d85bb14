"""The documentation: its programs run, its commands parse, its links lead somewhere."""

import ast
import functools
import inspect
import pathlib
import re
import shlex

import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan.cli.command import _parser
from kerasgan.metrics import attribute_classifier
from kerasgan.training import preflight

ROOT = pathlib.Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
GUARANTEES = ROOT / "docs" / "guarantees.md"
BATCH_SIZE = 4
# Pages whose programs run in both lanes.
BOTH = ("README.md", "cyclegan.md", "saving.md", "custom_models.md")
# Arguments that make a network small.
SMALL = {"width": 2, "blocks": 1}

by_page = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)


def blocks(page, language):
    """Returns the code blocks of a page that are marked with a language."""
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page):
    """Returns the shell commands of a page, each as a list of words."""
    lines = "".join(blocks(page, "bash")).splitlines()
    return [shlex.split(part) for line in lines for part in line.split(" && ")]


def with_arguments(function, **replaced):
    """Wraps a function: these arguments replace those that a caller passes.

    A call that does not fit the signature raises a TypeError, as without the wrapper.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        options = {}
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                options = bound.arguments.setdefault(name, {})
        for name, value in replaced.items():
            own = name in signature.parameters
            (bound.arguments if own else options)[name] = value
        return function(*bound.args, **bound.kwargs)

    return wrapper


@pytest.fixture
def small_scale(monkeypatch, tmp_path, tiny_synthetic_faces):
    """Lets the documented programs run in seconds, in a folder of their own.

    CelebA and the synthetic faces become a few synthetic faces, the folder "flowers"
    holds random images, networks are narrow, and `fit` takes one step, not traced.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flowers").mkdir()
    for number in range(2 * BATCH_SIZE):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3), "uint8")
        Image.fromarray(pixels).save(tmp_path / "flowers" / f"{number}.png")

    def patch(owner, name, **replaced):
        wrapper = with_arguments(getattr(owner, name), **replaced)
        monkeypatch.setattr(owner, name, wrapper)

    faces = {"batch_size": BATCH_SIZE, "data_dir": tiny_synthetic_faces}
    patch(kerasgan.data, "synthetic_faces", **faces)
    for name in ("celeb_a", "celeb_a_by_attribute"):
        # The other splits have too few faces to cut in two.
        patch(kerasgan.data, name, **faces, dataset="synthetic_faces", split="train")
    patch(kerasgan.data, "image_folder", batch_size=BATCH_SIZE)
    for name in kerasgan.networks.__all__:
        known = inspect.signature(getattr(kerasgan.networks, name)).parameters
        small = {key: value for key, value in SMALL.items() if key in known}
        patch(kerasgan.networks, name, **small)
    for model in (kerasgan.GAN, kerasgan.CycleGAN):
        patch(model, "compile", run_eagerly=True)
        patch(model, "fit", epochs=1, steps_per_epoch=1)
    # An untrained classifier is good enough here.
    monkeypatch.setattr(attribute_classifier, "train_network", lambda *_: None)
    monkeypatch.setattr(preflight, "MEASURED_BATCHES", 1)
    # Otherwise it would need PyTorch, and a checkpoint of the authors.
    monkeypatch.setattr(
        kerasgan.interop,
        "load_pytorch_weights",
        inspect.signature(kerasgan.interop.load_pytorch_weights).bind,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=() if page.name in BOTH else pytest.mark.keras3_lane)
        for page in PAGES
        if blocks(page, "python")
    ],
    ids=lambda page: page.name,
)
def test_python_programs_run(page, small_scale):
    namespace = {"__name__": "__main__"}
    for program in blocks(page, "python"):
        exec(compile(program, str(page), "exec"), namespace)


@by_page
def test_commands_parse(page):
    parser = _parser()
    for program, *arguments in commands(page):
        name = pathlib.PurePosixPath(program).name
        if name == "kerasgan":
            parser.parse_args(arguments)
        elif name == "python" and arguments[0].endswith(".py"):
            text = (ROOT / arguments[0]).read_text()
            for option in (word for word in arguments if word.startswith("--")):
                assert f'"{option}"' in text, f"{arguments[0]} has no {option}"
        else:
            assert name in ("python3", "python3.11", "python", "pip"), program


def headings(page):
    """Returns the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


@by_page
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in headings(target), f"{page.name}: {link}"


def test_every_guarantee_has_its_tests():
    rows = re.findall(r"^\| (.+) \| (.+) \|$", GUARANTEES.read_text(), re.MULTILINE)
    rows = rows[1 + [row[0] for row in rows].index("guarantee") :]
    assert len(rows) >= 26
    for guarantee, named in rows:
        assert named, guarantee
        for test in re.findall(r"`(.+?)`", named):
            file, _, function = test.partition("::")
            names = {
                node.name
                for node in ast.parse((ROOT / file).read_text()).body
                if isinstance(node, ast.FunctionDef)
            }
            assert any(name.startswith("test_") for name in names), file
            assert not function or function in names, test


def test_the_contents_name_every_page():
    pages = {page for page in PAGES if page != README and page.name != "README.md"}
    for contents in (README, ROOT / "docs" / "README.md"):
        links = re.findall(r"\]\(([^)\s]+\.md)\)", contents.read_text())
        assert pages <= {(contents.parent / link).resolve() for link in links}


def test_the_readme_is_short_and_has_the_test_command():
    lines = README.read_text().splitlines()
    assert len(lines) <= 200
    marker = lines.index("<!-- test command -->")
    end = lines.index("```", marker)
    assert lines[marker + 1] == "```bash"
    assert "python -m pytest" in lines[marker + 2] and end == marker + 3


def test_the_architecture_lists_the_modules_in_their_order():
    text = (ROOT / "docs" / "architecture.md").read_text()
    listed = re.findall(r"^\| `(\w+)(?:\.py|/)` \|", text, re.MULTILINE)
    module_order = ast.parse((ROOT / "tests" / "test_module_order.py").read_text())
    (order,) = (
        ast.literal_eval(node.value)
        for node in module_order.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "MODULES"
    )
    assert listed == order
