"""Pickles that an attacker would write: each leaves a mark, a file, if what it asks for is done.

`CALLS` are made by pickle itself from objects that say how they are to be put together; `OPCODES` are written by
hand. Both give the pickle for the path of a mark.
"""

from __future__ import annotations

import builtins
import code
import collections
import ctypes
import functools
import importlib
import io
import itertools
import logging
import marshal
import operator
import os
import pathlib
import pickle
import runpy
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import threading
import timeit
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

EXTENSION = 240
"""A code of `copyreg` that stands for `os.system` while the tests run."""
MODULE = "hostile_module"
"""Leaves its mark when it is imported; the tests write it into a folder that imports look into."""


class Call:
    """Is pickled as a call, with a state for its result where one is given, and a function that sets it."""

    def __init__(
        self, function: Callable, *arguments: object, state: object = None, setter: Callable | None = None
    ):
        self.parts = (function, arguments, state, None, None, setter)

    def __reduce__(self) -> tuple:
        return self.parts

    def __call__(self) -> None:
        """Is there for pickle, which takes only what can be called for a function; a call may give one."""
        raise NotImplementedError


call = operator.methodcaller


def touch(mark: str) -> str:
    """A command of the shell that leaves a mark."""
    return f"touch '{mark}'"


def python(mark: str) -> str:
    """An expression of Python that does."""
    return f"open({mark!r}, 'w').close()"


def beside(mark: str, content: str = "") -> str:
    """A file beside the mark."""
    path = pathlib.Path(mark + ".beside")
    path.write_text(content)
    return str(path)


def file_of_torch(mark: str) -> bytes:
    file = io.BytesIO()
    torch.save(Call(os.system, touch(mark)), file)
    return file.getvalue()


def function(mark: str) -> Call:
    """A function, made from its code."""
    source = marshal.dumps(compile(python(mark), "hostile", "exec"))
    kind = Call(getattr, Call(importlib.import_module, "types"), "FunctionType")
    return Call(kind, Call(marshal.loads, source), {"open": open})


def thread(mark: str) -> Call:
    return Call(functools.partial(threading.Thread, target=os.system, args=(touch(mark),)))


OS = Call(importlib.import_module, "os")

CALLS: dict[str, Callable[[str], object]] = {
    "os.system": lambda mark: Call(os.system, touch(mark)),
    "os.popen": lambda mark: Call(call("read"), Call(os.popen, touch(mark))),
    "os.mkdir": lambda mark: Call(os.mkdir, mark),
    "os.open": lambda mark: Call(os.close, Call(os.open, mark, os.O_CREAT)),
    "os.rename": lambda mark: Call(os.rename, beside(mark), mark),
    "subprocess.run": lambda mark: Call(subprocess.run, ["touch", mark]),
    "subprocess.Popen": lambda mark: Call(call("wait"), Call(subprocess.Popen, ["touch", mark])),
    "subprocess.getoutput": lambda mark: Call(subprocess.getoutput, touch(mark)),
    "eval": lambda mark: Call(eval, python(mark)),
    "exec": lambda mark: Call(exec, python(mark)),
    "open": lambda mark: Call(open, mark, "w"),
    "compile": lambda mark: Call(exec, Call(compile, python(mark), "hostile", "exec")),
    "code": lambda mark: Call(call("runsource", python(mark)), Call(code.InteractiveInterpreter)),
    "runpy": lambda mark: Call(runpy.run_path, beside(mark, python(mark))),
    "timeit": lambda mark: Call(timeit.timeit, python(mark), "pass", timeit.default_timer, 1),
    "shutil": lambda mark: Call(shutil.copyfile, beside(mark), mark),
    "pathlib": lambda mark: Call(call("touch"), pathlib.Path(mark)),
    "tempfile": lambda mark: Call(tempfile.mkdtemp, os.path.basename(mark), "", os.path.dirname(mark)),
    "zipfile": lambda mark: Call(call("close"), Call(zipfile.ZipFile, mark, "w")),
    "logging": lambda mark: Call(call("close"), Call(logging.FileHandler, mark)),
    "sqlite3": lambda mark: Call(call("execute", "create table t (x)"), Call(sqlite3.connect, mark)),
    "ctypes": lambda mark: Call(Call(getattr, Call(ctypes.CDLL, None), "system"), touch(mark).encode()),
    "numpy": lambda mark: Call(np.savetxt, mark, [0.0]),
    "importlib": lambda mark: Call(call("system", touch(mark)), OS),
    "__import__": lambda mark: Call(call("system", touch(mark)), Call(builtins.__import__, "os")),
    "getattr": lambda mark: Call(Call(getattr, OS, "system"), touch(mark)),
    "attrgetter": lambda mark: Call(Call(operator.attrgetter("system"), OS), touch(mark)),
    "functools.partial": lambda mark: Call(functools.partial(os.system, touch(mark))),
    "functools.reduce": lambda mark: Call(functools.reduce, operator.call, [touch(mark)], os.system),
    "map": lambda mark: Call(list, Call(map, os.system, [touch(mark)])),
    "starmap": lambda mark: Call(set, Call(itertools.starmap, os.system, [(touch(mark),)])),
    "counted": lambda mark: Call(collections.Counter, Call(map, os.system, [touch(mark)])),
    "thread": lambda mark: Call(call("run"), thread(mark)),
    "pool": lambda mark: Call(
        call("result"), Call(call("submit", os.system, touch(mark)), Call(ThreadPoolExecutor, 1))
    ),
    "function from its code": lambda mark: Call(function(mark)),
    "deep inside": lambda mark: {"weights": [torch.Size([1]), (1, {"a": [Call(os.system, touch(mark))]})]},
    "as a key": lambda mark: {Call(os.system, touch(mark)): 1},
    "pickle": lambda mark: Call(pickle.loads, pickle.dumps(Call(os.system, touch(mark)))),
    "torch.load": lambda mark: Call(
        functools.partial(torch.load, weights_only=False), Call(io.BytesIO, file_of_torch(mark))
    ),
    "bytes of a storage": lambda mark: Call(torch.storage._load_from_bytes, file_of_torch(mark)),
    "torch.save": lambda mark: Call(torch.save, [1], mark),
    "tensor.tofile": lambda mark: Call(call("tofile", mark), Call(torch.Tensor.numpy, Call(torch.zeros, 1))),
    "rebuilt by os.system": lambda mark: Call(
        torch._tensor._rebuild_from_type_v2, os.system, int, (touch(mark),), {}
    ),
    "state of a partial": lambda mark: Call(
        Call(functools.partial, len, state=(os.system, (touch(mark),), {}, None))
    ),
    "setter of a state": lambda mark: Call(getattr, OS, "system", state=touch(mark), setter=operator.call),
    "state of an OrderedDict": lambda mark: Call(
        collections.OrderedDict, state={"a": Call(os.system, touch(mark))}
    ),
}


# By hand


def text(value: str) -> bytes:
    data = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def named(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def stacked(module: str, name: str) -> bytes:
    return text(module) + text(name) + pickle.STACK_GLOBAL


def program(*parts: bytes, protocol: int = 2) -> bytes:
    return pickle.PROTO + bytes([protocol]) + b"".join(parts) + pickle.STOP


def reduced(function: bytes, mark: str, protocol: int = 2) -> bytes:
    """A call with a command of the shell."""
    return program(function, text(touch(mark)), pickle.TUPLE1, pickle.REDUCE, protocol=protocol)


def one_by_one(mark: str, new: bytes) -> bytes:
    """A frozenset of the results of a map, both made by an opcode for new objects."""
    commands = pickle.EMPTY_LIST + text(touch(mark)) + pickle.APPEND
    mapped = named("builtins", "map") + SYSTEM + commands + pickle.TUPLE2 + new
    return program(named("builtins", "frozenset"), mapped, pickle.TUPLE1, new, protocol=4)


SYSTEM = named("os", "system")
STORAGE = named("torch", "FloatStorage")

OPCODES: dict[str, Callable[[str], bytes]] = {
    "posix": lambda mark: reduced(named("posix", "system"), mark),
    "names of Python 2": lambda mark: reduced(named("commands", "getoutput"), mark),
    "eval of Python 2": lambda mark: program(
        named("__builtin__", "eval"), text(python(mark)), pickle.TUPLE1, pickle.REDUCE
    ),
    "STACK_GLOBAL": lambda mark: reduced(stacked("os", "system"), mark, protocol=4),
    "dots, on the stack": lambda mark: reduced(stacked("torch.serialization", "os.system"), mark, protocol=4),
    "dots": lambda mark: reduced(named("torch", "serialization.os.system"), mark, protocol=4),
    "no protocol": lambda mark: SYSTEM + text(touch(mark)) + pickle.TUPLE1 + pickle.REDUCE + pickle.STOP,
    "INST": lambda mark: program(pickle.MARK, text(touch(mark)), pickle.INST, b"os\nsystem\n"),
    "OBJ": lambda mark: program(pickle.MARK, SYSTEM, text(touch(mark)), pickle.OBJ),
    "NEWOBJ": lambda mark: one_by_one(mark, pickle.NEWOBJ),
    "NEWOBJ_EX": lambda mark: one_by_one(mark, pickle.EMPTY_DICT + pickle.NEWOBJ_EX),
    "EXT1": lambda mark: reduced(pickle.EXT1 + bytes([EXTENSION]), mark),
    "EXT2": lambda mark: reduced(pickle.EXT2 + struct.pack("<H", EXTENSION), mark),
    "EXT4": lambda mark: reduced(pickle.EXT4 + struct.pack("<i", EXTENSION), mark),
    "memo": lambda mark: reduced(SYSTEM + pickle.BINPUT + b"\0" + pickle.POP + pickle.BINGET + b"\0", mark),
    "memo, written twice": lambda mark: program(
        named("collections", "OrderedDict") + pickle.BINPUT + b"\0" + SYSTEM + pickle.BINPUT + b"\0",
        pickle.BINGET + b"\0" + text(touch(mark)) + pickle.TUPLE1 + pickle.REDUCE,
    ),
    "memo, of protocol 4": lambda mark: reduced(SYSTEM + pickle.MEMOIZE, mark, protocol=4),
    "DUP": lambda mark: reduced(SYSTEM + pickle.DUP, mark),
    "FRAME": lambda mark: program(
        pickle.FRAME, struct.pack("<Q", 2), pickle.NONE, pickle.POP, reduced(SYSTEM, mark)[2:-1], protocol=4
    ),
    "after STOP of a list": lambda mark: program(pickle.EMPTY_LIST, reduced(SYSTEM, mark)[2:-1], pickle.APPEND),
    "in the name of a storage": lambda mark: program(
        pickle.MARK, text("storage"), STORAGE, reduced(SYSTEM, mark)[2:-1], text("cpu"), pickle.BININT1 + b"\1",
        pickle.TUPLE, pickle.BINPERSID,
    ),
    "as the type of a storage": lambda mark: program(
        pickle.MARK, text("storage"), reduced(SYSTEM, mark)[2:-1], text("0"), text("cpu"), pickle.BININT1 + b"\1",
        pickle.TUPLE, pickle.BINPERSID,
    ),
    "import": lambda mark: program(named(MODULE, "anything")),
    "import on the stack": lambda mark: program(stacked(MODULE, "anything"), protocol=4),
}  # fmt: skip

PICKLES: dict[str, Callable[[str], bytes]] = OPCODES | {
    name: lambda mark, make=make: pickle.dumps(make(mark), protocol=2) for name, make in CALLS.items()
}
