"""Faults that make a wrong claim of tutorials true: the clause that denies the claim must notice."""

from functools import wraps
from inspect import signature

import torch

from .fault import Fault

FOLDER = "specs/guides/claims"


def by_default(**options):
    """Another default of an option."""

    def override(function):
        @wraps(function)
        def faulty(*args, **given):
            return function(*args, **options | given)

        return faulty

    return override


def changed(**changes):
    """Each named argument, however it is given, as a function of it makes it."""

    def override(function):
        parameters = signature(function)

        @wraps(function)
        def faulty(*args, **options):
            bound = parameters.bind(*args, **options)
            bound.apply_defaults()
            for name, change in changes.items():
                bound.arguments[name] = change(bound.arguments[name])
            return function(*bound.args, **bound.kwargs)

        return faulty

    return override


def first(change):
    """The first argument as a function of it makes it."""
    return lambda function: lambda x, *args, **options: function(change(x), *args, **options)


def freezing(evaluate):
    """Evaluation mode that no gradient passes."""
    return lambda module: evaluate(module).requires_grad_(False)


def of_probabilities(cross_entropy):
    """Cross entropy without its softmax."""
    return lambda x, target, **options: torch.nn.functional.nll_loss(x.log(), target, **options)


def by_number(cross_entropy):
    """A weighted mean that is divided by the number of samples."""

    def faulty(x, target, reduction="mean", **options):
        loss = cross_entropy(x, target, reduction="sum", **options)
        return loss / len(target) if reduction == "mean" else loss

    return faulty


def unclamped(binary_cross_entropy):
    """Logarithms that go to minus infinity."""

    def faulty(p, target, **options):
        return -torch.where(target > 0, p.log(), (1 - p).log())

    return faulty


def each_by_itself(clip):
    """Gradients clipped one by one."""
    return lambda parameters, *args: [clip([parameter], *args) for parameter in parameters][0]


def once_and_for_all(iterate):
    """A shuffled order that is the same in every epoch."""

    def faulty(sampler):
        order = torch.randperm(len(sampler.data_source), generator=torch.Generator().manual_seed(0))
        return iter(order.tolist())

    return faulty


def then_zeroed(step):
    """A step after which no gradient is left."""

    def faulty(optimizer, *args):
        loss = step(optimizer, *args)
        optimizer.zero_grad()
        return loss

    return faulty


def sharing(tensor):
    """A tensor of a tensor is that tensor."""

    def faulty(data, **options):
        return data.detach() if isinstance(data, torch.Tensor) else tensor(data, **options)

    return faulty


def leaves(node):
    """The leaves of a graph."""
    if hasattr(node, "variable"):
        yield node.variable
    for earlier, _ in node.next_functions:
        if earlier is not None:
            yield from leaves(earlier)


def replacing(backward):
    """A backward that drops the gradients that were there."""

    def faulty(loss, *args, **options):
        for leaf in leaves(loss.grad_fn):
            leaf.grad = None
        backward(loss, *args, **options)

    return faulty


def recorded_only(dropout):
    """Dropout that does nothing where no history is recorded."""

    def faulty(x, p=0.5, training=True, inplace=False):
        return dropout(x, p, training and torch.is_grad_enabled(), inplace)

    return faulty


def strict_names(assign):
    """A tensor that refuses attributes that mean nothing."""

    def faulty(tensor, name, value):
        if not hasattr(tensor, name):
            raise RuntimeError(f"no such attribute: {name}")
        assign(tensor, name, value)

    return faulty


def registering_lists(assign):
    """A module that registers what stands in a list."""

    def faulty(module, name, value):
        is_list = type(value) is list and all(isinstance(item, torch.nn.Module) for item in value)
        assign(module, name, torch.nn.ModuleList(value) if is_list else value)

    return faulty


def over_the_last(softmax):
    """A softmax whose dimension is the last one unless it is named."""
    return lambda x, dim=-1: torch.softmax(x, dim)


def of_the_population(variance):
    """Divided by n."""
    return lambda x, correction=0: variance(x, correction=correction)


FAULTS = {
    name: Fault(target, override, f"{FOLDER}/{clause}")
    for name, target, override, clause in (
        (
            "an optimizer zeroes gradients",
            "torch.optim.Optimizer.zero_grad",
            by_default(set_to_none=False),
            "training.yaml::zeroing-writes-zeros",
        ),
        (
            "a module zeroes gradients",
            "torch.nn.Module.zero_grad",
            by_default(set_to_none=False),
            "training.yaml::zeroing-writes-zeros",
        ),
        (
            "a state dict holds the parameters",
            "torch.nn.Module.state_dict",
            by_default(keep_vars=True),
            "training.yaml::parameters-in-the-state",
        ),
        (
            "files are trusted",
            "torch.load",
            by_default(weights_only=False),
            "training.yaml::whole-model-by-default",
        ),
        (
            "evaluation freezes",
            "torch.nn.Module.eval",
            freezing,
            "layers_and_losses.yaml::eval-stops-gradients",
        ),
        (
            "dropout keeps with p",
            "torch.nn.functional.dropout",
            changed(p=lambda p: 1 - p),
            "layers_and_losses.yaml::probability-to-keep",
        ),
        (
            "cross entropy takes probabilities",
            "torch.nn.functional.cross_entropy",
            of_probabilities,
            "layers_and_losses.yaml::softmax-before-cross-entropy",
        ),
        (
            "binary cross entropy goes to infinity",
            "torch.nn.functional.binary_cross_entropy",
            unclamped,
            "layers_and_losses.yaml::bce-at-zero-and-one",
        ),
        (
            "binary cross entropy takes scores",
            "torch.nn.functional.binary_cross_entropy",
            first(torch.sigmoid),
            "layers_and_losses.yaml::raw-scores-in-bce",
        ),
        (
            "divergence takes probabilities",
            "torch.nn.functional.kl_div",
            first(torch.log),
            "layers_and_losses.yaml::probabilities-in-kl-div",
        ),
        (
            "gradients clipped one by one",
            "torch.nn.utils.clip_grad_norm_",
            each_by_itself,
            "training.yaml::clipped-one-by-one",
        ),
        (
            "momentum weighs the old statistics",
            "torch.nn.functional.batch_norm",
            changed(momentum=lambda momentum: 1 - momentum),
            "layers_and_losses.yaml::momentum-of-the-old",
        ),
        (
            "epochs in the same order",
            "torch.utils.data.RandomSampler.__iter__",
            once_and_for_all,
            "training.yaml::same-order-every-epoch",
        ),
        (
            "Adam decays as AdamW does",
            "torch.optim.Adam.__init__",
            by_default(decoupled_weight_decay=True),
            "training.yaml::adam-decays-weights",
        ),
        (
            "convolution flips the kernel",
            "torch.nn.functional.conv2d",
            lambda conv2d: lambda x, kernel: conv2d(x, kernel.flip(-1, -2)),
            "layers_and_losses.yaml::flipped-kernel",
        ),
        (
            "detach copies",
            "torch.Tensor.detach",
            lambda detach: lambda tensor: detach(tensor).clone(),
            "gradients.yaml::detach-is-a-copy",
        ),
        ("a step zeroes gradients", "torch.optim.SGD.step", then_zeroed, "training.yaml::step-zeroes"),
        ("a tensor of a tensor shares memory", "torch.tensor", sharing, "tensors.yaml::tensor-of-a-tensor"),
        (
            "backward replaces gradients",
            "torch.Tensor.backward",
            replacing,
            "gradients.yaml::backward-replaces",
        ),
        (
            "no dropout without recording",
            "torch.nn.functional.dropout",
            recorded_only,
            "layers_and_losses.yaml::no-grad-evaluates",
        ),
        (
            "misspelt attributes refused",
            "torch.Tensor.__setattr__",
            strict_names,
            "gradients.yaml::misspelt-flag",
        ),
        (
            "weighted mean by number",
            "torch.nn.functional.cross_entropy",
            by_number,
            "layers_and_losses.yaml::weighted-mean",
        ),
        (
            "transposing copies",
            "torch.Tensor.T",
            lambda transposed: property(lambda tensor: transposed.__get__(tensor).clone()),
            "tensors.yaml::transpose-copies",
        ),
        (
            "seed ignored",
            "torch.manual_seed",
            lambda seed: lambda number: None,
            "training.yaml::same-order-every-epoch",
        ),
        (
            "lists are registered",
            "torch.nn.Module.__setattr__",
            registering_lists,
            "layers_and_losses.yaml::lists-register",
        ),
        (
            "softmax over the last dimension",
            "torch.nn.functional.softmax",
            over_the_last,
            "layers_and_losses.yaml::softmax-over-the-last",
        ),
        (
            "variance of the population",
            ("torch.Tensor.var", "torch.std"),
            of_the_population,
            "tensors.yaml::deviation-by-n",
        ),
        (
            "integers floored by division",
            "torch.Tensor.__truediv__",
            lambda divide: lambda x, y: torch.div(x, y, rounding_mode="floor"),
            "tensors.yaml::integers-floor",
        ),
        (
            "the other formula of gelu",
            "torch.nn.functional.gelu",
            by_default(approximate="tanh"),
            "layers_and_losses.yaml::gelu-is-the-tanh",
        ),
        (
            "no workers",
            "torch.utils.data.DataLoader.__init__",
            changed(num_workers=lambda number: 0, multiprocessing_context=lambda context: None),
            "training.yaml::workers-are-threads",
        ),
    )
}
