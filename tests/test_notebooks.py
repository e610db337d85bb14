"""Every notebook runs from top to bottom and draws the figures it is stored with."""

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


def check_slanted_island(found):
    """Training by hand agrees with the library, and the images are faces."""
    assert len(found["by_hand"]) == 13
    assert max(map(abs, found["by_hand"])) > 1e-3
    assert found["by_library"] == pytest.approx(found["by_hand"], rel=0, abs=1e-6)
    assert len(found["drawn"]) == 16
    for [[a], [b]], [[c], [d]] in found["drawn"]:
        assert min(a, d) > 0.9
        assert max(b, c) < 0.1


# Code that runs in the notebook's kernel after its last cell, and what checks the JSON
# that it prints.
PROBES = {
    "01_slanted_island": (
        "import json; print(json.dumps({"
        "'by_hand': moved_by_hand.tolist(), 'by_library': moved_by_library.tolist(), "
        "'drawn': drawn.tolist()}))",
        check_slanted_island,
    )
}


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def figures(cell):
    return [o for o in cell.outputs if "image/png" in o.get("data", {})]


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Function that runs a notebook in a new kernel and an empty folder."""
    home = tmp_path / "jupyter"
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

    monkeypatch.setenv("JUPYTER_PATH", str(home))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(home / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    # Notebooks need their own backend to keep figures as outputs.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    folder = tmp_path / "folder"
    folder.mkdir()

    def run(notebook):
        for cell in code_cells(notebook):
            cell.outputs, cell.execution_count = [], None
        nbclient.NotebookClient(
            notebook,
            kernel_name=KERNEL,
            timeout=300,
            resources={"metadata": {"path": str(folder)}},
        ).execute()
        return notebook

    return run


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws(path, execute):
    notebook = read(path)
    code, check = PROBES[path.stem]
    notebook.cells.append(nbformat.v4.new_code_cell(code))
    *executed, probe = code_cells(execute(notebook))
    for before, after in zip(code_cells(read(path)), executed, strict=True):
        assert after.execution_count is not None
        assert not [o for o in after.outputs if o.output_type == "error"]
        assert len(figures(after)) == len(figures(before)), after.source
    check(json.loads(probe.outputs[0].text))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_its_outputs(path):
    cells = code_cells(read(path))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert any(figures(cell) for cell in cells)
    assert not [o for o in outputs if o.output_type == "error"]
    assert not [o for o in outputs if o.get("name") == "stderr"]
    assert path.stat().st_size < LARGEST
