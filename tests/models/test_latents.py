import numpy as np
import pytest

from kerasgan.models.latents import check_distribution, check_latent_dim, draw_latents


def test_latents_have_moments_of_distribution():
    normal = np.asarray(draw_latents(20_000, (3,), "normal", (0, 0)))
    assert abs(normal.mean()) < 0.02 and abs(normal.std() - 1) < 0.02
    uniform = np.asarray(draw_latents(20_000, (1, 1, 3), (-2.0, 3.0), (0, 0)))
    assert uniform.shape == (20_000, 1, 1, 3)
    assert abs(uniform.mean() - 0.5) < 0.05
    # The variance of a uniform distribution is its squared width over 12.
    assert abs(uniform.var() - 25 / 12) < 0.05


def test_check_latent_dim():
    assert check_latent_dim(None, (7,)) == 7
    assert check_latent_dim(7, (1, 1, 7)) == 7
    assert check_latent_dim(None, None) is None
    with pytest.raises(ValueError, match="generator takes images"):
        check_latent_dim(7, None)


def test_check_distribution():
    assert check_distribution("normal") == "normal"
    assert check_distribution([0, 1]) == (0.0, 1.0)
