"""Where the specs are, and what a spec's folder is called in reports."""

from __future__ import annotations

from pathlib import Path

FOLDER = "specs"
"""What every root of specs is called: clause ids begin with it, wherever the folder lies."""


def packaged_specs() -> Path:
    """The specs that came with this package: inside it when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / FOLDER
    return inside if inside.is_dir() else package.parent / FOLDER


def root_of(path: Path) -> Path | None:
    """The root of specs that a file or folder lies in: its nearest ancestor, or itself, of that name."""
    return next((folder for folder in (path, *path.parents) if folder.name == FOLDER), None)


def located(argument: str) -> str:
    """A path on the command line, with or without ``::clause``, as one that exists.

    What is not found from the working directory is looked for among the packaged specs, so that a clause id
    from a report can be used anywhere.
    """
    path, separator, clause = argument.partition("::")
    if not Path(path).exists():
        packaged = packaged_specs().parent / path
        if packaged.exists():
            path = str(packaged)
    return path + separator + clause


def default_path() -> str:
    """What is judged where no path is given: ``./specs``, or else the packaged specs."""
    return FOLDER if Path(FOLDER).is_dir() else str(packaged_specs())


def area(case_id: str) -> str:
    """The area of a clause id: the folders of its spec, as ``torch.nn.functional``."""
    path = case_id.partition("::")[0].split("/")
    return ".".join(path[1:-1]) or "other"


def is_spec(nodeid: str) -> bool:
    """Whether a node of pytest is a spec: a YAML file below a root of specs."""
    return nodeid.startswith(f"{FOLDER}/") and nodeid.endswith(".yaml")


def is_case(nodeid: str) -> bool:
    """Whether a node of pytest is a case: a clause of a spec."""
    return is_spec(nodeid.partition("::")[0]) and "::" in nodeid
