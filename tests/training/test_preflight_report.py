"""The table that preflight prints, and the numbers derived for it."""

import dataclasses

import pytest

from kerasgan.training.preflight_report import Preflight


def report(**changes):
    found = Preflight(
        name="gan",
        parameters={"discriminator": 1_000_000, "generator": 20},
        state_bytes=1_500_000_000,
        activation_bytes=500_000_000,
        batch_size=10,
        first_step_seconds=5.0,
        model_speed=100.0,
        data_speed=300.0,
        shared=False,
        batches=30,
        epochs=100,
    )
    return dataclasses.replace(found, **changes)


def test_throughput_with_and_without_shared_device():
    assert report().slower == "model"
    assert report().images_per_second == pytest.approx(100.0)
    assert report(shared=True).images_per_second == pytest.approx(75.0)
    assert report(data_speed=50.0).slower == "data"
    assert report(data_speed=50.0).images_per_second == pytest.approx(50.0)


def test_estimated_time():
    assert report().epoch_seconds == pytest.approx(3.0)
    assert report().seconds == pytest.approx(305.0)
    assert report(epochs=None).seconds is None
    assert report(batches=None).seconds is None


def test_table():
    assert str(report()).splitlines() == [
        "Preflight of gan:",
        "  discriminator  1,000,000 parameters",
        "  generator      20 parameters",
        "  memory         about 2.0 GB, 500 MB of it activations",
        "  model alone    100 images/s",
        "  data alone     300 images/s",
        "  together       about 100 images/s; bottleneck: model",
        "  first step     after 5 s",
        "  an epoch       3 s, 30 batches of 10",
        "  to finish      5 min (epochs: 100)",
    ]
    assert "to finish" not in str(report(epochs=None))
    assert "unknown" in str(report(batches=None))
    assert "28 h 44 min" in str(report(model_speed=0.29, epochs=100))
