"""Faults of modules that the reference, with its one device, cannot have, or whose clauses it does not run."""

import math

import torch

from .fault import Fault


def without_device(init):
    """Takes `device` and makes everything on the default one."""
    return lambda self, *args, device=None, **options: init(self, *args, **options)


def after(change):
    """What was there, and then a change of the module."""
    return lambda method: lambda self, *args, **options: (method(self, *args, **options), change(self))[0]


def without_dropout(module):
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        if isinstance(part, torch.nn.MultiheadAttention):
            part.dropout = 0.0


def larger(module):
    """Every matrix a tenth too large."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.mul_(1.1)


def squared_dropout(forward):
    def faulty(self, *args):
        probability, self.dropout = self.dropout, self.dropout**2
        try:
            return forward(self, *args)
        finally:
            self.dropout = probability

    return faulty


def doubled_single(forward):
    """A sample alone, in evaluation, comes out twice as large."""
    return lambda self, x: forward(self, x) * (1 if self.training or len(x) > 1 else 2)


def unnamed(norm):
    """Takes the name of a parameter, and means the weight."""
    return lambda module, name="weight", *args, **options: norm(module, "weight", *args, **options)


def reversed_parts(setstate):
    """Modules and parameters in the other order."""

    def faulty(self, state):
        for kind in ("_modules", "_parameters"):
            state = {**state, kind: dict(reversed(state[kind].items()))}
        setstate(self, state)

    return faulty


TRANSFORMERS = "specs/torch/nn/transformers.yaml"
DECODER = "specs/torch/nn/TransformerDecoderLayer.yaml"
PARAMETRIZATIONS = "specs/torch/nn/utils/parametrizations.yaml"
WEIGHT_NORM = "specs/torch/nn/utils/weight_norm.yaml"
CONVERSION = "specs/torch/nn/Module/conversion.yaml"
RESET = "specs/torch/nn/reset_parameters.yaml"
SIZES = "specs/torch/nn/sizes.yaml"
TRAVERSAL = "specs/torch/nn/Module/traversal.yaml"

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
    "numbers of layers swapped": Fault(
        "torch.nn.Transformer.__init__",
        lambda init: lambda self, d, h, m, n, *args, **options: init(self, d, h, n, m, *args, **options),
        f"{TRANSFORMERS}::numbers-of-layers",
    ),
    "device of a Transformer ignored": Fault(
        "torch.nn.Transformer.__init__", without_device, f"{TRANSFORMERS}::made-as-is-said"
    ),
    "dropout of a Transformer ignored": Fault(
        "torch.nn.Transformer.__init__", after(without_dropout), f"{TRANSFORMERS}::dropout-of-a-transformer"
    ),
    "encoder never in training": Fault(
        "torch.nn.Transformer.forward",
        lambda forward: lambda self, *args: (self.encoder.eval(), forward(self, *args))[1],
        f"{TRANSFORMERS}::dropout-of-a-transformer",
    ),
    "start of a Transformer a tenth too wide": Fault(
        "torch.nn.Transformer._reset_parameters", after(larger), f"{TRANSFORMERS}::start-of-a-transformer"
    ),
    "deep copy shares parameters": Fault(
        "torch.nn.Parameter.__deepcopy__", lambda _: lambda self, memo: self, f"{TRANSFORMERS}::copied"
    ),
    **{
        f"deep copy shares parameters of {name}": Fault(
            "torch.nn.Parameter.__deepcopy__",
            lambda _: lambda self, memo: self,
            f"specs/torch/nn/{name}.yaml::deep-copied",
        )
        for name in ("containers", "parameter_containers")
    },
    **{
        f"pickles of {name} turn the order around": Fault(
            "torch.nn.Module.__setstate__", reversed_parts, f"specs/torch/nn/{name}.yaml::pickled"
        )
        for name in ("containers", "parameter_containers")
    },
    "loading into containers shares parameters": Fault(
        "torch.nn.Module.load_state_dict",
        lambda load: lambda self, state: load(self, state, assign=True),
        "specs/torch/nn/parameter_containers.yaml::loaded",
    ),
    "bias of a linear layer not reset": Fault(
        "torch.nn.Linear.reset_parameters",
        lambda _: lambda self: torch.nn.init.kaiming_uniform_(self.weight, math.sqrt(5)),
        f"{RESET}::linear",
    ),
    "weight of a bilinear layer reset to a tenth more": Fault(
        "torch.nn.Bilinear.reset_parameters", after(larger), f"{RESET}::bilinear"
    ),
    "tails not reset": Fault(
        "torch.nn.AdaptiveLogSoftmaxWithLoss.reset_parameters",
        lambda _: lambda self: self.head.reset_parameters(),
        f"{RESET}::adaptive-softmax",
    ),
    "slopes reset to a quarter": Fault(
        "torch.nn.PReLU.reset_parameters",
        lambda _: lambda self: torch.nn.init.constant_(self.weight, 0.25),
        f"{RESET}::constants",
    ),
    "reset makes other parameters": Fault(
        "torch.nn.RMSNorm.reset_parameters",
        lambda _: lambda self: setattr(self, "weight", torch.nn.Parameter(torch.ones(self.normalized_shape))),
        f"{RESET}::same-parameters",
    ),
    "negative sizes taken without their sign": Fault(
        "torch.nn.Linear.__init__",
        lambda init: lambda self, *sizes, **options: init(self, *map(abs, sizes), **options),
        f"{SIZES}::negative",
    ),
    "stride of zero taken for one": Fault(
        "torch.nn.Conv1d.__init__",
        lambda init: lambda self, *sizes, stride=1, **options: init(self, *sizes, max(stride, 1), **options),
        f"{SIZES}::steps-of-a-convolution",
    ),
    "negative groups taken without their sign": Fault(
        "torch.nn.GroupNorm.__init__",
        lambda init: lambda self, groups, channels: init(self, abs(groups), channels),
        f"{SIZES}::groups-of-a-norm",
    ),
    "nothing to read, no bias": Fault(
        "torch.nn.Linear.forward",
        lambda forward: lambda self, x: forward(self, x) * min(x.shape[-1], 1),
        f"{SIZES}::no-features",
    ),
    "rows without elements lose a dimension": Fault(
        "torch.nn.Embedding.forward",
        lambda forward: lambda self, x: forward(self, x).flatten(0, 1),
        f"{SIZES}::rows-without-elements",
    ),
    "log_prob has no gradients": Fault(
        "torch.nn.AdaptiveLogSoftmaxWithLoss.log_prob",
        lambda log_prob: lambda self, x: log_prob(self, x).detach(),
        "specs/torch/nn/AdaptiveLogSoftmaxWithLoss.yaml::log-probabilities-of-all",
    ),
    "first batch of a lazy norm counted twice": Fault(
        "torch.nn.modules.batchnorm._LazyNormBase.initialize_parameters",
        lambda initialize: (
            lambda self, x: (
                (initialize(self, x), self.num_batches_tracked.fill_(1))
                if self.has_uninitialized_params()
                else None
            )
        ),
        "specs/torch/nn/BatchNorm1d.yaml::lazy-in-training",
    ),
    "dropout between layers squared": Fault(
        ("torch.nn.LSTM.forward", "torch.nn.GRU.forward"),
        squared_dropout,
        "specs/torch/nn/RNNBase.yaml::dropped-between-layers",
    ),
    "hidden features of a decoder not dropped": Fault(
        "torch.nn.TransformerDecoderLayer.__init__",
        after(lambda layer: setattr(layer, "dropout", torch.nn.Identity())),
        f"{DECODER}::dropped-inside",
    ),
    "weights of self-attention not dropped": Fault(
        "torch.nn.TransformerDecoderLayer.__init__",
        after(lambda layer: setattr(layer.self_attn, "dropout", 0.0)),
        f"{DECODER}::dropped-inside",
    ),
    "weights of attention to the memory not dropped": Fault(
        "torch.nn.TransformerDecoderLayer.__init__",
        after(lambda layer: setattr(layer.multihead_attn, "dropout", 0.0)),
        f"{DECODER}::dropped-inside",
    ),
    "single sample doubled": Fault(
        "torch.nn.modules.batchnorm._BatchNorm.forward",
        doubled_single,
        "specs/torch/nn/BatchNorm1d.yaml::one-sample-in-evaluation",
    ),
    **{
        f"name ignored by parametrizations.{norm}": Fault(
            f"torch.nn.utils.parametrizations.{norm}", unnamed, f"{PARAMETRIZATIONS}::of-another-name"
        )
        for norm in ("weight_norm", "spectral_norm", "orthogonal")
    },
    "eps of a spectral norm ignored": Fault(
        "torch.nn.utils.parametrizations._SpectralNorm.__init__",
        lambda init: lambda self, weight, iterations, dim, eps: init(self, weight, iterations, dim),
        f"{PARAMETRIZATIONS}::least-length",
    ),
    **{
        f"name ignored by utils.{norm}": Fault(
            f"torch.nn.utils.{norm}", unnamed, f"{WEIGHT_NORM}::of-another-name"
        )
        for norm in ("weight_norm", "spectral_norm")
    },
    "eps of the older spectral norm ignored": Fault(
        "torch.nn.utils.spectral_norm",
        lambda norm: lambda module, eps=1e-12, **options: norm(module, **options),
        f"{WEIGHT_NORM}::spectral-least-length",
    ),
    "dim of the older spectral norm ignored": Fault(
        "torch.nn.utils.spectral_norm",
        lambda norm: lambda module, dim=None, **options: norm(module, **options),
        f"{WEIGHT_NORM}::spectral-dimension",
    ),
    "dim of transposed convolutions forgotten": Fault(
        "torch.nn.utils.spectral_norm",
        lambda norm: lambda module, dim=0, **options: norm(module, dim=dim, **options),
        f"{WEIGHT_NORM}::spectral-dimension",
    ),
    "modules come once": Fault(
        "torch.nn.Module.modules",
        lambda modules: lambda self, remove_duplicate=True: modules(self),
        f"{TRAVERSAL}::all-names-of-a-module",
    ),
    "zero keeps its graph": Fault(
        "torch.nn.Module.zero_grad",
        lambda _: (
            lambda self, set_to_none=True: [
                p.grad.data.zero_() for p in self.parameters() if p.grad is not None
            ]
        ),
        f"{TRAVERSAL}::zero-grad-detaches",
    ),
    "module stays on its device": Fault(
        "torch.nn.Module.to", lambda to: lambda self, *args, **options: self, f"{CONVERSION}::onto-meta"
    ),
    "buffers stay on their device": Fault(
        "torch.nn.Module.to",
        lambda to: (
            lambda self, *args, **options: (
                buffers := dict(self.named_buffers(recurse=False)),
                to(self, *args, **options),
                [setattr(self, name, buffer) for name, buffer in buffers.items()],
            )[1]
        ),
        f"{CONVERSION}::onto-meta",
    ),
    "format of volumes ignored": Fault(
        "torch.nn.Module.to",
        lambda to: (
            lambda self, memory_format: (
                self if memory_format is torch.channels_last_3d else to(self, memory_format=memory_format)
            )
        ),
        f"{CONVERSION}::memory-format-of-volumes",
    ),
    "frozen parameters thawed": Fault(
        "torch.nn.Module.to_empty", after(lambda module: module.requires_grad_()), f"{CONVERSION}::to-empty"
    ),
}
