import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import metrics


def images(n, seed=0, size=16, low=-1.0):
    random = np.random.default_rng(seed)
    return random.uniform(low, 1.0, (n, size, size, 3)).astype("float32")


def mean_extractor():
    """Its features are the means of the channels, so that few images are enough."""
    inputs = keras.Input((None, None, 3))
    return metrics.FeatureExtractor(
        keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    )


REAL, FAKE = images(40), images(34, seed=1) * 0.8 + 0.1


def kernel_distance(real, fake):
    value, error = metrics.kernel_distance(real, fake)
    return {"kernel_distance": value, "kernel_distance_standard_error": error}


def prdc(real, fake):
    values = metrics.prdc(real, fake)
    return {f"prdc_{name}": value for name, value in values.items()}


FUNCTIONS = {
    metrics.FrechetDistance: metrics.frechet_distance,
    metrics.KernelDistance: kernel_distance,
    metrics.Prdc: prdc,
}


def result_of(metric):
    """Returns floats; Keras 2 makes tensors of them."""
    result = metric.result()
    if isinstance(result, dict):
        return {name: float(value) for name, value in result.items()}
    return float(result)


def fill(metric, real=REAL, fake=FAKE):
    """Adds batches of 8 images; the last is smaller."""

    @tf.function
    def update(real, fake):
        # Returns nothing; in Keras 2, the method returns an operation.
        metric.update_state(real, fake)

    for start in range(0, len(real), 8):
        part = slice(start, min(start + 8, len(fake)))
        update(tf.constant(real[start : start + 8]), tf.constant(fake[part]))


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_batches_give_what_all_features_at_once_give(kind):
    extractor = mean_extractor()
    metric = kind(extractor)
    expected = FUNCTIONS[kind](extractor.features(REAL), extractor.features(FAKE))
    for _ in range(2):
        fill(metric)
        assert result_of(metric) == pytest.approx(expected, rel=1e-5)
        metric.reset_state()
    # Other images after a reset.
    fill(metric, REAL, REAL)
    assert result_of(metric) != pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("kind", [metrics.KernelDistance, metrics.Prdc])
def test_only_the_first_images_are_kept(kind):
    extractor = mean_extractor()
    metric = kind(extractor, max_images=20)
    fill(metric)
    features = (extractor.features(x[:20]) for x in (REAL, FAKE))
    assert result_of(metric) == pytest.approx(FUNCTIONS[kind](*features), rel=1e-5)


def test_images_of_another_range_are_scaled_and_clipped():
    extractor = mean_extractor()
    expected = metrics.frechet_distance(
        extractor.features(REAL), extractor.features(FAKE)
    )
    metric = metrics.FrechetDistance(extractor, value_range=(0, 255))
    fill(metric, 127.5 * (REAL + 1), 127.5 * (FAKE + 1))
    assert result_of(metric) == pytest.approx(expected, rel=1e-3)
    clipped, beyond = (metrics.FrechetDistance(extractor) for _ in range(2))
    fill(clipped, REAL, np.clip(3 * FAKE, -1, 1))
    fill(beyond, REAL, 3 * FAKE)
    assert result_of(beyond) == pytest.approx(result_of(clipped))


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_metrics_with_named_extractors_can_be_saved(kind):
    options = {"k": 3} if kind is metrics.Prdc else {}
    metric = kind("pixels", channels=1, value_range=(0, 1), name="other", **options)
    config = keras.saving.serialize_keras_object(metric)
    loaded = keras.saving.deserialize_keras_object(config)
    assert type(loaded) is kind and loaded.get_config() == metric.get_config()
    assert loaded.extractor.network.input_shape == (None, 16, 16, 1)


def gan(**options):
    generator = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16 * 16 * 3, activation="tanh"),
            keras.layers.Reshape((16, 16, 3)),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model = kerasgan.GAN(discriminator, generator, seed=0)
    model.compile(run_eagerly=True, **options)
    return model


def test_gans_report_them_in_validation_and_evaluation():
    extractor = mean_extractor()
    model = gan(metrics=[kind(extractor) for kind in FUNCTIONS])
    data = tf.data.Dataset.from_tensor_slices(REAL).batch(8)
    history = model.fit(data, validation_data=data, epochs=2, verbose=0).history
    names = [
        "frechet_distance",
        *("kernel_distance", "kernel_distance_standard_error"),
        *(f"prdc_{name}" for name in ("precision", "recall", "density", "coverage")),
    ]
    assert [name for name in names if name in history] == []
    assert all(len(history[f"val_{name}"]) == 2 for name in names)
    logs = model.evaluate(data, verbose=0, return_dict=True)
    assert list(logs)[-len(names) - 1 :] == [*names, "loss"]
    assert model.evaluate(data, verbose=0) == [*logs.values()]
    assert {name: history[f"val_{name}"][-1] for name in names} == pytest.approx(
        {name: logs[name] for name in names}
    )
    real = np.concatenate([extractor.features(batch) for batch in data])
    features = model.metrics_of[""][1].collected()
    np.testing.assert_allclose(features[0], real, rtol=1e-4, atol=1e-6)
    assert logs["frechet_distance"] == pytest.approx(
        metrics.frechet_distance(*features), rel=1e-4
    )


def test_a_cyclegan_reports_both_directions(small_cyclegan, faces):
    model = small_cyclegan()
    model.compile(metrics=[metrics.FrechetDistance(mean_extractor())], run_eagerly=True)
    a, b = faces(side=8), faces(side=8, seed=1)
    logs = model.evaluate(a, b, verbose=0, return_dict=True)
    for direction, source, target in (("a2b", a, b), ("b2a", b, a)):
        made = model.translate(source, direction)
        extract = mean_extractor().features
        expected = metrics.frechet_distance(extract(target), extract(made))
        name = f"frechet_distance_{direction}"
        assert logs[name] == pytest.approx(expected, rel=1e-3)


def test_callbacks_keep_the_best_model(tmp_path):
    model = gan(metrics=[metrics.KernelDistance("pixels", value_range=(-1, 1))])
    path = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.ModelCheckpoint(
            str(path), monitor="val_kernel_distance", mode="min", save_best_only=True
        )
    ]
    model.fit(
        REAL,
        validation_data=REAL,
        batch_size=8,
        epochs=3,
        callbacks=callbacks,
        verbose=0,
    )
    best = min(model.history.history["val_kernel_distance"])
    loaded = keras.models.load_model(path)
    logs = loaded.evaluate(REAL, batch_size=8, verbose=0, return_dict=True)
    assert logs["kernel_distance"] == pytest.approx(best, rel=1e-4)
