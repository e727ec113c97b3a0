"""Modes of torch: what each does to the function under test, and the proof that it was done.

`MODES` maps a mode to a decorator. A decorated function raises `ModeNotTaken` where the mode was not really
taken, so that a silent fall-back to eager is a failure and never a pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

Function = Callable[..., Any]


class ModeNotTaken(RuntimeError):
    """The function ran, but not in the mode that was asked for."""


def compiled(function: Function) -> Function:
    """``torch.compile`` without graph breaks; every call has to run the graph that was captured.

    The graph runs as captured, without a code generator: what is judged is that capturing changes nothing, in
    the forward pass and, through AOTAutograd, in the backward pass.
    """
    from torch._dynamo.backends.common import aot_autograd
    from torch._functorch.aot_autograd import make_boxed_func

    graphs = {"captured": 0, "run": 0}

    def counted(module: torch.fx.GraphModule, inputs: Any) -> Function:
        graphs["captured"] += 1

        def run(*args: Any) -> Any:
            graphs["run"] += 1
            return module(*args)

        return make_boxed_func(run)

    # Every sample compiles afresh: entries of other samples would be tried first and slow all of them down.
    torch._dynamo.reset()
    transformed = torch.compile(
        function, backend=aot_autograd(fw_compiler=counted), fullgraph=True, dynamic=False
    )

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        before = graphs["run"]
        result = transformed(*args, **kwargs)
        if graphs["run"] == before:
            raise ModeNotTaken(f"no graph was run ({graphs['captured']} were captured)")
        return result

    return checked


def vmapped(function: Function) -> Function:
    """``torch.vmap`` over two copies of every tensor; the result is that of the first."""

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree_flatten((args, kwargs))
        places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
        if not places:
            raise ModeNotTaken("there is no tensor to map over")
        seen: list[bool] = []

        def one(*slices: torch.Tensor) -> Any:
            whole = list(leaves)
            for place, part in zip(places, slices, strict=True):
                whole[place] = part
            seen.append(all(torch._C._functorch.is_batchedtensor(part) for part in slices))
            given, named = tree_unflatten(whole, structure)
            return function(*given, **named)

        result = torch.vmap(one, randomness="different")(
            *(torch.stack([leaves[i], leaves[i]]) for i in places)
        )
        if seen != [True]:
            raise ModeNotTaken("the function did not run once on batched tensors")
        return tree_map(_first, result)

    return checked


def _first(stacked: Any) -> Any:
    """The first of two slices, which have to be the same."""
    if not isinstance(stacked, torch.Tensor):
        return stacked
    one, other = stacked.unbind(0)
    same = torch.equal(one.detach(), other.detach()) or torch.allclose(
        one.detach(), other.detach(), equal_nan=True
    )
    if not same:
        raise ModeNotTaken("the two slices differ")
    return one


MODES: dict[str, Callable[[Function], Function]] = {"compile": compiled, "vmap": vmapped}
"""The decorators by mode."""
