"""Small configurations of this plugin's components, for the conformance kit."""

from dovetail_text_gan.examples import data, metrics, models

EXAMPLES = {**data.EXAMPLES, **metrics.EXAMPLES, **models.EXAMPLES}
EXPECTED_FAILURES = {**data.EXPECTED_FAILURES, **models.EXPECTED_FAILURES}
