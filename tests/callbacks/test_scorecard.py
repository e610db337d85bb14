import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import callbacks
from kerasgan.metrics import AttributeClassifier, translation_scores

NAMES = {
    f"{score}_{direction}"
    for score in ("flip_rate", "cycle_error", "change", "frechet_distance")
    for direction in ("a2b", "b2a")
} | {"classifier_accuracy"}


@pytest.fixture
def bright():
    """A classifier that assigns bright images to domain a."""
    inputs = keras.Input((8, 8, 3))
    features = keras.layers.GlobalAveragePooling2D(name="features")(inputs)
    logit = keras.layers.Dense(1, kernel_initializer="ones", name="logit")(features)
    return AttributeClassifier(keras.Model(inputs, logit), {"held_out_accuracy": 0.875})


@pytest.fixture
def pairs(faces):
    both = faces(side=8), faces(side=8, seed=1)
    return tf.data.Dataset.from_tensor_slices(both).batch(8)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_scores_are_added_to_the_logs(tmp_path, small_cyclegan, bright, pairs, faces):
    cyclegan = small_cyclegan()
    a, b = faces(side=8, seed=2), faces(side=8, seed=3)
    data = tf.data.Dataset.from_tensor_slices(b).batch(4)
    history = cyclegan.fit(
        pairs,
        epochs=2,
        verbose=0,
        callbacks=[
            callbacks.Scorecard(bright, a, data),
            callbacks.LossCurves(tmp_path),
            keras.callbacks.CSVLogger(str(tmp_path / "keras.csv")),
        ],
    ).history
    assert set(history) >= NAMES
    expected = translation_scores(cyclegan.translate, bright, a, b)
    assert {name: history[name][-1] for name in NAMES} == pytest.approx(expected)
    assert history["classifier_accuracy"] == [0.875, 0.875]
    for file in ("history.csv", "keras.csv"):
        with open(tmp_path / file, newline="") as lines:
            rows = list(csv.DictReader(lines))
        for name in NAMES:
            got = [float(row[name]) for row in rows]
            np.testing.assert_allclose(got, history[name])


def test_early_stopping_reads_scores(small_cyclegan, bright, pairs, faces):
    a = faces(side=8)
    history = (
        small_cyclegan()
        .fit(
            pairs,
            epochs=5,
            verbose=0,
            callbacks=[
                callbacks.Scorecard(bright, a, a, n=4),
                keras.callbacks.EarlyStopping(
                    "classifier_accuracy", mode="max", patience=1
                ),
            ],
        )
        .history
    )
    # The accuracy is constant.
    assert len(history["g_loss"]) == 2


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_real_features_are_computed_once(
    small_cyclegan, bright, pairs, faces, monkeypatch
):
    a, b = faces(side=8, seed=2), faces(side=8, seed=3)
    seen = []
    features = bright.features
    monkeypatch.setattr(
        bright, "features", lambda images: seen.append(images) or features(images)
    )
    scorecard = callbacks.Scorecard(bright, a, b, n=6)
    small_cyclegan().fit(pairs, epochs=3, verbose=0, callbacks=[scorecard])
    real = [x for x in seen if any(np.array_equal(x, y[:6]) for y in (a, b))]
    assert len(real) == 2 and len(seen) == 2 + 3 * 2


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_one_line_is_printed_per_epoch(small_cyclegan, bright, pairs, faces, capsys):
    scorecard = callbacks.Scorecard(bright, faces(side=8), faces(side=8))
    for verbose, lines in ((0, 0), (2, 2)):
        small_cyclegan().fit(pairs, epochs=2, verbose=verbose, callbacks=[scorecard])
        printed = capsys.readouterr().out.splitlines()
        found = [line for line in printed if "flipped" in line]
        assert len(found) == lines
    assert "(classifier accuracy 88%)" in found[0]
    assert found[1].startswith("Epoch 2 (a2b/b2a): flipped ")


@pytest.mark.slow
def test_arguments(bright, small_gan, small_cyclegan, faces, pairs):
    a = faces(side=8)
    for images_a, images_b, n, message in (
        (a, a, 0, "n is 0"),
        (a, a, 17, "a has 16 images; expected at least 17"),
        (a, a[:1], None, "b has 1 image; expected at least 2"),
        (a, a, 1, "a has 1 image; expected at least 2"),
        (a[:, :4], a, None, r"a has images of shape \(4, 8, 3\), but the classifier"),
    ):
        with pytest.raises(ValueError, match=message):
            callbacks.Scorecard(bright, images_a, images_b, n)
    for model, data, images_b, message in (
        (small_gan(), faces(), a, "Scorecard is used with a GAN"),
        (small_cyclegan(), pairs, a * 127, "b has values from"),
    ):
        scorecard = callbacks.Scorecard(bright, a, images_b)
        with pytest.raises(ValueError, match=message):
            model.fit(data, batch_size=8, verbose=0, callbacks=[scorecard])
        assert model.steps_taken == 0


def test_images_are_rescaled_for_the_classifier(small_cyclegan, bright, faces):
    cyclegan = small_cyclegan(domain_a="sigmoid", domain_b="sigmoid")
    a, b = faces(low=0, side=8, seed=2), faces(low=0, side=8, seed=3) / 4
    data = tf.data.Dataset.from_tensor_slices((a, b)).batch(8)
    scorecard = callbacks.Scorecard(bright, a, b)
    history = cyclegan.fit(data, verbose=0, callbacks=[scorecard]).history

    def translate(images, direction):
        return 2 * cyclegan.translate((images + 1) / 2, direction) - 1

    expected = translation_scores(translate, bright, 2 * a - 1, 2 * b - 1)
    got = {name: history[name][0] for name in NAMES}
    assert got == pytest.approx(expected, rel=1e-4)
    # Without rescaling, all images of b would be bright.
    made = cyclegan.translate(a, "a2b").mean((1, 2, 3))
    assert got["flip_rate_a2b"] == pytest.approx((made <= 0.5).mean())


def test_values_out_of_range_are_clipped(small_cyclegan, bright, faces, pairs):
    cyclegan = small_cyclegan("linear", "linear", value_range=(-1, 1))
    for network in (cyclegan.ema_generator_ab, cyclegan.generator_ab):
        network.set_weights([50 * weight for weight in network.get_weights()])
    a = faces(side=8)
    scorecard = callbacks.Scorecard(bright, a, a)
    history = cyclegan.fit(pairs, verbose=0, callbacks=[scorecard]).history
    made = cyclegan.translate(a, "a2b")
    assert np.abs(made).max() > 2
    clipped = np.clip(made, -1, 1)
    assert history["change_a2b"] == pytest.approx([np.abs(clipped - a).mean()])


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_scores_of_nan_images_are_nan(tmp_path, small_cyclegan, bright, faces, pairs):
    cyclegan = small_cyclegan()
    for network in (cyclegan.ema_generator_ab, cyclegan.generator_ab):
        network.set_weights([np.nan * weight for weight in network.get_weights()])
    a = faces(side=8)
    scorecard = callbacks.Scorecard(bright, a, a)
    curves = callbacks.LossCurves(tmp_path)
    history = cyclegan.fit(pairs, verbose=2, callbacks=[scorecard, curves]).history
    assert np.isnan(history["flip_rate_a2b"]) and np.isnan(history["change_a2b"])
    assert history["classifier_accuracy"] == [0.875]
    assert "nan" in (tmp_path / "history.csv").read_text()
