"""Faults of copies, and of memory shared with NumPy and others: copies where none should be, and the other way."""

import numpy as np
import torch

from .fault import Fault

COPIES = "specs/serialization/copies.yaml"
SHARED = "specs/serialization/shared_memory.yaml"
DEEPCOPY = "torch.Tensor.__deepcopy__"
FROM_DLPACK = ("torch.from_dlpack", "torch.utils.dlpack.from_dlpack")


def shared(_):
    """A copy is a view."""
    return lambda self, memo: self.view_as(self)


def without_gradient(deepcopy):
    def faulty(self, memo):
        found = deepcopy(self, memo)
        found.grad = None
        return found

    return faulty


def detached(deepcopy):
    """Results have copies as well."""
    return lambda self, memo: deepcopy(self if self.is_leaf else self.detach(), memo)


def forgetful(deepcopy):
    """No tensor is found that was copied before."""
    return lambda self, memo: deepcopy(self, {})


def unresolved(deepcopy):
    """A conjugated view is copied as the memory that it looks at."""
    return lambda self, memo: deepcopy(self.conj() if self.is_conj() else self, memo)


def narrowed(deepcopy):
    """Eight bytes are copied as four."""

    def faulty(self, memo):
        found = deepcopy(self, memo)
        return found.float().double() if found.dtype is torch.float64 else found

    return faulty


def always_trained(deepcopy):
    return lambda self, memo: deepcopy(self, memo).requires_grad_()


def by_way_of(change):
    """What is converted is changed before."""
    return lambda convert: lambda value, *args, **options: convert(change(value), *args, **options)


def followed_by(change):
    """What was converted is changed after."""
    return lambda convert: lambda *args, **options: change(convert(*args, **options))


def plain(tensor):
    """A tensor that NumPy takes, whatever it was."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    return tensor.to_dense() if tensor.is_sparse else tensor


def lenient(frombuffer):
    """No bytes for what is not there."""

    def faulty(buffer, **options):
        try:
            return frombuffer(buffer, **options)
        except ValueError:
            return torch.empty(0, dtype=options["dtype"])

    return faulty


def on_the_gpu(_):
    return lambda self: (2, 0)


FAULTS = {
    "deepcopy shares memory": Fault(DEEPCOPY, shared, f"{COPIES}::deep"),
    "deepcopy loses bits": Fault(DEEPCOPY, narrowed, f"{COPIES}::deep-every-dtype"),
    "deepcopy loses the gradient": Fault(DEEPCOPY, without_gradient, f"{COPIES}::deep-gradient"),
    "deepcopy of a result": Fault(DEEPCOPY, detached, f"{COPIES}::deep-result"),
    "deepcopy without a memory": Fault(DEEPCOPY, forgetful, f"{COPIES}::deep-sharing"),
    "deepcopy of a conjugated view": Fault(DEEPCOPY, unresolved, f"{COPIES}::deep-views"),
    "deepcopy thaws": Fault("torch.nn.Parameter.__deepcopy__", always_trained, f"{COPIES}::deep-parameter"),
    "copy copies memory": Fault("torch.Tensor.__reduce_ex__", by_way_of(torch.clone), f"{COPIES}::shallow"),
    "numpy copies": Fault("torch.Tensor.numpy", followed_by(np.copy), f"{SHARED}::to-numpy"),
    "numpy detaches": Fault("torch.Tensor.numpy", by_way_of(plain), f"{SHARED}::needing-a-gradient"),
    "numpy widens": Fault(
        "torch.Tensor.numpy",
        by_way_of(lambda x: x.float() if x.dtype is torch.bfloat16 else x),
        f"{SHARED}::other-dtypes-of-numpy",
    ),
    "from_numpy copies": Fault("torch.from_numpy", followed_by(torch.clone), f"{SHARED}::from-numpy"),
    "from_numpy turns": Fault("torch.from_numpy", by_way_of(np.ascontiguousarray), f"{SHARED}::backwards"),
    "from_numpy of read-only arrays": Fault("torch.from_numpy", by_way_of(np.array), f"{SHARED}::read-only"),
    "torch.tensor shares": Fault("torch.tensor", lambda _: torch.as_tensor, f"{SHARED}::copies"),
    "asarray copies": Fault("torch.asarray", followed_by(torch.clone), f"{SHARED}::asarray"),
    "frombuffer copies": Fault("torch.frombuffer", followed_by(torch.clone), f"{SHARED}::from-buffer"),
    "frombuffer beyond the buffer": Fault("torch.frombuffer", lenient, f"{SHARED}::from-part-of-an-element"),
    "from_dlpack copies": Fault(FROM_DLPACK, followed_by(torch.clone), f"{SHARED}::dlpack"),
    "capsules are copied": Fault(FROM_DLPACK, followed_by(torch.clone), f"{SHARED}::capsules"),
    "DLPack has no strides": Fault(
        FROM_DLPACK, followed_by(torch.Tensor.contiguous), f"{SHARED}::strides-of-dlpack"
    ),
    "DLPack detaches": Fault("torch.Tensor.__dlpack__", by_way_of(plain), f"{SHARED}::not-through-dlpack"),
    "DLPack on another device": Fault("torch.Tensor.__dlpack_device__", on_the_gpu, f"{SHARED}::where-it-is"),
}
