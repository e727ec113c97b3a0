"""``conformance sensitivity``: the share of faulty references that the specs catch."""

from __future__ import annotations

import argparse

from .select import PATHS_HELP, files


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help=PATHS_HELP)


def main(options: argparse.Namespace) -> int:
    from ..sensitivity import main as measure

    return measure(files(options.paths))
