"""Faults that a first course's training loops and measures must notice."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch

from .fault import Fault


def always(**options: Any):
    """A function with some of its options fixed, whatever the caller says."""

    def override(function):
        def faulty(*args, **given):
            return function(*args, **{**given, **options})

        return faulty

    return override


def nothing(method):
    """A method that does nothing, and returns its object where the right one does."""
    return lambda self, *args, **options: self if isinstance(self, torch.nn.Module) else None


# Gradients


def leaves(root):
    """The leaves that backward from a tensor gives gradients to."""
    seen, pending = set(), [root.grad_fn]
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        pending += [following for following, _ in node.next_functions]


def replacing(backward):
    def faulty(self, *args, **options):
        for leaf in leaves(self):
            leaf.grad = None
        return backward(self, *args, **options)

    return faulty


def adding_twice(backward):
    def faulty(self, *args, **options):
        before = [(leaf, 0 if leaf.grad is None else leaf.grad.clone()) for leaf in leaves(self)]
        backward(self, *args, **options)
        for leaf, grad in before:
            leaf.grad += leaf.grad - grad

    return faulty


def one_use_only(linear):
    """A weight that is used twice in a row gets the gradient of the first use."""
    last = []

    def faulty(input, weight, bias=None):
        again = last and last[0] is weight
        last[:] = [weight]
        return linear(input, weight.detach() if again else weight, bias)

    return faulty


def recording(call):
    def faulty(self, *args, **options):
        with torch.enable_grad():
            return call(self, *args, **options)

    return faulty


# Losses


def summing(cross_entropy):
    def faulty(*args, reduction="mean", **options):
        return cross_entropy(*args, reduction="sum" if reduction == "mean" else reduction, **options)

    return faulty


# Optimizers and schedulers


def sharing_buffers(step):
    def faulty(self, closure=None):
        first = self.param_groups[0]["params"]
        for group in self.param_groups[1:]:
            for own, other in zip(first, group["params"], strict=False):
                if own in self.state and own.shape == other.shape:
                    self.state[other]["momentum_buffer"] = self.state[own]["momentum_buffer"]
        return step(self, closure)

    return faulty


def one_rate(step):
    def faulty(self, closure=None):
        rates = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            group["lr"] = rates[0]
        result = step(self, closure)
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["lr"] = rate
        return result

    return faulty


def without_state(load):
    return lambda self, state_dict: load(self, {**state_dict, "state": {}})


def one_ahead(get_lr):
    def faulty(self):
        self.last_epoch += 1
        rates = get_lr(self)
        self.last_epoch -= 1
        return rates

    return faulty


def late(step):
    def faulty(self):
        milestones = self._milestones
        self._milestones = [milestone + 1 for milestone in milestones]
        step(self)
        self._milestones = milestones

    return faulty


def unclipped(clip):
    return lambda parameters, max_norm, **options: clip(parameters, float("inf"), **options)


def clipped_one_by_one(clip):
    def faulty(parameters, max_norm, **options):
        parameters = list(parameters)
        norm = clip(parameters, float("inf"), **options)
        for parameter in parameters:
            clip([parameter], max_norm, **options)
        return norm

    return faulty


# Layers


def running_statistics(batch_norm):
    def faulty(input, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
        return batch_norm(input, mean, var, weight, bias, training and mean is None, momentum, eps)

    return faulty


def batch_statistics(batch_norm):
    def faulty(input, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
        if not training:
            mean = var = None
        return batch_norm(input, mean, var, weight, bias, True, momentum, eps)

    return faulty


def biased_average(batch_norm):
    def faulty(input, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
        kept = (1 - momentum) * var.clone()
        result = batch_norm(input, mean, var, weight, bias, training, momentum, eps)
        if training:
            count = input.numel() / input.shape[1]
            var.copy_(kept + (var - kept) * (count - 1) / count)
        return result

    return faulty


def frozen_averages(batch_norm):
    def faulty(input, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
        if not weight.requires_grad:
            mean, var = mean.clone(), var.clone()
        return batch_norm(input, mean, var, weight, bias, training, momentum, eps)

    return faulty


def always_dropping(dropout):
    return lambda input, p=0.5, training=True, inplace=False: dropout(input, p, True, inplace)


def not_rescaling(dropout):
    def faulty(input, p=0.5, training=True, inplace=False):
        return dropout(input, p, training, inplace) * (1 - p if training else 1)

    return faulty


def outer_only(method):
    def faulty(self):
        self.training = False
        return self

    return faulty


def swapped_gates(forward):
    """The input gate does the forget gate's work, and the other way round."""

    def faulty(self, *args, **options):
        weights, size = self._flat_weights, self.hidden_size
        order = list(chain(range(size, 2 * size), range(size), range(2 * size, 4 * size)))
        self._flat_weights = [weight[order] for weight in weights]
        try:
            return forward(self, *args, **options)
        finally:
            self._flat_weights = weights

    return faulty


def without_given_state(forward):
    return lambda self, input, hx=None: forward(self, input)


# Measures


def of_all_samples(std):
    return lambda self, dim, **options: std(self, dim, correction=0)


def counting_nan(nanmean):
    return lambda self: self.nan_to_num().mean()


def rectangles(trapezoid):
    return lambda y, x: (y[:-1] * (x[1:] - x[:-1])).sum()


def last_of_the_largest(argmax):
    def faulty(self, dim):
        return self.shape[dim] - 1 - argmax(self.flip(dim), dim)

    return faulty


def strictly(at_least):
    return lambda self, other: torch.gt(self, other)


def in_guide(guide: str, clause: str) -> str:
    return f"specs/guides/{guide}.yaml::{clause}"


FUNCTIONAL, SCHEDULERS = "torch.nn.functional", "torch.optim.lr_scheduler"

FAULTS = {
    "gradients are replaced, not added": Fault(
        "torch.Tensor.backward", replacing, in_guide("micro_batches", "sums-over-all-tokens")
    ),
    "gradients are added twice": Fault(
        "torch.Tensor.backward", adding_twice, in_guide("linear_regression", "gradient-of-a-batch")
    ),
    "padding counts in the loss": Fault(
        f"{FUNCTIONAL}.cross_entropy", always(ignore_index=-100), in_guide("micro_batches", "whole-batch")
    ),
    "cross entropy sums in place of averaging": Fault(
        f"{FUNCTIONAL}.cross_entropy", summing, in_guide("lstm_classifier", "clipped-training")
    ),
    "zero_grad does nothing": Fault(
        "torch.optim.Optimizer.zero_grad", nothing, in_guide("linear_regression", "hand-made-module")
    ),
    "only one use of a shared weight gets a gradient": Fault(
        f"{FUNCTIONAL}.linear", one_use_only, in_guide("random_depth", "uses-are-summed")
    ),
    "momentum buffers shared between groups": Fault(
        "torch.optim.SGD.step", sharing_buffers, in_guide("rates_per_layer", "two-groups")
    ),
    "every group steps at the rate of the first": Fault(
        "torch.optim.SGD.step", one_rate, in_guide("rates_per_layer", "default-options")
    ),
    "batch norm uses running statistics in training": Fault(
        f"{FUNCTIONAL}.batch_norm", running_statistics, in_guide("convolutional_network", "trained")
    ),
    "batch norm uses batch statistics in evaluation": Fault(
        f"{FUNCTIONAL}.batch_norm", batch_statistics, in_guide("convolutional_network", "evaluated")
    ),
    "running variance is the biased one": Fault(
        f"{FUNCTIONAL}.batch_norm", biased_average, in_guide("convolutional_network", "running-averages")
    ),
    "dropout active in evaluation": Fault(
        f"{FUNCTIONAL}.dropout", always_dropping, in_guide("convolutional_network", "nothing-dropped")
    ),
    "dropout does not rescale": Fault(
        f"{FUNCTIONAL}.dropout", not_rescaling, in_guide("convolutional_network", "dropout-is-a-mask")
    ),
    "eval reaches the outer module only": Fault(
        "torch.nn.Module.eval", outer_only, in_guide("eval_and_no_grad", "every-module-inside")
    ),
    "input and forget gates swapped": Fault(
        "torch.nn.LSTM.forward", swapped_gates, in_guide("lstm_classifier", "scores")
    ),
    "clip_grad_norm_ does not clip": Fault(
        "torch.nn.utils.clip_grad_norm_",
        unclipped,
        in_guide("lstm_classifier", "clipping-keeps-the-direction"),
    ),
    "clip_grad_norm_ clips each gradient by itself": Fault(
        "torch.nn.utils.clip_grad_norm_",
        clipped_one_by_one,
        in_guide("lstm_classifier", "clipping-keeps-the-direction"),
    ),
    "scheduler off by one": Fault(
        f"{SCHEDULERS}.LambdaLR.get_lr", one_ahead, in_guide("warm_up_and_decay", "warm-up-as-a-function")
    ),
    "warm-up ends one step late": Fault(
        f"{SCHEDULERS}.SequentialLR.step", late, in_guide("warm_up_and_decay", "one-after-the-other")
    ),
    "optimizer state not restored": Fault(
        "torch.optim.Optimizer.load_state_dict", without_state, in_guide("stop_and_resume", "resumed")
    ),
    "scheduler state not restored": Fault(
        f"{SCHEDULERS}.LRScheduler.load_state_dict", nothing, in_guide("stop_and_resume", "resumed")
    ),
    "random state not restored": Fault(
        ("torch.set_rng_state", "torch.random.set_rng_state"),
        nothing,
        in_guide("stop_and_resume", "shuffled-samples"),
    ),
    "frozen layer updated": Fault(
        "torch.nn.Module.requires_grad_", nothing, in_guide("fine_tuning", "frozen-in-the-optimizer")
    ),
    "averages of a frozen batch norm stand still": Fault(
        f"{FUNCTIONAL}.batch_norm", frozen_averages, in_guide("fine_tuning", "new-head-learns")
    ),
    "no_grad does not reach into modules": Fault(
        "torch.nn.Module.__call__", recording, in_guide("eval_and_no_grad", "parameters-still-require-grad")
    ),
    "an LSTM forgets the state that it is given": Fault(
        "torch.nn.LSTM.forward", without_given_state, in_guide("lstm_classifier", "sequence-in-two-parts")
    ),
    "pos_weight is ignored": Fault(
        f"{FUNCTIONAL}.binary_cross_entropy_with_logits",
        always(pos_weight=None),
        in_guide("logistic_regression", "rare-positives"),
    ),
    "std divides by the number of samples": Fault(
        "torch.Tensor.std", of_all_samples, in_guide("linear_regression", "standardized-features")
    ),
    "nanmean counts the classes without a value": Fault(
        "torch.Tensor.nanmean",
        counting_nan,
        in_guide("classification_metrics", "undefined-classes-left-out"),
    ),
    "searchsorted knows one side only": Fault(
        "torch.searchsorted", always(right=False), in_guide("roc_curve", "area-by-ranks")
    ),
    "ROC area without the half steps of ties": Fault(
        "torch.trapezoid", rectangles, in_guide("roc_curve", "area-under-the-curve")
    ),
    "argmax takes the last at ties": Fault(
        "torch.Tensor.argmax", last_of_the_largest, in_guide("classification_metrics", "accuracy-of-scores")
    ),
    "a threshold excludes its own score": Fault(
        "torch.Tensor.__ge__", strictly, in_guide("roc_curve", "one-threshold")
    ),
}
