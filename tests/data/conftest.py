import numpy as np
import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of a cache that only this test fills; it does not exist yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kerasgan"


@pytest.fixture
def levels():
    """Function from a dataset to the uint8 level in the middle of each image."""

    def read(dataset):
        middles = [
            batch[:, batch.shape[1] // 2, batch.shape[2] // 2, 0]
            for batch in dataset.as_numpy_iterator()
        ]
        return np.rint(np.concatenate(middles) * 127.5 + 127.5).astype(int).tolist()

    return read
