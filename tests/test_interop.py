import pathlib
import pickle
import re
import shutil
import sys
import zipfile

import keras
import numpy as np
import pytest
import safetensors.numpy

from kerasgan.interop import load_pytorch_weights
from kerasgan.networks import (
    dcgan_discriminator,
    patchgan_discriminator,
    resnet_generator,
    unet_generator,
)

FILES = pathlib.Path(__file__).parent / "fixtures"
FIXTURES = pathlib.Path(__file__).parent / "networks" / "fixtures"
BATCH = dict(normalization="batch")
# The network for each fixture, and its options.
CASES = {
    "resnet": (resnet_generator, dict(blocks=2)),
    "resnet_dropout": (resnet_generator, dict(blocks=1, dropout=0.5)),
    "resnet_batch": (resnet_generator, dict(blocks=1, **BATCH)),
    "unet": (unet_generator, dict(depth=5, width=2)),
    "unet_batch": (unet_generator, dict(depth=3, **BATCH)),
    "patchgan": (patchgan_discriminator, dict(layers=3)),
    "patchgan_shallow": (patchgan_discriminator, dict(layers=1, **BATCH)),
    "pixel": (patchgan_discriminator, dict(layers="pixel")),
    "pixel_batch": (patchgan_discriminator, dict(layers="pixel", **BATCH)),
}


def read(case):
    """Returns the weights, input and output of a fixture, images NHWC."""
    with np.load(FIXTURES / f"cyclegan_{case}.npz") as fixture:
        state = {
            key.removeprefix("weights."): fixture[key]
            for key in fixture.files
            if key.startswith("weights.")
        }
        images, output = (
            fixture[key].transpose(0, 2, 3, 1) for key in ("input", "output")
        )
    return state, images, output


def build(case, image_shape, **more):
    function, options = CASES[case]
    return function(image_shape, **{"width": 4, **options, **more})


def pixel():
    state, images, output = read("pixel")
    return build("pixel", images.shape[1:]), state, images, output


@pytest.mark.parametrize("case", CASES)
def test_computes_what_pytorch_computes(case):
    state, images, output = read(case)
    network = build(case, images.shape[1:])
    assert np.abs(np.asarray(network(images)) - output).max() > 0.1
    load_pytorch_weights(network, state)
    assert output.std() > 0.1
    np.testing.assert_allclose(np.asarray(network(images)), output, atol=1e-4)


def test_the_order_and_a_prefix_of_the_keys_do_not_matter():
    state, images, output = read("unet")
    network = build("unet", (None, None, 1))
    state = {f"module.{key}": state[key] for key in reversed(list(state))}
    load_pytorch_weights(network, state)
    np.testing.assert_allclose(np.asarray(network(images)), output, atol=1e-4)


def test_numbers_in_keys_are_sorted_as_numbers():
    # As text, the residual blocks at 10 and 11 would come before the rest.
    state, _, _ = read("resnet")
    network = build("resnet", (16, 16, 3))
    load_pytorch_weights(network, dict(sorted(state.items())))
    kernel = network.get_layer("block_2_conv_2").get_weights()[0]
    expected = state["model.11.conv_block.5.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel, expected)


def test_weights_reach_the_layer_inside_spectral_normalization():
    state, images, output = read("patchgan")
    network = build("patchgan", images.shape[1:], spectral_normalization=True)
    load_pytorch_weights(network, state)
    outputs = np.asarray(network(images, training=False))
    np.testing.assert_allclose(outputs, output, atol=1e-4)


def without(state, key):
    return {k: v for k, v in state.items() if k != key}


def test_keys_that_do_not_match_raise_an_error_and_change_nothing():
    network, state, _, _ = pixel()
    before = network.get_weights()
    wrong = {**state, "net.5.bias": np.zeros(2, "f")}
    stat = {"net.3.weight": np.zeros(8, "f"), "net.3.bias": np.zeros(8, "f")}
    last = without(without(state, "net.5.weight"), "net.5.bias")
    cases = [
        (wrong, "source: 'net.5.bias' has shape (2,); layer 'to_logits' expects (1,)."),
        (
            without(state, "net.2.bias"),
            "source has no key 'net.2.bias'; layer 'conv_2' expects one of shape (8,).",
        ),
        (
            without(state, "net.2.weight"),
            "source has no key 'net.2.weight'; layer 'conv_2' expects one of shape "
            "(8, 4, 1, 1).",
        ),
        (
            last,
            "source has no key for layer 'to_logits' of 'patchgan_discriminator'; "
            "expected one after 'net.2.weight'.",
        ),
        (
            {},
            "source has no key for layer 'conv_1' of 'patchgan_discriminator'; "
            "expected one.",
        ),
        (
            {**state, "net.7.weight": np.zeros(1)},
            "source has the unused key 'net.7.weight'; expected keys for the 3 layers "
            "of 'patchgan_discriminator' only.",
        ),
        (
            {**state, "net.5.scale": np.zeros(1)},
            "source has the unused key 'net.5.scale'; layer 'to_logits' expects weight "
            "and bias only.",
        ),
        # Instance normalization has no learned scale here.
        ({**state, **stat}, "'net.3.weight' has shape (8,); layer 'to_logits' expects"),
    ]
    for source, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            load_pytorch_weights(network, source)
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_checkpoint_with_another_number_of_blocks_raises_an_error():
    state, _, _ = read("resnet")
    with pytest.raises(ValueError, match=r"'model.11.conv_block.1.weight' has shape"):
        load_pytorch_weights(resnet_generator((16, 16, 3), 4, blocks=1), state)
    with pytest.raises(ValueError, match=r"layer 'block_3_conv_1' expects"):
        load_pytorch_weights(resnet_generator((16, 16, 3), 4, blocks=3), state)


def test_missing_batch_statistics_raise_an_error():
    state, images, _ = read("pixel_batch")
    network = build("pixel_batch", images.shape[1:])
    with pytest.raises(ValueError, match=r"no key 'net.3.running_mean'"):
        load_pytorch_weights(network, without(state, "net.3.running_mean"))


def test_unsupported_networks_and_sources_raise_an_error():
    with pytest.raises(ValueError, match=r"layer 'dense' of type Dense"):
        image = keras.Input((4,))
        dense = keras.Model(image, keras.layers.Dense(1, name="dense")(image))
        load_pytorch_weights(dense, {"0.weight": np.zeros((1, 4))})
    network = dcgan_discriminator((8, 8, 1))
    with pytest.raises(ValueError, match=r"source is of type int; expected a mapping"):
        load_pytorch_weights(network, 3)
    with pytest.raises(ValueError, match=r"source is 'net.h5'; expected a .pth"):
        load_pytorch_weights(network, "net.h5")


@pytest.mark.parametrize("name", ["pytorch_weights.pth", "pytorch_weights_old.pth"])
def test_pytorch_files_are_read_without_pytorch(name, tmp_path):
    network = build("pixel_batch", (7, 9, 3))
    # A path, a string, and the other extension.
    shutil.copy(FILES / name, tmp_path / "net.pt")
    for source in (FILES / name, str(tmp_path / "net.pt")):
        network.set_weights([0 * weight for weight in network.get_weights()])
        load_pytorch_weights(network, source)
        for weight in network.get_weights():
            array = weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight
            expected = np.arange(array.size) % 16 / 8
            # A bias, or the transposed kernel, does not follow the rule of the rest.
            assert array.ravel().tolist() in (
                expected.tolist(),
                (expected + 1).tolist(),
            )
        np.testing.assert_array_equal(
            network.get_layer("norm_2").get_weights()[1], 1 + np.arange(8) / 8
        )
    assert "torch" not in sys.modules


def test_pytorch_tensors_are_accepted():
    class Tensor:
        """Has the methods of a PyTorch tensor that is on a device, in bfloat16."""

        def __init__(self, array, done=()):
            self.array, self.done = array, done

        def detach(self):
            return Tensor(self.array, (*self.done, "detach"))

        def cpu(self):
            return Tensor(self.array, (*self.done, "cpu"))

        def float(self):
            return Tensor(self.array, (*self.done, "float"))

        def numpy(self):
            assert self.done == ("detach", "cpu", "float")
            return self.array

    network, state, images, output = pixel()
    load_pytorch_weights(network, {k: Tensor(v) for k, v in state.items()})
    np.testing.assert_allclose(np.asarray(network(images)), output, atol=1e-4)


def test_files_without_a_mapping_raise_an_error(tmp_path):
    path = tmp_path / "list.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("list/data.pkl", pickle.dumps([1]))
    message = f"source {str(path)!r} contains a list; expected a mapping of names to"
    with pytest.raises(ValueError, match=re.escape(message)):
        load_pytorch_weights(pixel()[0], path)


def test_safetensors_files_are_read(tmp_path):
    network, state, images, output = pixel()
    safetensors.numpy.save_file(state, tmp_path / "net.safetensors")
    load_pytorch_weights(network, tmp_path / "net.safetensors")
    np.testing.assert_allclose(np.asarray(network(images)), output, atol=1e-4)


def test_a_missing_safetensors_package_is_named(monkeypatch):
    network, *_ = pixel()
    # None makes the import fail as if the package were not installed.
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    message = (
        "Reading 'net.safetensors' needs the package safetensors, which is not "
        "installed: pip install safetensors, or pass a mapping of names to arrays."
    )
    with pytest.raises(ImportError, match=re.escape(message)):
        load_pytorch_weights(network, "net.safetensors")
