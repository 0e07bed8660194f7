"""Small configurations of this plugin's components, for the conformance kit."""

from dovetail_hacap.examples import metrics, models

EXAMPLES = {**metrics.EXAMPLES, **models.EXAMPLES}
EXPECTED_FAILURES = models.EXPECTED_FAILURES
