"""``conformance run``: pytest with workers, a time limit for each case, and a results file."""

from __future__ import annotations

import argparse
import os
import shlex

import pytest

from ..where import default_path, located


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "conformance run [options] [PATH ...] [options of pytest]"
    parser.epilog = (
        "PATH is a folder, a file or a clause of specs (default: ./specs, or else the packaged ones). "
        "--backend, --device, --dtype, --mode and all else goes to pytest."
    )
    parser.add_argument(
        "-n",
        "--workers",
        default="auto",
        metavar="N",
        help="worker processes, or `auto`; 0 for none, and then a crash ends the run (default: auto)",
    )
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help="for each case (default: 60)"
    )
    parser.add_argument(
        "--results", default="conformance-results.jsonl", metavar="FILE", help="(default: %(default)s)"
    )


UNUSED = ("cacheprovider", "logging", "hypothesispytest", "faulthandler")
"""Plugins left out: log capture is dear, so is what hypothesis imports to say nothing, and the dump of a dead
worker tells nothing that the report does not."""


def main(options: argparse.Namespace) -> int:
    """The exit status is pytest's."""
    # No configuration but this: a run is the same wherever it is started.
    words = ["-c", os.devnull, "--noconftest", "--assert=plain", "--rootdir", "."]
    words += ["-o", f"testpaths={shlex.quote(default_path())}"]
    words += [f"-pno:{plugin}" for plugin in UNUSED]
    words += ["--case-timeout", str(options.timeout), "--results", options.results]
    if options.workers != "0":
        words += ["-n", options.workers, "--dist", "worksteal", "--max-worker-restart", str(10**6)]
    return pytest.main(words + list(map(located, options.pytest)))
