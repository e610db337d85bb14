import keras
import numpy as np
import pytest

from kerasgan import cli, images


def test_generate_writes_one_image_a_seed(small, folder, tmp_path, capsys):
    run, out = tmp_path / "faces-001", tmp_path / "out"
    command = ["train", "dcgan", "--data", folder, "--run", tmp_path / "faces"]
    assert cli.main([*map(str, command), "--epochs", "1"]) == 0
    for model in (run, run / "model.keras"):
        command = ["generate", str(model), "--seeds", "5,0-2", "--out", str(out)]
        assert cli.main(command) == 0
        assert sorted(p.name for p in out.iterdir()) == [
            f"seed_000{seed}.png" for seed in (0, 1, 2, 5)
        ]
    gan = keras.models.load_model(run / "model.keras")
    for seed in (0, 1, 2, 5):
        drawn = images.to_uint8(gan.generate(1, seed=seed)[0]).astype(int)
        written = images.read_png(out / f"seed_000{seed}.png")
        assert np.abs(written - drawn).max() <= 1
    assert "4 images" in capsys.readouterr().out


@pytest.mark.parametrize("seeds", ["", "a", "3-1", "1,,2", "1-2-3", str(2**63)])
def test_seeds_that_are_none(seeds, tmp_path, bad):
    bad(["generate", tmp_path, "--seeds", seeds, "--out", tmp_path], "--seeds")


def test_out_that_is_a_file(tmp_path, bad):
    (tmp_path / "file").write_text("not a folder")
    for out in (tmp_path / "file", tmp_path / "file" / "x"):
        bad(["generate", tmp_path, "--out", out], f"--out is '{out}'", "is a file")
