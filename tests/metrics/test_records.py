import dataclasses
import json
import math
import re

import pytest

from kerasgan.metrics import Record, read_records, records, write_records
from kerasgan.version import library_versions

RECORD = Record(
    metric="kernel_distance",
    value=0.0123,
    standard_error=0.0004,
    options={"subsets": 100, "subset_size": 1000},
    extractor="random_conv",
    weights_hash="169cd299b95b4a3a",
    image_size=(64, 48),
    images={"real": 5000, "generated": 10_000},
    data="celeb_a",
    split="test",
    data_hash="0123456789abcdef",
    seed=3,
)


def changed(**fields):
    return dataclasses.replace(RECORD, **fields)


def test_a_line_for_a_paper():
    versions = ", ".join(f"{name} {v}" for name, v in library_versions().items())
    found = re.fullmatch(
        r"kernel_distance 0\.0123 ± 0\.0004 \(random_conv 169cd299; 5,000 real and "
        r"10,000 generated images of 64 x 48 pixels; celeb_a, test split 01234567; "
        r"subsets 100; subset_size 1000; seed 3; "
        rf"{re.escape(versions)}; 20\d\d-\d\d-\d\d\)",
        str(RECORD),
    )
    assert found, str(RECORD)
    plain = str(changed(standard_error=None, extractor=None, weights_hash=None))
    assert plain.startswith("kernel_distance 0.0123 (5,000 real and")


def test_records_are_written_and_read(tmp_path):
    both = [RECORD, changed(value=1.0, standard_error=None, extractor=None)]
    write_records(tmp_path / "scores.json", both)
    assert read_records(tmp_path / "scores.json") == both
    # Plain JSON, for other programs.
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written[0]["images"] == {"real": 5000, "generated": 10_000}


@pytest.mark.parametrize("text", ["{", "{}x", '[{"metric": "x"}]', "3", '{"a": 1}'])
def test_other_files_raise_an_error(tmp_path, text):
    (tmp_path / "scores.json").write_text(text)
    with pytest.raises(ValueError, match=r"scores\.json' has no records"):
        read_records(tmp_path / "scores.json")


def test_difference_and_its_error():
    other = changed(value=0.0103, standard_error=0.0003, seed=4, date="2020-01-01")
    other = dataclasses.replace(other, versions={"kerasgan": "9"})
    assert RECORD.minus(other) == pytest.approx((0.002, 0.0005))
    assert RECORD.minus(other) == pytest.approx(
        [-other.minus(RECORD).value, other.minus(RECORD).standard_error]
    )
    assert math.isnan(RECORD.minus(changed(standard_error=None)).standard_error)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metric", "frechet_distance"),
        ("options", {"subsets": 10}),
        ("extractor", "pixels"),
        ("weights_hash", "0"),
        ("image_size", (32, 32)),
        ("images", {"real": 5000, "generated": 5000}),
        ("data", "flowers"),
        ("split", "validation"),
        ("data_hash", "0"),
    ],
)
def test_different_protocols_cannot_be_compared(field, value):
    other = changed(**{field: value})
    with pytest.raises(ValueError, match=rf"cannot be compared: {field} is .* and "):
        RECORD.minus(other)
    assert RECORD.minus(other, allow_differences=True).value == 0.0
    assert RECORD.differences(other) == {field: (getattr(RECORD, field), value)}


def test_each_field_is_either_protocol_or_free():
    free = {"value", "standard_error", "seed", "versions", "date"}
    names = {field.name for field in dataclasses.fields(Record)}
    assert names == free | set(records.PROTOCOL) and not free & set(records.PROTOCOL)
