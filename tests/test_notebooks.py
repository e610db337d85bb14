"""Every notebook runs from top to bottom and draws the figures it is stored with."""

import functools
import json
import pathlib
import sys

import pytest

nbclient = pytest.importorskip(
    "nbclient", reason="needs nbclient: pip install kerasgan[notebooks]"
)
nbformat = pytest.importorskip(
    "nbformat", reason="needs nbformat: pip install kerasgan[notebooks]"
)

NOTEBOOKS = pathlib.Path(__file__).parents[1] / "notebooks"
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
KERNEL = "python_of_the_tests"
LARGEST = 500_000  # bytes

# Run in the notebook's kernel after its last cell. Its output is checked below.
PROBES = {
    "01_slanted_island": "import json; print(json.dumps({"
    "'by_hand': moved_by_hand.tolist(), 'by_library': moved_by_library.tolist(), "
    "'drawn': drawn.tolist()}))",
}


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def figures(cell):
    return [o for o in cell.outputs if "image/png" in o.get("data", {})]


@pytest.fixture(scope="module")
def execute(tmp_path_factory):
    """Function that runs a notebook once, in a new kernel and an empty folder."""
    home = tmp_path_factory.mktemp("jupyter")
    spec = home / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    arguments = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(
        json.dumps(
            {
                "argv": [sys.executable, *arguments],
                "display_name": KERNEL,
                "language": "python",
                "env": {"TF_CPP_MIN_LOG_LEVEL": "2"},
            }
        )
    )

    @functools.cache
    def run(path):
        notebook = read(path)
        for cell in code_cells(notebook):
            cell.outputs, cell.execution_count = [], None
        if path.stem in PROBES:
            probe = nbformat.v4.new_code_cell(PROBES[path.stem])
            notebook.cells.append(probe)
        folder = tmp_path_factory.mktemp(path.stem)
        client = nbclient.NotebookClient(
            notebook,
            kernel_name=KERNEL,
            timeout=300,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
        return notebook

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(home / "runtime"))
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        # Notebooks need their own backend to keep figures as outputs.
        patch.delenv("MPLBACKEND", raising=False)
        yield run


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws(path, execute):
    stored, executed = code_cells(read(path)), code_cells(execute(path))
    for before, after in zip(stored, executed, strict=False):
        assert after.execution_count is not None
        assert not [o for o in after.outputs if o.output_type == "error"]
        assert len(figures(after)) == len(figures(before)), after.source


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_its_outputs(path):
    cells = code_cells(read(path))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert any(figures(cell) for cell in cells)
    assert not [o for o in outputs if o.output_type == "error"]
    assert not [o for o in outputs if o.get("name") == "stderr"]
    assert path.stat().st_size < LARGEST


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_slanted_island_agrees_with_the_library_and_generates_faces(execute):
    probe = execute(NOTEBOOKS / "01_slanted_island.ipynb").cells[-1]
    found = json.loads(probe.outputs[0].text)
    assert len(found["by_hand"]) == 13
    assert max(map(abs, found["by_hand"])) > 1e-3
    assert found["by_library"] == pytest.approx(found["by_hand"], rel=0, abs=1e-6)
    assert len(found["drawn"]) == 16
    for [[a], [b]], [[c], [d]] in found["drawn"]:
        assert min(a, d) > 0.9
        assert max(b, c) < 0.1
