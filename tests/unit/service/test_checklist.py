"""The checklist: a report counts for the build that it names, and for no other."""

import pytest

from gatewayz_auth.service import checklist
from gatewayz_auth.service.findings import Result

BUILD = "0123456789ab"
PASSED = {"parts": {"all": {"passed": 3, "exit_code": 0}}}


@pytest.mark.parametrize("reported", [BUILD, BUILD + "cdef", BUILD[:7]])
def test_a_report_of_this_build_passes(reported):
    assert checklist.tests({**PASSED, "commit": reported}, BUILD).result is Result.PASS


@pytest.mark.parametrize("reported", ["ba9876543210", BUILD[:6], "unknown", "", None])
def test_a_report_of_another_build_or_of_one_that_nobody_knows_says_nothing(reported):
    assert checklist.tests({**PASSED, "commit": reported}, BUILD).result is Result.UNKNOWN


def test_of_a_build_that_nobody_knows_no_report_says_anything():
    report = {**PASSED, "commit": "unknown", "verdict": "passed"}
    assert checklist.tests(report, "unknown").result is Result.UNKNOWN
    assert checklist.load_test([report], "unknown").result is Result.UNKNOWN
