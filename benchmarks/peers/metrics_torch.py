"""Computes metrics with other libraries on request; `benchmarks/metrics.py` times it.

It reads requests, one JSON object a line, such as `{"metric": "prdc", "library":
"prdc"}`, and answers each with its value and its seconds. FOLDER contains `arrays.npz`,
with the features `real` and `fake`.
"""

import argparse
import contextlib
import json
import pathlib
import sys
import time

import numpy as np
import scipy.linalg
import torch
from prdc import compute_prdc
from torch_fidelity.metric_fid import (
    fid_features_to_statistics,
    fid_statistics_to_metric,
)
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

K = 5
OPTIONS = dict(
    kid_kernel="poly",
    kid_kernel_poly_degree=3,
    kid_kernel_poly_gamma=None,
    kid_kernel_poly_coef0=1.0,
    kid_subsets=100,
    kid_subset_size=1000,
    prc_neighborhood=K,
    prc_batch_size=10000,
    save_cpu_ram=False,
    rng_seed=2020,
    verbose=False,
)


def torch_frechet(real, fake):
    statistics = [fid_features_to_statistics(torch.tensor(x)) for x in (real, fake)]
    for one in statistics:
        # NumPy's means of float32 features are float32.
        one["mu"] = one["mu"].astype("float64")
    return fid_statistics_to_metric(*statistics, verbose=False)[
        "frechet_inception_distance"
    ]


def scipy_frechet(real, fake):
    covariances = [np.cov(rows, rowvar=False) for rows in (real, fake)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    means = [rows.mean(axis=0, dtype="float64") for rows in (real, fake)]
    difference = means[0] - means[1]
    spread = np.trace(covariances[0] + covariances[1] - 2.0 * root)
    return difference @ difference + spread


def torch_kernel(real, fake):
    tensors = torch.tensor(fake), torch.tensor(real)
    return kid_features_to_metric(*tensors, **OPTIONS)["kernel_inception_distance_mean"]


def torch_precision(real, fake):
    return prc_features_to_metric(torch.tensor(fake), torch.tensor(real), **OPTIONS)[
        "precision"
    ]


def prdc_precision(real, fake):
    return compute_prdc(real, fake, nearest_k=K)["precision"]


FUNCTIONS = {
    ("frechet_distance", "torch_fidelity"): torch_frechet,
    ("frechet_distance", "scipy"): scipy_frechet,
    ("kernel_distance", "torch_fidelity"): torch_kernel,
    ("prdc", "prdc"): prdc_precision,
    ("prdc", "torch_fidelity"): torch_precision,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    arrays = np.load(options.folder / "arrays.npz")
    real, fake = arrays["real"], arrays["fake"]
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        # The answers are the only output.
        with contextlib.redirect_stdout(sys.stderr):
            value = FUNCTIONS[request["metric"], request["library"]](real, fake)
        seconds = time.perf_counter() - start
        print(json.dumps({"value": float(value), "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
