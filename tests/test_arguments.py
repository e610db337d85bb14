import re

import numpy as np
import pytest

from kerasgan.arguments import check_choice, check_positive, size_pair


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_whole_numbers_above_zero_pass(value):
    check_positive(epochs=value)


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", None, True])
def test_other_values_are_named(value):
    with pytest.raises(ValueError, match=re.escape(f"epochs is {value!r}; expected")):
        check_positive(epochs=value)


def test_near_misses_are_suggested():
    with pytest.raises(ValueError, match="attribute is 'male'; did you mean 'Male'"):
        check_choice("attribute", "male", ["Male", "Young", "Bald"])


def test_all_choices_are_named_when_none_is_near():
    with pytest.raises(ValueError, match="expected one of 'Male', 'Young'"):
        check_choice("attribute", "xyz", ["Male", "Young"])


def test_size_pair():
    assert size_pair(64) == (64, 64)
    assert size_pair((32, 48)) == (32, 48)
    assert size_pair([32, 48]) == (32, 48)
    for wrong in (0, (1, 2, 3), (32, 0), "64", 6.4):
        with pytest.raises(ValueError, match="image_size"):
            size_pair(wrong)
