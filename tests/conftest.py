"""What holds for every test."""

collect_ignore = ["third_party"]  # a project of its own, whose tests tests/packaging runs where it is installed
