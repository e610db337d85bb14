import argparse

from kerasgan.cli import runs


def test_runs_are_numbered(tmp_path):
    (tmp_path / "x-002").mkdir()
    options = argparse.Namespace(run=tmp_path / "x", resume=None)
    created = [runs.run_folder(options) for _ in range(3)]
    assert created == [tmp_path / f"x-00{number}" for number in (1, 3, 4)]
    assert all(folder.is_dir() for folder in created)
    assert options.folder == created[-1]
    options.resume = tmp_path / "x-002"
    assert runs.run_folder(options) == options.folder == tmp_path / "x-002"
