import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import callbacks, images
from kerasgan.callbacks.samples import MOST_FRAMES
from kerasgan.callbacks.sheets import translation_sheet


def pairs(faces):
    both = faces(side=8), faces(side=8, seed=1)
    return tf.data.Dataset.from_tensor_slices(both).batch(8)


def test_sample_grid_writes_a_grid_an_epoch_and_a_gif(tmp_path, small_gan, faces):
    gan = small_gan()
    first = gan.generate(9, seed=5)
    grids = callbacks.SampleGrid(tmp_path / "run", n=9, seed=5)
    gan.fit(faces(), epochs=2, batch_size=8, verbose=0, callbacks=[grids])
    names = sorted(p.name for p in (tmp_path / "run" / "samples").iterdir())
    assert names == ["epoch_0000.png", "epoch_0001.png", "epoch_0002.png"]
    for name, samples in ((names[0], first), (names[2], gan.generate(9, seed=5))):
        expected = images.grid(images.to_uint8(samples))
        written = images.read_png(tmp_path / "run" / "samples" / name)
        np.testing.assert_array_equal(written, expected)
    with Image.open(tmp_path / "run" / "evolution.gif") as gif:
        assert gif.n_frames == 3 and gif.size == (12, 12)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "evolution.gif",
        "samples",
    ]


def test_sample_grid_goes_on_where_training_does(tmp_path, small_gan, faces):
    gan = small_gan()
    train = dict(batch_size=8, verbose=0)
    for first, last in ((0, 1), (1, 3)):
        grids = callbacks.SampleGrid(tmp_path, n=4)
        gan.fit(faces(), initial_epoch=first, epochs=last, callbacks=[grids], **train)
    assert len(list((tmp_path / "samples").iterdir())) == 4
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 4


def test_another_run_in_the_folder_starts_afresh(tmp_path, small_gan, faces):
    for epochs in (3, 1):
        grids = callbacks.SampleGrid(tmp_path, n=4)
        small_gan().fit(
            faces(), epochs=epochs, batch_size=8, verbose=0, callbacks=[grids]
        )
    assert len(list((tmp_path / "samples").iterdir())) == 2


def test_sample_grid_knows_the_range_of_a_sigmoid(tmp_path, small_gan, faces):
    gan = small_gan("sigmoid")
    grids = callbacks.SampleGrid(tmp_path, 4)
    gan.fit(faces(0), batch_size=8, verbose=0, callbacks=[grids])
    expected = np.rint(gan.generate(4, seed=0) * 255)
    written = images.read_png(tmp_path / "samples" / "epoch_0001.png")
    np.testing.assert_array_equal(written, images.grid(expected.astype("uint8")))


def test_long_runs_make_short_gifs(tmp_path):
    for epoch in range(251):
        pixels = np.full((2, 2, 3), epoch, "uint8")
        images.write_png(tmp_path / "samples" / f"epoch_{epoch:04d}.png", pixels)
    callbacks.SampleGrid(tmp_path).on_train_end()
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames <= MOST_FRAMES
        gif.seek(gif.n_frames - 1)
        assert np.asarray(gif.convert("RGB"))[0, 0, 0] == 250


def test_sample_grid_arguments(tmp_path):
    with pytest.raises(ValueError, match="n is 0"):
        callbacks.SampleGrid(tmp_path, n=0)


def test_translation_grid_shows_both_directions(tmp_path, small_cyclegan, faces):
    cyclegan = small_cyclegan()
    a, b = faces(side=8, seed=2), faces(side=8, seed=3)
    data = tf.data.Dataset.from_tensor_slices(b).batch(2)

    def sheet():
        blocks = []
        for here, back, originals in (("a2b", "b2a", a[:3]), ("b2a", "a2b", b[:3])):
            there = cyclegan.translate(originals, here)
            again = cyclegan.translate(there, back)
            same = cyclegan.translate(originals, back)
            columns = (originals, there, again, same)
            blocks.append([images.to_uint8(column) for column in columns])
        return translation_sheet(*blocks)

    first = sheet()
    grids = callbacks.TranslationGrid(tmp_path, a, data, n=3)
    cyclegan.fit(pairs(faces), epochs=2, verbose=0, callbacks=[grids])
    files = sorted((tmp_path / "translations").iterdir())
    assert [file.stem for file in files] == ["epoch_0000", "epoch_0001", "epoch_0002"]
    np.testing.assert_array_equal(images.read_png(files[0]), first)
    np.testing.assert_array_equal(images.read_png(files[2]), sheet())
    assert (first != sheet()).any()
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 3 and gif.size == first.shape[1::-1]


def test_translation_grid_goes_on_where_training_does(tmp_path, small_cyclegan, faces):
    cyclegan = small_cyclegan()
    for first, last in ((0, 1), (1, 2)):
        grids = callbacks.TranslationGrid(tmp_path, faces(side=8), faces(side=8), n=2)
        cyclegan.fit(
            pairs(faces),
            initial_epoch=first,
            epochs=last,
            verbose=0,
            callbacks=[grids],
        )
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 3


def test_translation_grid_arguments(tmp_path, small_gan, faces):
    a = faces()
    for images_a, images_b, n, message in (
        (a, a, 0, "n is 0"),
        (a, a, 17, "a has 16 images; expected at least 17"),
        (a, a[0], 1, r"b has shape \(4, 4, 3\)"),
        (a, a * 127, 1, "b has values from"),
    ):
        with pytest.raises(ValueError, match=message):
            callbacks.TranslationGrid(tmp_path, images_a, images_b, n=n)
    grids = callbacks.TranslationGrid(tmp_path, a, a)
    with pytest.raises(ValueError, match="TranslationGrid is given to a GAN"):
        small_gan().fit(a, batch_size=8, verbose=0, callbacks=[grids])
    assert not list(tmp_path.iterdir())


def test_translation_grid_knows_the_range_of_each_domain(
    tmp_path, small_cyclegan, faces
):
    cyclegan = small_cyclegan(domain_b="sigmoid")
    a, b = faces(side=8, seed=2)[:2], faces(low=0, side=8, seed=3)[:2]
    both = faces(side=8), faces(low=0, side=8)
    grids = callbacks.TranslationGrid(tmp_path, a, b, n=2)
    cyclegan.fit(
        tf.data.Dataset.from_tensor_slices(both).batch(8), verbose=0, callbacks=[grids]
    )

    def in_a(images):
        return np.rint((images + 1) * 127.5).astype("uint8")

    def in_b(images):
        return np.rint(images * 255).astype("uint8")

    blocks = []
    for here, back, originals, own, other in (
        ("a2b", "b2a", a, in_a, in_b),
        ("b2a", "a2b", b, in_b, in_a),
    ):
        there = cyclegan.translate(originals, here)
        again = cyclegan.translate(there, back)
        same = cyclegan.translate(originals, back)
        blocks.append([own(originals), other(there), own(again), own(same)])
    written = images.read_png(tmp_path / "translations" / "epoch_0001.png")
    difference = written.astype(int) - translation_sheet(*blocks)
    assert np.abs(difference).max() <= 1
