"""The device that is registered from Python: a registration cannot be undone, so it has a process of its own."""

import subprocess
import sys
from pathlib import Path


def test_in_its_own_process():
    """All of ``checks_privateuse1.py`` passes."""
    checks = Path(__file__).with_name("checks_privateuse1.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(checks)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=checks.parents[2])
    assert done.returncode == 0, done.stdout + done.stderr
