"""On given features, metrics equal those of independent libraries."""

import json
import pathlib

import numpy as np
import pytest

from kerasgan import metrics

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
REFERENCES = json.loads((FIXTURES / "metric_references.json").read_text())
TORCH_FIDELITY = REFERENCES["torch-fidelity"]
RELATIVE = 1e-6

with np.load(FIXTURES / "metric_features.npz") as arrays:
    REAL, FAKE, LOGITS = (
        arrays[name].astype("float64") for name in ("real", "fake", "logits")
    )


def test_frechet_distance():
    distance = metrics.frechet_distance(REAL, FAKE)
    assert distance == pytest.approx(
        TORCH_FIDELITY["frechet_inception_distance"], rel=RELATIVE
    )
    assert distance == pytest.approx(REFERENCES["scipy"]["1"], rel=RELATIVE)
    assert metrics.frechet_distance(REAL, FAKE, ddof=0) == pytest.approx(
        REFERENCES["scipy"]["0"], rel=RELATIVE
    )


@pytest.mark.filterwarnings("ignore:fake has 20 rows")
def test_frechet_distance_with_fewer_rows_than_features():
    with pytest.warns(UserWarning, match="real has 20 rows of 24 features"):
        distance = metrics.frechet_distance(REAL[:20], FAKE[:20])
    expected = TORCH_FIDELITY["of_20_rows"]["frechet_inception_distance"]
    assert distance == pytest.approx(expected, rel=RELATIVE)


def test_kernel_distance_of_torch_fidelity():
    value, error = metrics.kernel_distance(REAL, FAKE, subset_size=100)
    assert value == pytest.approx(
        TORCH_FIDELITY["kernel_inception_distance_mean"], rel=RELATIVE
    )
    # torch-fidelity reports the deviation of subsets of 100 of at least 260 rows.
    deviation = TORCH_FIDELITY["kernel_inception_distance_std"] * np.sqrt(100 / 99)
    assert error == pytest.approx(deviation * np.sqrt(100 / 160), rel=RELATIVE)


def test_kernel_distance_of_clean_fid():
    # If a subset has all rows, the estimate does not depend on their order.
    value, _ = metrics.kernel_distance(REAL[:260], FAKE, subsets=1, subset_size=260)
    expected = REFERENCES["clean-fid"]["kernel_distance"]
    assert value == pytest.approx(expected, rel=RELATIVE)


def test_precision_and_recall_of_torch_fidelity():
    found = metrics.prdc(REAL, FAKE, k=3, inclusive=True)
    for name in ("precision", "recall"):
        assert found[name] == pytest.approx(TORCH_FIDELITY[name], rel=RELATIVE)


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_recall_density_and_coverage_of_prdc(k, dtype):
    found = metrics.prdc(REAL.astype(dtype), FAKE.astype(dtype), k=k)
    assert found == pytest.approx(REFERENCES["prdc"][str(k)], rel=RELATIVE)


def test_inception_score():
    value, error = metrics.inception_score(LOGITS)
    assert value == pytest.approx(TORCH_FIDELITY["inception_score_mean"], rel=RELATIVE)
    deviation = TORCH_FIDELITY["inception_score_std"]
    assert error == pytest.approx(deviation / np.sqrt(10), rel=RELATIVE)
