import csv

from PIL import Image

from kerasgan import cli, data
from kerasgan.data.drawn_faces.attributes import ATTRIBUTES, LANDMARKS


def write_kaggle_copy(folder):
    """Writes CelebA as Kaggle ships it, with two images in each split."""
    names = [f"{number:06d}.jpg" for number in range(1, 7)]
    (folder / "img_align_celeba").mkdir(parents=True)
    for number, name in enumerate(names):
        image = Image.new("RGB", (178, 218), (40 * number,) * 3)
        image.save(folder / "img_align_celeba" / name)
    tables = {
        "list_eval_partition": (["partition"], [[i // 2] for i in range(6)]),
        "list_attr_celeba": (ATTRIBUTES, [[1] * 40] * 6),
        "list_landmarks_align_celeba": (LANDMARKS, [[0] * 10] * 6),
    }
    for table, (columns, rows) in tables.items():
        with open(folder / f"{table}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image_id", *columns])
            for name, row in zip(names, rows, strict=True):
                writer.writerow([name, *row])


def test_a_copy_is_prepared_in_the_home_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_kaggle_copy(tmp_path / "kaggle")
    command = ["prepare", "celeb_a", "--from=~/kaggle", "--data-dir=~/tfds"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "6 images (train 2, validation 2, test 2)" in printed
    assert str(tmp_path / "tfds" / "celeb_a") in printed
    faces = data.celeb_a(
        32, "validation", batch_size=2, shuffle=False, data_dir=tmp_path / "tfds"
    )
    (batch,) = faces.as_numpy_iterator()
    levels = (batch.mean(axis=(1, 2, 3)) + 1) * 127.5
    assert [round(level) for level in sorted(levels)] == [80, 120]


def test_a_missing_copy(tmp_path, bad):
    command = ["prepare", "celeb_a", "--from", tmp_path / "no", "--data-dir", tmp_path]
    bad(command, f"kerasgan: --from {tmp_path / 'no'} does not exist")


def test_a_data_dir_below_a_file(tmp_path, bad):
    (tmp_path / "file").write_text("not a folder")
    out = tmp_path / "file" / "x"
    command = ["prepare", "celeb_a", "--from", tmp_path, "--data-dir", out]
    bad(command, f"--data-dir is '{out}'", "is a file")
