"""What operators save for backward: tensors as they were, or what the user's hooks made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reference import Reference
    from .tape import Node
    from .tensor import Tensor

RESULT: Any = object()
"""Stands for the saving node itself, which a saved result cannot hold without a cycle."""


class Saved:
    """A tensor as it was when an operator saved it.

    It holds no tensor but a leaf that needs its gradient: an input may later be mutated by an operator whose
    node reaches this one, and a result has this node itself; either would be a cycle.
    """

    __slots__ = (
        "apart",
        "array",
        "cell",
        "dtype",
        "exact",
        "leaf",
        "node",
        "output_nr",
        "tangents",
        "version",
    )

    def __init__(self, tensor: Tensor, leaf: bool, node: Node | None) -> None:
        self.leaf = tensor if leaf else None
        self.array = tensor.array
        self.dtype = tensor.dtype
        self.exact = tensor.exact
        self.node = node
        self.output_nr = tensor.output_nr
        self.cell = tensor.cell
        self.version = tensor.cell[0]
        self.tangents = tensor.tangents
        self.apart = False
        """Whether it is a copy, which no write reaches."""

    def keep_copy(self, ref: Reference) -> None:
        """Makes it independent of later writes."""
        if self.leaf is not None:
            self.node, self.output_nr = ref.edge(self.leaf)
            self.leaf = None
        self.array = self.array.copy(order="K")
        self.cell = [self.version]
        self.apart = True

    def unpack(self, ref: Reference, owner: Node) -> Tensor:
        """The tensor again, provided that it has not been modified. A result is attached to its ``owner``."""
        if self.cell[0] != self.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace "
                f"operation: a tensor of shape {self.array.shape} saved by {owner.name()} was at version "
                f"{self.version} and is at version {self.cell[0]} now"
            )
        if self.leaf is not None:
            return self.leaf
        tensor = ref.wrap(self.array, self.dtype, self.exact)
        tensor.cell = self.cell
        tensor.node = owner if self.node is RESULT else self.node
        tensor.output_nr = self.output_nr
        tensor.tangents = self.tangents
        return tensor


class Guard:
    """The version of a tensor that an operator saved, though its formula needs nothing of it."""

    __slots__ = ("cell", "is_result", "version")

    def __init__(self, tensor: Tensor, is_result: bool) -> None:
        self.cell, self.version = tensor.cell, tensor.cell[0]
        self.is_result = is_result

    def check(self, owner: Node) -> None:
        if self.cell[0] != self.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"what {owner.name()} saved was at version {self.version} and is at version {self.cell[0]} now"
            )


class Packed:
    """A saved tensor in the care of the user's ``saved_tensors_hooks``, who also answers for its version."""

    __slots__ = ("node", "output_nr", "packed", "unpack_hook")

    def __init__(
        self, tensor: Tensor, node: Node | None, hooks: tuple[Callable, Callable], ref: Reference
    ) -> None:
        pack, self.unpack_hook = hooks
        self.node = node
        self.output_nr = tensor.output_nr
        version = tensor.cell[0]
        with ref.no_grad():
            self.packed = pack(tensor if tensor.is_leaf else tensor.detach())
        if tensor.cell[0] != version:
            raise RuntimeError("a pack hook may not modify the tensor that it is given in place")

    def keep_copy(self, ref: Reference) -> None:
        """What is packed is a copy as far as the user's hook makes one."""

    def unpack(self, ref: Reference, owner: Node) -> Tensor:
        with ref.no_grad():
            data = self.unpack_hook(self.packed)
        if not isinstance(data, ref.Tensor):
            raise TypeError("the unpack hook of saved_tensors_hooks has to return a tensor")
        tensor = ref.wrap(data.array, data.dtype, data.exact)
        tensor.node = owner if self.node is RESULT else self.node
        tensor.output_nr = self.output_nr
        return tensor


def save(ref: Reference, tensor: Tensor, is_result: bool = False) -> Saved | Packed:
    """Saves an input or a result of an operator."""
    if tensor.inference and not is_result:
        raise RuntimeError(
            "an inference tensor cannot be saved for backward; clone it outside of inference_mode"
        )
    hooks = ref.modes.saved_hooks
    if is_result:
        node: Any = RESULT
    elif tensor.requires_flag and hooks:
        node = ref.edge(tensor)[0]
    else:
        node = tensor.current_node() if tensor.origin is not None else tensor.node
    if hooks:
        return Packed(tensor, node, hooks[-1], ref)
    saved = Saved(tensor, tensor.requires_flag and node is None, node)
    if ref.modes.keeps_copies:
        saved.keep_copy(ref)
    return saved


class RawSaved:
    """One saved tensor of a node, before it is unpacked."""

    def __init__(self, ref: Reference, node: Node, saved: dict[str, Any], key: str) -> None:
        self._ref, self._node, self._saved, self._key = ref, node, saved, key

    def register_hooks(self, pack_hook: Callable, unpack_hook: Callable) -> None:
        """From now on it is what the hooks make of it; ``pack_hook`` runs at once."""
        saved = self._saved[self._key]
        if not isinstance(saved, Saved):
            raise RuntimeError(
                "hooks can be registered on a tensor that is saved without hooks, and once only"
            )
        tensor, node = saved.unpack(self._ref, self._node), saved.node
        if saved.leaf is not None:
            node = self._ref.edge(tensor)[0]
        self._saved[self._key] = Packed(tensor, node, (pack_hook, unpack_hook), self._ref)
