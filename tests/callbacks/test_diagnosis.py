import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.callbacks import Diagnosis, diagnosis, symptom_checks

EPOCHS = symptom_checks.PATIENCE + 1


def dots(n, seed, color=(1.0, 1.0, 1.0)):
    """Returns dark 8x8 images with a soft dot of many colors somewhere."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:8, :8] / 7
    at_x, at_y = rng.uniform(0.2, 0.8, (2, n, 1, 1))
    dot = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / 0.08)[..., None]
    colors = rng.uniform(0.4, 1, (n, 1, 1, 3)) * color
    return (1.8 * dot * colors - 0.9).astype("float32")


@pytest.fixture
def still_gan():
    """A function that returns a GAN of 8x8 images that does not learn."""

    def build(generator=None, discriminator=None, loss_fn="non_saturating"):
        if generator is None:
            generator = spread_generator()
        if discriminator is None:
            discriminator = linear_discriminator(0.1)
        gan = kerasgan.GAN(discriminator, generator, value_range=(-1, 1), seed=0)
        gan.compile(*still_optimizers(), loss_fn, run_eagerly=True)
        return gan

    return build


@pytest.fixture
def still_cyclegan():
    """A function that returns a CycleGAN that does not learn, and its images.

    Each generator multiplies images by a number.
    """

    def build(there, back):
        generators = []
        for factor in (there, back):
            layer = keras.layers.Conv2D(3, 1, use_bias=False)
            generators.append(keras.Sequential([keras.Input((8, 8, 3)), layer]))
            layer.kernel.assign(factor * np.eye(3)[None, None])
        discriminators = [
            keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 3)])
            for _ in range(2)
        ]
        networks = (*generators, *discriminators)
        cyclegan = kerasgan.CycleGAN(*networks, value_range=(-1, 1), seed=0)
        cyclegan.compile(*still_optimizers(), run_eagerly=True)
        return cyclegan, (dots(64, 1), dots(64, 2))

    return build


def still_optimizers():
    return keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0)


def spread_generator(*layers):
    """Returns a generator whose images differ like noise."""
    layers = layers or (keras.layers.Dense(192, activation="tanh"),)
    return keras.Sequential(
        [keras.Input((16,)), *layers, keras.layers.Reshape((8, 8, 3))]
    )


def linear_discriminator(weight, bias=0.0):
    layer = keras.layers.Dense(1)
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), layer])
    signs = np.sign(np.random.default_rng(0).normal(size=(192, 1)))
    layer.set_weights([weight * signs, np.full(1, bias)])
    return network


def watched(model, data, images=None, epochs=EPOCHS, others=(), **options):
    """Trains a model and returns the kinds of findings, and the callback."""
    callback = Diagnosis(images, **options)
    if isinstance(data, tuple):
        data = tf.data.Dataset.from_tensor_slices(data).batch(32)
        extra = {}
    else:
        extra = dict(batch_size=32)
    callbacks = [*others, callback]
    model.fit(data, epochs=epochs, verbose=0, callbacks=callbacks, **extra)
    return [finding.kind for finding in callback.findings], callback


def observed(
    model, images=None, epochs=EPOCHS, before_epoch=None, losses=None, **options
):
    """Shows epochs of two steps to a callback, without training.

    By default the losses are healthy, so only images can raise a finding.

    Returns:
        The kinds of the findings, and the callback.
    """
    if losses is None and isinstance(model, kerasgan.CycleGAN):
        losses = {"d_loss_a": 0.12, "d_loss_b": 0.12, "d_loss": 0.24}
    losses = losses or {"d_loss": 1.0}
    callback = Diagnosis(images, **options)
    callback.set_params({"verbose": 0})
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        if before_epoch:
            before_epoch(model, epoch)
        model.step.assign_add(2)
        callback.on_epoch_end(epoch, {"real_score": 0.0, **losses})
    return [finding.kind for finding in callback.findings], callback


class Each(keras.callbacks.Callback):
    """Does something to the model before every epoch, or after every step."""

    def __init__(self, before_epoch=None, after_step=None):
        super().__init__()
        self.before_epoch, self.after_step = before_epoch, after_step

    def on_epoch_begin(self, epoch, logs=None):
        if self.before_epoch:
            self.before_epoch(self.model, epoch)

    def on_train_batch_end(self, batch, logs=None):
        if self.after_step:
            self.after_step(self.model, self.model.steps_taken)


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"penalties": ["r1"], "label_noise": 0.2},
        {"loss_fn": "least_squares", "label_noise": 0.5},
    ],
)
def test_a_healthy_gan_has_no_findings(capsys, options):
    images = dots(256, 0)
    generator = spread_generator(
        keras.layers.Dense(64),
        keras.layers.LeakyReLU(0.2),
        keras.layers.Dense(192, activation="tanh"),
    )
    discriminator = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(64),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Dense(1),
        ]
    )
    gan = kerasgan.GAN(discriminator, generator, seed=0)
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)), **options)
    kinds, callback = watched(gan, images, images, epochs=12, recover=True)
    assert kinds == [] and callback.findings == []
    assert capsys.readouterr().out == ""


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_healthy_cyclegan_has_no_findings():
    def generator():
        layers = keras.layers
        return keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Conv2D(16, 3, padding="same", activation="relu"),
                layers.Conv2D(3, 3, padding="same", activation="tanh"),
            ]
        )

    def discriminator():
        layers = keras.layers
        return keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Conv2D(16, 3, strides=2),
                layers.LeakyReLU(0.2),
                layers.Conv2D(1, 3),
            ]
        )

    red, blue = dots(256, 1, (1.0, 0.2, 0.2)), dots(256, 2, (0.2, 0.2, 1.0))
    networks = generator(), generator(), discriminator(), discriminator()
    cyclegan = kerasgan.CycleGAN(*networks, seed=0)
    cyclegan.compile(*(keras.optimizers.Adam(2e-3, beta_1=0.5) for _ in range(2)))
    kinds, _ = watched(cyclegan, (red, blue), (red, blue), epochs=10)
    assert kinds == []


@pytest.mark.slow
def test_training_is_the_same_with_the_callback(trainee):
    def trained(*callbacks):
        keras.utils.set_random_seed(7)
        model = trainee.compiled()
        model.fit(trainee.data, epochs=2, verbose=0, callbacks=list(callbacks))
        optimizers = (model.d_optimizer, model.g_optimizer)
        variables = [*model.variables, *(v for o in optimizers for v in o.variables)]
        return [tf.convert_to_tensor(v).numpy().tobytes() for v in variables]

    images = next(iter(trainee.data.unbatch().batch(16)))
    assert trained() == trained(Diagnosis(images, recover=True))


@pytest.mark.slow
def test_the_first_layer_that_is_not_finite_is_reported(still_gan, capsys):
    def set_to_nan(gan, step):
        if step == 5:
            gan.generator.layers[0].bias.assign(np.full(192, np.nan))

    gan, images = still_gan(), dots(64, 0)
    name = gan.generator.layers[0].name
    kinds, callback = watched(gan, images, images, others=[Each(after_step=set_to_nan)])
    assert kinds == ["not_finite"]
    (finding,) = callback.findings
    # The weights were set to NaN after step 5, the first of its epoch.
    assert finding.step == gan.steps_taken == 6
    assert finding.sentence.startswith(
        "At step 6 fake_score (and 3 more) is not finite, first in the weights of "
        f"layer {name!r} of the generator, and training stops; what usually helps: "
    )
    assert capsys.readouterr().out == finding.sentence + "\n"


def test_weights_are_checked_after_the_last_step(still_gan):
    def set_to_inf(gan, step):
        if step == 2:
            gan.discriminator.layers[-1].bias.assign([np.inf])

    images = dots(64, 0)
    kinds, callback = watched(
        still_gan(), images, epochs=1, others=[Each(after_step=set_to_inf)]
    )
    assert kinds == ["not_finite"]
    assert "of the discriminator, and training stops" in callback.findings[0].sentence


def test_outputs_that_overflow_are_reported(still_gan):
    # The gradient of the loss stays finite, and so do the weights.
    discriminator = linear_discriminator(0.0)
    layer = discriminator.layers[-1]
    layer.kernel.assign(np.full((192, 1), 3e37))
    expected = f"first in the output of layer {layer.name!r} of the discriminator"
    images = dots(64, 0)
    for fixed in (images, None):
        generator = spread_generator()
        generator.layers[0].bias.assign(np.full(192, -2.0))
        gan = still_gan(generator, discriminator, "mean_absolute_error")
        kinds, callback = watched(gan, images, fixed)
        assert kinds == ["not_finite"]
        assert expected in callback.findings[0].sentence


def test_without_images_only_weights_are_checked(still_cyclegan):
    cyclegan, _ = still_cyclegan(1.0, 1.0)
    callback = Diagnosis()
    callback.set_params({"verbose": 0})
    callback.set_model(cyclegan)
    callback.on_train_begin()
    cyclegan.step.assign(2)
    callback.on_train_batch_end(1, {"loss": np.inf, "g_loss": 1.0, "d_loss": np.inf})
    (finding,) = callback.findings
    assert finding.sentence.startswith(
        "At step 2 d_loss (and 1 more) is not finite, first in an unknown layer, and"
    )


def test_a_full_disk_does_not_end_training(small_gan, faces, monkeypatch, capsys):
    def full(self):
        raise OSError("no space left")

    monkeypatch.setattr(diagnosis.LastGoodState, "keep", full)
    callback = Diagnosis(recover=True)
    gan = small_gan()
    gan.fit(faces(), batch_size=8, epochs=3, verbose=0, callbacks=[callback])
    assert gan.steps_taken == 6
    printed = capsys.readouterr().out
    assert printed == "Diagnosis cannot keep the last good state: no space left\n"


@pytest.mark.slow
def test_recovery_restores_the_last_good_state_with_lower_rates(trainee):
    def set_to_nan(model, step):
        if step == 3:
            for network in model.players()[0]:
                network.set_weights([w * np.nan for w in network.get_weights()])

    model = trainee.compiled(d_rate=0.02, g_rate=0.01)
    kept = []
    others = [Each(after_step=set_to_nan)]
    others.append(Each(lambda model, epoch: kept.append(trainee.draw(model))))
    callback = Diagnosis(recover=True)
    history = model.fit(
        trainee.data, epochs=4, verbose=0, callbacks=[*others, callback]
    )
    assert [f.kind for f in callback.findings] == ["not_finite"]
    assert "returns to step 2 with" in callback.findings[0].sentence
    assert "(recovery 1 of 3)" in callback.findings[0].sentence
    # Two steps an epoch: the second epoch ends with the state in which it began.
    np.testing.assert_array_equal(kept[2], kept[1])
    assert not np.array_equal(kept[3], kept[2])
    assert model.steps_taken == 8 and np.isfinite(trainee.draw(model)).all()
    assert float(model.d_optimizer.learning_rate) == pytest.approx(0.01)
    assert float(model.g_optimizer.learning_rate) == pytest.approx(0.005)
    assert np.isfinite(history.history[trainee.monitor][2:]).all()


@pytest.mark.slow
def test_recovery_lowers_a_rate_that_follows_a_schedule(small_gan, faces, monkeypatch):
    def set_to_nan(gan, step):
        if step == 2:
            gan.generator.set_weights([w * np.nan for w in gan.generator.get_weights()])

    monkeypatch.setattr(diagnosis, "RATE_FACTOR", 0.0)
    rate = kerasgan.schedules.ConstantThenLinearDecay(0.1, 100, 100)
    gan = small_gan()
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    kept = []
    others = [
        Each(after_step=set_to_nan),
        Each(lambda gan, epoch: kept.append(gan.generator.get_weights())),
    ]
    kinds, _ = watched(gan, faces(), others=others, recover=True)
    assert kinds == ["not_finite"] and gan.steps_taken == EPOCHS
    # One step an epoch: the second fails, and the rate of those after it is zero.
    assert int(tf.convert_to_tensor(gan.g_optimizer.iterations)) == EPOCHS - 1
    for i, after in enumerate(gan.generator.get_weights()):
        np.testing.assert_array_equal(after, kept[1][i])
        assert not np.array_equal(after, kept[0][i])


def test_training_stops_after_three_recoveries(still_gan):
    def set_to_nan(gan, epoch):
        gan.generator.set_weights([w * np.nan for w in gan.generator.get_weights()])

    gan = still_gan()
    first = gan.generate(4, seed=0)
    kinds, callback = watched(
        gan, dots(64, 0), epochs=9, recover=True, others=[Each(set_to_nan)]
    )
    assert kinds == ["not_finite"] * 4
    sentences = [finding.sentence for finding in callback.findings]
    for i, sentence in enumerate(sentences[:3], start=1):
        assert f"(recovery {i} of 3)" in sentence
    assert "training stops, with the model restored to step 0" in sentences[3]
    assert callback.stopped_training
    # The model is as it was before training.
    np.testing.assert_array_equal(gan.generate(4, seed=0), first)
    # Two steps in each of three epochs, and one of the fourth.
    assert gan.steps_taken == 7
    assert np.isfinite(first).all()


def test_a_saturated_discriminator(still_gan):
    generator = spread_generator(keras.layers.Dense(192, kernel_initializer="zeros"))
    discriminator = linear_discriminator(0.0)
    layer = discriminator.layers[-1]
    layer.set_weights([np.full((192, 1), -0.2), np.full(1, -15.0)])
    # Real images are dark, with a mean of about -0.9, and generated images are gray.
    gan = still_gan(generator, discriminator)
    images = np.full((64, 8, 8, 3), -0.9, "float32")
    kinds, callback = watched(gan, images)
    assert kinds == ["discriminator_saturated"]
    assert callback.findings[0].step == 2


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize("loss_fn", ["non_saturating", "least_squares"])
def test_a_beaten_discriminator(still_gan, monkeypatch, loss_fn):
    monkeypatch.setattr(symptom_checks, "BEATEN_STEPS", 22)
    bias = 0.5 if loss_fn == "least_squares" else 0.0
    # It outputs nearly the same to all images.
    discriminator = linear_discriminator(1e-2 / 192, bias)
    gan = still_gan(discriminator=discriminator, loss_fn=loss_fn)
    callback, counts = Diagnosis(), []
    count = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: counts.append(len(callback.findings))
    )
    data = dict(x=dots(64, 0), batch_size=32, verbose=0)
    gan.fit(**data, epochs=12, callbacks=[callback, count])
    # Two steps an epoch: 22 steps after it was first measured.
    assert counts == [0] * 11 + [1]
    (finding,) = callback.findings
    assert finding.kind == "discriminator_beaten" and finding.step == 2


def test_a_saturated_and_a_beaten_discriminator_of_a_cyclegan(
    still_cyclegan, monkeypatch
):
    monkeypatch.setattr(symptom_checks, "BEATEN_STEPS", 22)
    # Generated images are as bright as real images are dark.
    cyclegan, (a, b) = still_cyclegan(-1.0, -1.0)
    a, b = np.full_like(a, -0.9), np.full_like(b, -0.9)
    for network, weight, bias in (
        (cyclegan.discriminator_a, -0.5 / 0.9 / 27, 0.5),
        (cyclegan.discriminator_b, 0.0, 0.5),
    ):
        network.layers[-1].kernel.assign(np.full((3, 3, 3, 1), weight))
        network.layers[-1].bias.assign([bias])
    data = tf.data.Dataset.from_tensor_slices((a, b)).batch(32)
    losses = cyclegan.evaluate(data, verbose=0, return_dict=True)
    kinds, callback = observed(cyclegan, epochs=12, losses=losses)
    assert kinds == ["discriminator_saturated", "discriminator_beaten"]
    assert "d_loss_a is" in callback.findings[0].sentence
    assert "d_loss_b is" in callback.findings[1].sentence


def test_a_vanished_gradient(still_gan):
    for loss_fn, expected in (
        ("minimax", ["gradient_vanished"]),
        ("non_saturating", []),
    ):
        gan = still_gan(discriminator=linear_discriminator(0.1, -30.0), loss_fn=loss_fn)
        assert observed(gan)[0] == expected


@pytest.mark.parametrize("kinds_of_images", [1, 4])
def test_mode_collapse(still_gan, kinds_of_images):
    layer = keras.layers.Dense(192, activation="tanh")
    generator = spread_generator(layer)
    kernel = np.zeros((16, 192))
    if kinds_of_images == 4:
        # Decided by the signs of two latents.
        kernel[0, :96] = kernel[1, 96:] = 1e6
    layer.set_weights([kernel, np.zeros(192)])
    images = dots(256, 0)
    assert observed(still_gan(generator))[0] == []
    found, callback = observed(still_gan(generator), images)
    assert found == ["mode_collapse"]
    sentence = callback.findings[0].sentence
    assert f"{kinds_of_images} of 64 generated images are distinct, " in sentence


def test_a_rising_number_of_kinds_is_not_a_collapse(still_gan):
    layer = keras.layers.Dense(192, activation="tanh")
    generator = spread_generator(layer)

    def widen(gan, epoch):
        # The signs of `epoch` latents decide: 1, 2, 4, 8 and 16 kinds.
        kernel = np.zeros((16, 192))
        for i in range(epoch):
            kernel[i, i::epoch] = 1e6
        layer.set_weights([kernel, np.zeros(192)])

    images = dots(256, 0)
    assert observed(still_gan(generator), images, 5, widen)[0] == []


@pytest.mark.parametrize("mirrored", [False, True])
def test_memorized_images(still_gan, mirrored):
    images = dots(256, 0)
    # One of 16 images of the data, decided by the largest latent.
    choice = keras.layers.Dense(16, activation="softmax", use_bias=False)
    look_up = keras.layers.Dense(192, use_bias=False)
    generator = spread_generator(choice, look_up)
    choice.set_weights([1e4 * np.eye(16)])
    copies = images[:16, :, ::-1] if mirrored else images[:16]
    look_up.set_weights([copies.reshape(16, 192)])
    found, callback = observed(still_gan(generator), images)
    assert found == ["memorized"]
    assert callback.findings[0].step == 2


def test_a_cyclegan_that_learned_the_identity(still_cyclegan):
    cyclegan, images = still_cyclegan(0.98, 1.02)
    assert observed(cyclegan, images)[0] == ["identity"]
    assert observed(cyclegan)[0] == []


def test_inverted_colors(still_cyclegan):
    cyclegan, images = still_cyclegan(-1.0, -1.0)
    found, callback = observed(cyclegan, images)
    assert found == ["inverted_colors"] * 2
    assert "the translations of a2b are inverted" in callback.findings[0].sentence
    assert "the translations of b2a are inverted" in callback.findings[1].sentence


def test_an_image_hidden_in_a_faint_pattern(still_cyclegan):
    cyclegan, images = still_cyclegan(1.0, 1.0)
    there, back = cyclegan.generator_ab, cyclegan.generator_ba
    # Only the first channel is visible; the others are faint.
    seen = np.array([[1, 0, 0], [0, 0.01, 0], [0, 0, 0.01]])
    there.layers[-1].kernel.assign(seen[None, None])
    back.layers[-1].kernel.assign(np.linalg.inv(seen)[None, None])
    found, callback = observed(cyclegan, images)
    assert found == ["hidden_image"]
    assert "of a2b hide the image" in callback.findings[0].sentence


@pytest.mark.slow
def test_a_symptom_that_comes_back_is_reported_again(still_gan, capsys):
    generator = spread_generator()
    weights = generator.get_weights()

    def collapse(gan, epoch):
        collapsed = epoch not in (5, 6)
        gan.generator.set_weights([w * (0 if collapsed else 1) for w in weights])

    images = dots(64, 0)
    found, callback = observed(still_gan(generator), images, 12, collapse)
    assert found == ["mode_collapse"] * 2
    # Two steps an epoch, measured at their ends.
    assert [finding.step for finding in callback.findings] == [2, 16]
    sentences = [finding.sentence for finding in callback.findings]
    assert capsys.readouterr().out.splitlines() == sentences


def test_every_epochs(still_gan, monkeypatch):
    generator = spread_generator(keras.layers.Dense(192, kernel_initializer="zeros"))
    images = dots(64, 0)
    for epochs, expected in ((8, []), (9, ["mode_collapse"])):
        gan = still_gan(generator)
        found, callback = observed(gan, images, epochs, every_epochs=3)
        assert found == expected
    assert callback.findings[0].step == 6


def test_a_gan_that_translates():
    generator = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 1, activation="tanh")]
    )
    generator.layers[-1].kernel.assign(np.zeros((1, 1, 1, 3)))
    gan = kerasgan.GAN(linear_discriminator(0.1), generator, seed=0)
    gan.compile(*still_optimizers(), run_eagerly=True)
    pair = dots(64, 0)[..., :1], dots(64, 0)
    assert observed(gan, pair)[0] == ["mode_collapse"]
    assert observed(gan)[0] == []


def test_arguments_are_checked(small_gan, faces):
    for images, every_epochs, message in (
        (None, 0, "every_epochs is 0"),
        (faces()[:8], 1, "images has 8 images; expected at least 16"),
        ((faces(), faces()[:8]), 1, r"images\[1\] has 8 images"),
        ((faces(),), 1, "images is a sequence of 1"),
    ):
        with pytest.raises(ValueError, match=message):
            Diagnosis(images, every_epochs)
    callback = Diagnosis((faces(), faces()))
    with pytest.raises(ValueError, match="images is a pair, but the model draws"):
        small_gan().fit(faces(), verbose=0, callbacks=[callback])
    other = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    other.compile("sgd", "mse")
    with pytest.raises(ValueError, match="Diagnosis is used with a Sequential"):
        other.fit(np.zeros((4, 1)), np.zeros((4, 1)), callbacks=[Diagnosis()])


@pytest.mark.slow
def test_findings_are_printed_below_the_progress_bar(still_gan, capsys):
    generator = spread_generator(keras.layers.Dense(192, kernel_initializer="zeros"))
    images = dots(64, 0)
    callback = Diagnosis(images)
    still_gan(generator).fit(images, epochs=4, verbose=2, callbacks=[callback])
    assert callback.findings[0].sentence in capsys.readouterr().out.splitlines()
