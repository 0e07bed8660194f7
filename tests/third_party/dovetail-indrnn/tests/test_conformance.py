"""What every component of its kind must do: a test of each check of each of this plugin's components."""

from dovetail.testing import every_component


@every_component("indrnn")
def test_conformance(check):
    check()
