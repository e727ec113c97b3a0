"""The pytest plugin: options, collection of specs, verdicts, the closing report."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from .where import FOLDER, is_case, root_of

CONDUCTOR = "conformance-conductor"
SETTINGS = ("backend", "device", "dtype", "mode")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "conformance: judging a backend by specs")
    for name, default, help in (
        ("backend", "torch", "who is judged: torch, reference, jax, privateuse1, or package.module:object"),
        ("results", "none", "a file for the verdicts, written as they are won (JSON lines)"),
    ):
        group.addoption(f"--{name}", metavar=name.upper(), help=f"{help} (default: {default})")
    for name, default, help in (
        ("device", "the backend's first", "a device to run on"),
        ("dtype", "all in which a clause makes sense", "a dtype to run in"),
        ("mode", "eager", "a transformation of the programs: eager, compile, vmap"),
    ):
        repeated = f"{help}; may be repeated (default: {default})"
        group.addoption(f"--{name}", metavar=name.upper(), action="append", default=[], help=repeated)
    for name, kind, metavar, help in (
        ("explore", int, "N", "search the declared domains for N examples beyond the fixed samples"),
        (
            "case-timeout",
            float,
            "SECONDS",
            "end the process of a case that takes longer; a worker is replaced",
        ),
    ):
        group.addoption(f"--{name}", metavar=metavar, type=kind, default=0, help=help)
    group.addoption(
        "--strict-deviations",
        action="store_true",
        help="fail where a known deviation passes or an accuracy line is not needed: it is to be removed",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the options before anything is collected, where any was given or specs were asked for."""
    given = any(config.getoption(name) for name in (*SETTINGS, "results"))
    if given or any(FOLDER in Path(argument.partition("::")[0]).parts for argument in config.args):
        _start(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """YAML below a folder called ``specs``, where it is asked for by path or begins like a spec."""
    if file_path.suffix != ".yaml":
        return None
    root = root_of(file_path.parent)
    if root is None:
        return None
    from .items import SpecFile, looks_like_a_spec

    below = (file_path, *(folder for folder in file_path.parents if folder.is_relative_to(root)))
    if not any(map(parent.session.isinitpath, below)) and not looks_like_a_spec(file_path):
        return None
    try:
        _start(parent.config)
    except pytest.UsageError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    return SpecFile.of(parent, file_path, root)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.when == "call" and (record := getattr(item, "record", None)) is not None:
        from .items import finish

        finish(report, record, item.text, item.case.line)  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """An error of a case is not a failure of the backend."""
    if report.outcome == "rerun":
        return "", "", ""  # its worker died before it began, and another takes it
    record = getattr(report, "conformance", None)
    return ("error", "E", "ERROR") if record is not None and record["verdict"] == "error" else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Workers collect; what they found is what the run has to answer for."""
    if any(map(is_case, ids)):
        _start(node.config)
        node.config.pluginmanager.get_plugin(CONDUCTOR).plan(ids)


def _start(config: pytest.Config) -> None:
    """Resolve what the options ask for, once."""
    from .items import SESSION, benchmarks_only

    if SESSION in config.stash:
        return
    from .conductor import Conductor
    from .session import BadOption, Session
    from .spec import SpecError

    option = config.option
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        # Workers share the cores: threads that wait for one another's core cost more than the programs themselves.
        share = max((os.cpu_count() or 1) // int(worker["workercount"]), 1)
        os.environ.setdefault("OMP_NUM_THREADS", str(share))
    try:
        session = Session.of(option.backend or "torch", option.device, option.dtype, option.mode)
    except (BadOption, SpecError) as error:  # a spec that the reference is assembled from may be faulty
        raise pytest.UsageError(str(error)) from None
    session.explore, session.time_limit = option.explore, option.case_timeout
    config.stash[SESSION] = session
    if benchmarks_only(config):
        return  # there are no verdicts to answer for
    if worker is None:
        option.results = option.results and os.path.abspath(option.results)
        config.pluginmanager.register(Conductor(config, session), CONDUCTOR)
    elif option.results:
        session.join(option.results, worker["workerid"])
