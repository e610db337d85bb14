import dataclasses
import json
import re

import pytest

from kerasgan.callbacks import diagnosis
from kerasgan.callbacks.findings import ADVICE, Finding


def test_there_is_advice_for_all_that_is_looked_for():
    with open(diagnosis.__file__) as file:
        looked_for = re.findall(r'_(?:watch|say)\(\s*"(\w+)"', file.read())
    assert set(looked_for) == set(ADVICE)


def test_a_finding_outlives_a_file_and_cannot_be_changed():
    finding = Finding("mode_collapse", 7, "Since step 7 ...")
    text = json.dumps(dataclasses.asdict(finding))
    assert Finding(**json.loads(text)) == finding
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.step = 8
