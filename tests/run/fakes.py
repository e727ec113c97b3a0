"""Backends with one thing wrong, for specs/trouble.yaml; the tests copy this file beside it."""

import ctypes
import os
import sys
import time
from pathlib import Path

from conformance.backends.contract import Unsupported
from conformance.backends.reference import ReferenceBackend
from reference_impls import Reference


class Overlay:
    """A namespace that plays torch, with some names of its own."""

    def __init__(self, torch, own):
        self._torch = torch
        self.__dict__.update(own)

    def __getattr__(self, name):
        return getattr(self._torch, name)


class Fake(ReferenceBackend):
    name = "fake"
    version = "1.5"
    modes = ("eager", "vmap")
    devices = ("cpu", "fake")
    dtypes = ReferenceBackend.dtypes | {"float32"}

    def __init__(self, **own):
        super().__init__(Reference())
        self.torch = Overlay(self.reference.torch, own)


def trouble(kind):
    """What `torch.trouble` does in the programs."""
    if kind == "exit":
        os._exit(3)
    elif kind == "segfault":
        ctypes.string_at(0)
    elif kind == "hang":
        time.sleep(1000)
    elif kind == "quit":
        sys.exit("enough")
    elif kind == "raise":
        raise ArithmeticError("no such luck")
    elif kind == "lack":
        raise Unsupported("patience")
    elif kind == "slow":
        time.sleep(0.02)
    return 1


def backend():
    """Nothing is wrong with it but what programs ask for."""
    return Fake(trouble=trouble)


def wrong():
    """Ones are twos."""
    fake = backend()
    ones = fake.torch.ones_like
    fake.torch.ones_like = lambda *arguments, **options: ones(*arguments, **options) * 2
    return fake


def poor():
    """Has one dtype, and lacks two capabilities."""
    fake = backend()
    fake.dtypes = frozenset({"int64"})
    fake.lacks = {"hooks": "nobody has asked for them"}
    return fake


def known():
    """Wrong, and known to be."""
    fake = wrong()
    fake.deviations = (Path("known.yaml"),)
    return fake


class Garbage(Fake):
    """Gives back anything but what it should."""

    answers = (None, "a string", 3, [], object(), {"a": 1})

    def to_numpy(self, tensor):
        self.turn = getattr(self, "turn", -1) + 1
        return self.answers[self.turn % len(self.answers)]


def garbage():
    return Garbage(trouble=trouble)


not_a_backend = 3
