"""One module for each command of ``conformance``, with ``arguments(parser)`` and ``main(options)``."""


class Refused(Exception):
    """A command cannot do what it was asked; the message says why."""
