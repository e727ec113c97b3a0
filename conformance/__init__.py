"""A conformance suite for the behaviour that PyTorch documents."""

__version__ = "0.1.0"
