"""The ``conformance`` command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from .commands import Refused

COMMANDS = {
    "run": "judge a backend in worker processes: a crash or a hang costs one verdict",
    "list": "the clauses, and what each says",
    "show": "one clause: its claim, its programs and inputs, the definition that judges it",
    "repro": "a script that shows what a clause does, with nothing but torch and numpy",
    "check": "load all specs, and hold the reference to their closed forms",
    "coverage": "which documented names the clauses judge: by value, by gradient, by errors",
    "diff": "what changed between two results files",
    "smoke": "try what a backend must be able to do before anything is scored",
    "sensitivity": "the share of faulty references that the specs catch",
}
"""Each is a module of its name in ``conformance/commands``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; what it returns is the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(
        prog="conformance", description="Judge a backend by what PyTorch documents."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help in COMMANDS.items():
        command = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        if name in words[:1]:  # the others need not be imported
            module = importlib.import_module(f"{__package__}.commands.{name}")
            module.arguments(command)
            command.set_defaults(main=module.main)
    options, rest = parser.parse_known_args(words)
    if options.command == "run":
        options.pytest = rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return options.main(options) or 0
    except Refused as error:
        print(f"conformance {options.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `conformance list | head`
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
