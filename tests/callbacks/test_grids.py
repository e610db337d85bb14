import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasgan
from kerasgan import callbacks, images
from kerasgan.callbacks import grids
from kerasgan.callbacks.translation_layout import arrange_translations


def noise(n, channels=3, side=8, seed=0, low=-1.0):
    rng = np.random.default_rng(seed)
    return rng.uniform(low, 1, (n, side, side, channels)).astype("float32")


def gan_of(channels, side=4, activation="tanh", **options):
    """Returns a compiled GAN that trains without tracing."""
    generator = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(side * side * channels, activation=activation),
            keras.layers.Reshape((side, side, channels)),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((side, side, channels)), keras.layers.Flatten()]
    )
    discriminator.add(keras.layers.Dense(1))
    gan = kerasgan.GAN(discriminator, generator, ema_decay=None, seed=0, **options)
    rates = keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1)
    gan.compile(*rates, run_eagerly=True)
    return gan


def cyclegan_of(channels_a, channels_b, range_a="tanh", range_b="tanh", **options):
    """Returns a compiled CycleGAN of 8x8 images that trains without tracing."""

    def generator(source, target, activation):
        layer = keras.layers.Conv2D(target, 3, padding="same", activation=activation)
        return keras.Sequential([keras.Input((8, 8, source)), layer])

    def discriminator(channels):
        return keras.Sequential(
            [keras.Input((8, 8, channels)), keras.layers.Conv2D(1, 3)]
        )

    cyclegan = kerasgan.CycleGAN(
        generator(channels_a, channels_b, range_b),
        generator(channels_b, channels_a, range_a),
        discriminator(channels_a),
        discriminator(channels_b),
        pool_size=0,
        seed=0,
        **options,
    )
    identity = 5.0 if channels_a == channels_b else 0.0
    cyclegan.compile(identity_weight=identity, run_eagerly=True)
    return cyclegan


def fit(model, data, grid, epochs=1):
    data = tf.data.Dataset.from_tensor_slices(data).batch(8)
    model.fit(data, epochs=epochs, verbose=0, callbacks=[grid])


def columns_of(model, a, b, visible_a, visible_b):
    """Returns the columns of both directions, as a reader should see them."""

    def shown(floats, domain):
        channels = {"a": visible_a, "b": visible_b}[domain]
        return images.to_uint8(floats[..., channels], model.value_range(domain))

    blocks = []
    for there, back, originals in (("a2b", "b2a", a), ("b2a", "a2b", b)):
        source, target = there.split("2")
        translated = model.translate(originals, there)
        columns = [
            shown(originals, source),
            shown(translated, target),
            shown(model.translate(translated, back), source),
        ]
        if a.shape[-1] == b.shape[-1]:
            columns.append(shown(model.translate(originals, back), source))
        blocks.append(columns)
    return blocks


def test_sample_grid_writes_a_grid_per_epoch_and_a_gif(tmp_path, small_gan, faces):
    gan = small_gan()
    first = gan.generate(9, seed=5)
    grid = callbacks.SampleGrid(tmp_path / "run", n=9, seed=5)
    gan.fit(faces(), epochs=2, batch_size=8, verbose=0, callbacks=[grid])
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


@pytest.mark.parametrize(
    "channels, chosen, shown",
    [
        (1, None, [0]),
        (2, None, [0]),
        (5, None, [0, 1, 2]),
        (12, (7, 3, 1), [7, 3, 1]),
        (12, (4,), [4]),
    ],
)
def test_sample_grid_shows_any_number_of_channels(tmp_path, channels, chosen, shown):
    gan = gan_of(channels)
    grid = callbacks.SampleGrid(tmp_path, 4, channels=chosen)
    fit(gan, noise(8, channels, side=4), grid)
    written = images.read_png(tmp_path / "samples" / "epoch_0001.png")
    expected = images.to_uint8(gan.generate(4, seed=0)[..., shown])
    np.testing.assert_array_equal(written, images.grid(expected))
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 2


def test_sample_grid_uses_the_range_of_the_generator(tmp_path, small_gan, faces):
    gan = small_gan("sigmoid")
    fit(gan, faces(0), callbacks.SampleGrid(tmp_path, 4))
    expected = np.rint(gan.generate(4, seed=0) * 255)
    written = images.read_png(tmp_path / "samples" / "epoch_0001.png")
    np.testing.assert_array_equal(written, images.grid(expected.astype("uint8")))


@pytest.mark.parametrize("steps", [0, 5])
def test_an_unknown_range_is_asked_for_before_the_first_step(tmp_path, steps):
    linear = cyclegan_of(3, 3, range_b="linear")
    dense = gan_of(3, activation="linear")
    a = noise(8)
    for model, data, grid in (
        (dense, noise(8, side=4), callbacks.SampleGrid(tmp_path)),
        (linear, (a, a), callbacks.TranslationGrid(tmp_path, a, a)),
    ):
        model.step.assign(steps)
        with pytest.raises(ValueError, match=r"expected value_range=\(low, high\)"):
            fit(model, data, grid)
        assert model.steps_taken == steps
    assert not list(tmp_path.iterdir())


def test_grids_use_a_range_that_was_given(tmp_path):
    gan = gan_of(3, activation="linear", value_range=(0, 255))
    gan.generator.layers[0].bias.assign(np.full(48, 100.0))
    fit(gan, 100 + noise(8, side=4), callbacks.SampleGrid(tmp_path / "gan", 4))
    written = images.read_png(tmp_path / "gan" / "samples" / "epoch_0000.png")
    assert 90 < written.min() and written.max() < 110
    cyclegan = cyclegan_of(
        3, 3, range_b="linear", value_range={"a": (-1, 1), "b": (0, 255)}
    )
    color = [77, 40, 120]
    a, b = noise(8), np.zeros((8, 8, 8, 3), "float32") + color
    fit(cyclegan, (a, b), callbacks.TranslationGrid(tmp_path, a, b, 1))
    written = images.read_png(tmp_path / "translations" / "epoch_0001.png")
    assert (written == color).all(axis=2).sum() == 8 * 8


def test_large_samples_are_generated_a_few_at_once(tmp_path, monkeypatch):
    gan = gan_of(3)
    expected = images.grid(images.to_uint8(gan.generate(9, seed=0)))
    sizes = []
    call = kerasgan.GAN.call

    def counted(model, inputs, training=None):
        sizes.append(len(inputs))
        return call(model, inputs, training)

    monkeypatch.setattr(kerasgan.GAN, "call", counted)
    monkeypatch.setattr(images, "PIXELS_AT_ONCE", 4 * 4 * 4)
    grid = callbacks.SampleGrid(tmp_path, 9)
    grid.set_model(gan)
    np.testing.assert_array_equal(grid.draw(), expected)
    assert sizes == [4, 4, 1]


def test_long_runs_make_short_gifs(tmp_path, small_gan):
    """The GIF has an even selection that ends with the last epoch."""
    for epoch in range(251):
        pixels = np.full((2, 2, 3), epoch, "uint8")
        path = tmp_path / "samples" / f"epoch_{epoch:04d}.png"
        images.write_png(path, pixels, {grids.STEP: str(epoch)})
    grid, gan = callbacks.SampleGrid(tmp_path), small_gan()
    gan.step.assign(251)
    grid.set_model(gan)
    grid.on_train_begin()
    grid.epoch_number(0)
    grid.on_train_end()
    with Image.open(tmp_path / "evolution.gif") as gif:
        shown = []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            shown.append(int(np.asarray(gif.convert("RGB"))[0, 0, 0]))
    assert len(shown) <= grids.MAX_FRAMES
    assert shown == list(range(250 % 3, 251, 3))


def test_epochs_past_9999_are_in_order(tmp_path, small_gan):
    for epoch in (9998, 9999, 10000, 10001):
        pixels = np.full((2, 2, 3), epoch - 9900, "uint8")
        path = tmp_path / "samples" / f"epoch_{epoch:04d}.png"
        images.write_png(path, pixels, {grids.STEP: str(epoch)})
    grid, gan = callbacks.SampleGrid(tmp_path), small_gan()
    gan.step.assign(20000)
    grid.set_model(gan)
    grid.on_train_begin()
    assert grid.epoch_number(0) == 10002
    grid.on_train_end()
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 4
        gif.seek(3)
        assert np.asarray(gif.convert("RGB"))[0, 0, 0] == 101


def test_the_gif_shows_grids_of_the_last_size(tmp_path, faces):
    gan = gan_of(3)
    for n in (4, 9):
        fit(gan, faces(), callbacks.SampleGrid(tmp_path, n), epochs=2)
    assert len(list((tmp_path / "samples").iterdir())) == 5
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 2 and gif.size == (12, 12)


def test_gif_is_made_of_one_file_at_a_time(tmp_path, faces, monkeypatch):
    alive, most = [], []
    read = images.read_png

    def read_and_count(path):
        frame = read(path)
        alive.append(weakref.ref(frame))
        most.append(sum(reference() is not None for reference in alive))
        return frame

    monkeypatch.setattr(images, "read_png", read_and_count)
    gan = gan_of(3)
    callback = callbacks.SampleGrid(tmp_path, 1)
    gan.fit(faces(), epochs=5, verbose=0, callbacks=[callback])
    # That of the last frame is read first, for its shape.
    assert len(most) == 1 + 6 and max(most) <= 2


def test_sample_grid_arguments(tmp_path, small_gan, small_cyclegan, faces):
    for options, message in (
        ({"n": 0}, "n is 0"),
        ({"channels": (0, 1)}, r"channels is \(0, 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            callbacks.SampleGrid(tmp_path, **options)
    gan, cyclegan = small_gan(), small_cyclegan()
    both = faces(side=8), faces(side=8)
    for model, data, options, message in (
        (gan, faces(), {"channels": (3,)}, r"channels is \(3,\), but the images"),
        (cyclegan, both, {}, "SampleGrid is used with a CycleGAN that takes images"),
    ):
        # Also a model that was trained before, which draws no grid at first.
        for steps in (0, 5):
            model.step.assign(steps)
            with pytest.raises(ValueError, match=message):
                fit(model, data, callbacks.SampleGrid(tmp_path, **options))
            assert model.steps_taken == steps
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("range_b", ["tanh", "sigmoid"])
def test_translation_grid_shows_both_directions(tmp_path, range_b):
    cyclegan = cyclegan_of(3, 3, range_b=range_b)
    low = -1.0 if range_b == "tanh" else 0.0
    a, b = noise(5, seed=2), noise(5, seed=3, low=low)
    blocks = columns_of(cyclegan, a[:3], b[:3], [0, 1, 2], [0, 1, 2])
    first = arrange_translations(*blocks)
    held_out = tf.data.Dataset.from_tensor_slices(b).batch(2)
    grid = callbacks.TranslationGrid(tmp_path, a, held_out, n=3)
    fit(cyclegan, (noise(8), noise(8, low=low)), grid, epochs=2)
    files = sorted((tmp_path / "translations").iterdir())
    assert [file.stem for file in files] == ["epoch_0000", "epoch_0001", "epoch_0002"]
    np.testing.assert_array_equal(images.read_png(files[0]), first)
    blocks = columns_of(cyclegan, a[:3], b[:3], [0, 1, 2], [0, 1, 2])
    last = arrange_translations(*blocks)
    np.testing.assert_array_equal(images.read_png(files[2]), last)
    assert (first != last).any()
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 3 and gif.size == first.shape[1::-1]


@pytest.mark.parametrize(
    "counts, chosen, shown_a, shown_b",
    [
        ((1, 3), None, [0], [0, 1, 2]),
        ((2, 2), None, [0], [0]),
        ((12, 5), None, [0, 1, 2], [0, 1, 2]),
        ((12, 5), (4, 0, 2), [4, 0, 2], [4, 0, 2]),
        ((1, 12), {"a": None, "b": (11, 7, 3)}, [0], [11, 7, 3]),
    ],
)
def test_translation_grid_shows_any_number_of_channels(
    tmp_path, counts, chosen, shown_a, shown_b
):
    cyclegan = cyclegan_of(*counts)
    a, b = noise(2, counts[0], seed=2), noise(2, counts[1], seed=3)
    grid = callbacks.TranslationGrid(tmp_path, a, b, 2, chosen)
    fit(cyclegan, (noise(8, counts[0]), noise(8, counts[1])), grid)
    written = images.read_png(tmp_path / "translations" / "epoch_0001.png")
    expected = arrange_translations(*columns_of(cyclegan, a, b, shown_a, shown_b))
    np.testing.assert_array_equal(written, expected)


def test_translation_grid_arguments(
    tmp_path, small_gan, small_cyclegan, faces, monkeypatch
):
    a = faces(side=8)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert callbacks.TranslationGrid("~/run", a, a).folder == tmp_path / "run"
    for images_b, options, message in (
        (a, {"n": 0}, "n is 0"),
        (a, {"n": 17}, "a has 16 images; expected at least 17"),
        (a[0], {"n": 1}, r"b has shape \(8, 8, 3\)"),
        (a, {"channels": (0, 1, 3)}, r"channels is \(0, 1, 3\), but the images"),
        (a, {"channels": {"a": (0,)}}, r"channels has the keys \['a'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            callbacks.TranslationGrid(tmp_path, a, images_b, **options)
    sigmoid = small_cyclegan(domain_b="sigmoid")
    for model, images_b, message in (
        (small_gan(), a, "TranslationGrid is used with a GAN"),
        (small_cyclegan(), a[..., :1], r"b has shape \(8, 8, 8, 1\); expected"),
        (small_cyclegan(), a * 127, r"b has values from .*; expected images in \[-1"),
        (sigmoid, a, r"b has values from .*; expected images in \[0, 1\]"),
        (sigmoid, a * np.nan, "b has values from nan"),
    ):
        grid = callbacks.TranslationGrid(tmp_path, a, images_b)
        low = 0 if model is sigmoid else -1
        data = faces() if model.name == "gan" else (a, faces(low, side=8))
        with pytest.raises(ValueError, match=message):
            fit(model, data, grid)
        assert model.steps_taken == 0
    assert not list(tmp_path.iterdir())
