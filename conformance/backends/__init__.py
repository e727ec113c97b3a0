"""Backends by name. None is imported before it is asked for."""

from __future__ import annotations

import difflib
import importlib
import os
import sys

from .contract import Backend

BUILT_IN = {
    "torch": "conformance.backends.torch_backend:TorchBackend",
    "reference": "conformance.assemble:reference_backend",
    "jax": "conformance.backends.jax_backend:JaxBackend",
    "privateuse1": "conformance.backends.torch_privateuse1:PrivateUse1Backend",
}
"""The backends that come with the suite, and where each is made."""


class BackendError(Exception):
    """A backend cannot be had, and why."""


def resolve(text: str) -> Backend:
    """The backend of a name, or of ``package.module:object``; an object that can be called is called."""
    module, colon, name = BUILT_IN.get(text, text).partition(":")
    if not colon:
        near = difflib.get_close_matches(text, BUILT_IN, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise BackendError(f"no backend `{text}`: {', '.join(BUILT_IN)}, or package.module:object{hint}")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # an adapter that is being written lies where its author is
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise BackendError(f"backend `{text}`: {error}") from error
    try:
        for attribute in name.split("."):
            found = getattr(found, attribute)
    except AttributeError as error:
        raise BackendError(f"backend `{text}`: {error}") from error
    backend = found() if callable(found) else found
    if not isinstance(backend, Backend):
        raise BackendError(
            f"backend `{text}`: a {type(backend).__name__}, not a conformance.backends.contract.Backend"
        )
    return backend
