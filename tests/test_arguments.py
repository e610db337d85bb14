import re

import numpy as np
import pytest

from kerasgan.arguments import check_choice, check_positive, is_integer, size_pair


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_positive_integers_pass(value):
    check_positive(epochs=value)
    assert is_integer(value)


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", None, True])
def test_other_values_raise_an_error_that_names_them(value):
    message = f"epochs is {value!r}; expected a positive integer."
    with pytest.raises(ValueError, match=re.escape(message)):
        check_positive(batch_size=1, epochs=value)


def test_integers_are_neither_floats_nor_bools():
    assert is_integer(0) and is_integer(-1) and is_integer(np.uint8(1))
    assert not any(map(is_integer, (1.0, np.float64(1), True, np.True_, "1", None)))


def test_similar_choices_are_suggested():
    with pytest.raises(ValueError, match="attribute is 'male'; did you mean 'Male'"):
        check_choice("attribute", "male", ["Male", "Young", "Bald"])
    check_choice("attribute", "Male", ["Male", "Young", "Bald"])


def test_all_choices_are_listed_if_none_is_similar():
    with pytest.raises(ValueError, match="expected one of 'Male', 'Young'"):
        check_choice("attribute", "xyz", ["Male", "Young"])


def test_sizes_are_an_integer_or_a_pair():
    assert size_pair(64) == (64, 64)
    assert size_pair((32, 48)) == (32, 48)
    assert size_pair([32, 48]) == (32, 48)
    for wrong in (0, (1, 2, 3), (32, 0), "64", 6.4):
        with pytest.raises(ValueError, match="image_size"):
            size_pair(wrong)
