import dataclasses
import json
import pathlib
import re

import pytest

from kerasgan.callbacks import diagnosis, symptom_checks
from kerasgan.callbacks.findings import ADVICE, Finding


def test_each_kind_of_finding_has_advice():
    kinds = set()
    for module in (diagnosis, symptom_checks):
        text = pathlib.Path(module.__file__).read_text()
        kinds |= set(re.findall(r'(?:Symptom|_report)\(\s*"(\w+)"', text))
    assert kinds == set(ADVICE)


def test_findings_can_be_stored_as_json_and_not_changed():
    finding = Finding("mode_collapse", 7, "Since step 7 ...")
    text = json.dumps(dataclasses.asdict(finding))
    assert Finding(**json.loads(text)) == finding
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.step = 8
