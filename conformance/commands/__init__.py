"""One module for each command of ``conformance`` that is more than a few lines."""
