"""What holds for all tests of the suite itself."""

import torch  # noqa: F401 - pytester forgets what its runs import, and torch cannot be imported twice
