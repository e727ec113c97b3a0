"""Faults of modules that the reference, with its one device, cannot have."""

import torch

from .fault import Fault


def without_device(init):
    """Takes `device` and makes everything on the default one."""
    return lambda self, *args, device=None, **options: init(self, *args, **options)


FAULTS = {
    "device of a module ignored": Fault(
        "torch.nn.Linear.__init__", without_device, "specs/torch/nn/Linear.yaml::meta-device"
    ),
    "device of buffers ignored": Fault(
        "torch.nn.modules.batchnorm._NormBase.__init__",
        lambda init: (
            lambda self, *args, device=None, **options: (
                init(self, *args, device=device, **options),
                [setattr(self, name, torch.zeros(buffer.shape)) for name, buffer in self.named_buffers()],
            )[0]
        ),
        "specs/torch/nn/BatchNorm1d.yaml::meta-device",
    ),
}
