"""Random programs over tensors v0, v1, … and hooks h0, h1, …: what they are made of, and how one is drawn.

In a template ``{a}`` is any tensor, ``{b}`` one that is ``{a}`` itself or shares no memory with it (what an
operator reads while it writes elsewhere in the same memory depends on the order of its loop), ``{c}`` any
tensor again, ``{h}`` a hook.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

PRELUDE = '''
log = {}

def values(grad):
    """What a hook was given: numbers, and whether they have a history."""
    if isinstance(grad, (tuple, list)):
        return [values(g) for g in grad if g is not None]
    return None if grad is None else (grad.tolist(), grad.requires_grad)

def seen(name, replace=lambda *grads: None):
    """A hook that notes what it is called with, and returns what ``replace`` makes of it.

    Of a node it notes the gradients of the results only: from how many nodes an operator is made is its own affair.
    """
    def hook(*grads):
        log.setdefault(name, []).append(values(grads[-1]))
        return replace(*grads)
    return hook

def fresh(tensor):
    """The tensor, after its node was renewed: torch 2.13 crashes without (pytorch#196459)."""
    tensor.grad_fn
    return tensor

def each(grads, factor):
    """All gradients of a node, scaled."""
    return tuple(None if g is None else g * factor for g in grads)

def accumulated(name, act=lambda tensor: None):
    """A post-accumulate hook that notes the gradient it finds, and then does something."""
    def hook(tensor):
        log.setdefault(name, []).append(values(tensor.grad))
        act(tensor)
    return hook

def gradient(output, input, **options):
    """The gradient in memory of its own, zero where there is none."""
    if not able(output, input):
        return torch.zeros_like(input)
    grad = torch.autograd.grad(output, input, allow_unused=True, **options)[0]
    return torch.zeros_like(input) if grad is None else grad.clone()

def gradients(output, inputs, **options):
    """The same of several, joined."""
    if not able(output, *inputs):
        return torch.zeros(1, dtype=output.dtype)
    grads = torch.autograd.grad(output, inputs, materialize_grads=True, **options)
    return torch.cat([g.reshape(-1) for g in grads])

def able(*tensors):
    return all(t.requires_grad for t in tensors)

def total(names):
    """A number that depends on all of these tensors, as far as there are such."""
    found = [globals()[name] for name in names.split() if name in globals()]
    return torch.stack([t.sin().sum() for t in found]).sum()
'''

VIEWS = (
    "{a}[0]",
    "{a}[1:]",
    "{a}[..., 1]",
    "{a}[:, ::2]",
    "{a}.t()",
    "{a}.view(-1)",
    "{a}.reshape(-1)",
    "{a}.unsqueeze(0)",
    "{a}.squeeze()",
    "{a}.diagonal()",
    "{a}.unbind(0)[0]",
    "{a}.split(1)[0]",
    "{a}.chunk(2)[1]",
    "{a}.detach()",
    "{a}.narrow(0, 0, 1)",
)
MORE_VIEWS = (
    "{a}[::2]",
    "{a}[None, ..., :2]",
    "{a}.transpose(0, -1)",
    "{a}.reshape({a}.shape[::-1])",
    "{a}.flatten()",
    "{a}.contiguous()",
    "{a}.view_as({a})",
    "{a}.expand(2, *{a}.shape)",
    "{a}.unbind(-1)[1]",
    "{a}.split(1, -1)[0]",
    "{a}.diagonal(offset=1)",
    "{a}.select(-1, 0)",
    "{a}.movedim(0, -1)",
    "{a}.view(*{a}.shape, 1)",
    "{a}.unfold(-1, 2, 2)",
)
VALUES = (
    "{a} * {b}",
    "{a} + {b}",
    "{a}.sin()",
    "{a}.sigmoid()",
    "{a} * 0.5",
    "{a}.clone()",
    "{a}.sum()",
    "{a}.sum(0)",
    "{a} - {b}",
)
MORE_VALUES = (
    "{a}.cos() * {c}",
    "{a} * ({c} + 1.0)",
    "{a} ** 2",
    "-{a}",
    "torch.mm({a}, {c}.t())",
    "(-{a} * {a}).exp()",
    "torch.cat([{a}, {c}])",
    "torch.stack([{a}, {c}], -1)",
    "torch.where({a} > 0.5, {a}, {c})",
    "{a}.sum(-1, keepdim=True)",
    "{a}.cumsum(0)",
    "{a}.flip(-1)",
    "{a}.roll(1, -1)",
)
WRITES = (
    "{a}.mul_({b})",
    "{a}.add_({b})",
    "{a}.mul_(0.5)",
    "{a}.sin_()",
    "{a}.tanh_()",
    "{a}.copy_({b})",
    "{a}.zero_()",
    "{a}.fill_(0.25)",
    "{a}[0] = {b}",
    "{a}[..., 1] = 0.75",
    "{a}[:, :2] = {b}",
    "{a}[{a} > 0.5] = 0.5",
    "{a} += {b}",
    "{a} *= 0.5",
)
MORE_WRITES = (
    "{a}.sub_({b})",
    "{a}.sin_().exp_()",
    "{a}.cos_()",
    "{a}.neg_()",
    "{a}.t().mul_(0.5)",
    "{a}[::2].add_({b})",
    "{a}.diagonal().copy_({b})",
    "{a}.data.mul_(0.5)",
    "{a}[[0]] = 0.25",
)
AMBIGUOUS = {"{a}.sigmoid()", "{a}.tanh_()"}
"""Their derivative can be written in the argument or in the result. Which one it is shows in a second derivative
and after a write that goes unnoticed, and no document says; such operators (division is another) are left out there."""
STATES = ("{a}.retain_grad()", "{a}.grad = None")
MORE_STATES = (
    "{a}.retain_grad()",
    "{a}.grad = None",
    "{a}.grad.zero_()",
    "{a}.grad.mul_({b})",
    "{a}.grad = {b}.detach().clone()",
    "{a}.requires_grad_()",
    "{a}.requires_grad_(False)",
    "{a}.detach_()",
)
HOOKS = (
    "fresh({a}).register_hook(seen('{h}'))",
    "fresh({a}).register_hook(seen('{h}', lambda g: g * 2))",
    "fresh({a}).register_hook(seen('{h}', lambda g: g + {a}.detach()))",
    "fresh({a}).register_hook(seen('{h}', torch.ones_like))",
    "{a}.register_post_accumulate_grad_hook(accumulated('{h}'))",
    "{a}.register_post_accumulate_grad_hook(accumulated('{h}', lambda t: t.grad.mul_(0.5)))",
    "{a}.register_post_accumulate_grad_hook(accumulated('{h}', lambda t: setattr(t, 'grad', None)))",
    "{a}.grad_fn.register_prehook(seen('{h}'))",
    "{a}.grad_fn.register_prehook(seen('{h}', lambda outputs: each(outputs, 2)))",
    "{a}.grad_fn.register_hook(seen('{h}'))",
    "{a}.grad_fn.register_hook(seen('{h}', lambda inputs, outputs: each(inputs, 0.5)))",
    "torch.autograd.graph.register_multi_grad_hook([fresh(t) for t in ({a}, {c}) if t.requires_grad], seen('{h}'))",
)
BACKWARDS = ("{a}.sum().backward(retain_graph=True)",)
MORE_BACKWARDS = (
    "{a}.sum().backward(retain_graph=True)",
    "({a}.sum() * {c}.sum()).backward(retain_graph=True)",
    "{a}.sin().sum().backward()",
    "{a}.backward(torch.ones_like({a}))",
    "{a}.backward({a}.detach().clone(), retain_graph=True)",
    "{a}.sum().backward(inputs=[{c}], retain_graph=True)",
    "({a}.sum() + {c}.sum()).backward(inputs=[{a}, {c}])",
    "torch.autograd.backward([{a}.sum(), {c}.sin().sum()], retain_graph=True)",
    "({a} * {a}).sum().backward(create_graph=True)",
    "gradient({a}.sin().sum(), {c}, create_graph=True).pow(2).sum().backward()",
    "(gradient(({a} * {a}).sum(), {a}, create_graph=True).sum() * {c}.sum()).backward(retain_graph=True)",
)
GRADIENTS = (
    "gradient({a}.sum(), {c}, retain_graph=True)",
    "gradient({a}.sin().sum(), {c}, create_graph=True)",
    "gradient({a}.sum() * {c}.sum(), {a}, create_graph=True)",
    "gradient({a}, {c}, grad_outputs=torch.ones_like({a}), create_graph=True)",
    "gradient({a}, {c}, grad_outputs={a}, retain_graph=True)",
    "gradient({a}.sum(), {c})",
    "gradients({a}.sum(), [{a}, {c}], retain_graph=True)",
    "gradients({a}.sin().sum(), [{c}, {a}], create_graph=True)",
)


@dataclass(frozen=True)
class Family:
    """A kind of program: the weight of each kind of statement, its templates, and how often it is muted."""

    length: range
    tables: Mapping[str, tuple[float, Sequence[str]]]
    muted: Mapping[str, float]
    """How likely a statement of a kind is inside ``with torch.no_grad()``."""


FAMILIES = {
    "writes": Family(
        range(4, 14),
        {
            "view": (30, VIEWS),
            "value": (20, VALUES),
            "write": (38, WRITES),
            "state": (6, STATES),
            "backward": (6, BACKWARDS),
        },
        {"write": 0.1},
    ),
    "graphs": Family(
        range(6, 18),
        {
            "view": (20, VIEWS + MORE_VIEWS),
            "value": (20, [line for line in VALUES + MORE_VALUES if line not in AMBIGUOUS]),
            "write": (16, [line for line in WRITES + MORE_WRITES if line not in AMBIGUOUS]),
            "state": (8, MORE_STATES),
            "hook": (14, HOOKS),
            "removal": (2, ()),
            "gradient": (8, GRADIENTS),
            "backward": (12, MORE_BACKWARDS),
        },
        {"write": 0.1, "view": 0.02, "value": 0.05},
    ),
}


def draw(family: str, seed: int) -> list[str]:
    """One program: statements, some of which are refused, by both sides alike."""
    rules = FAMILIES[family]
    choose = random.Random(f"{family} {seed}")
    numbers = np.random.default_rng(seed)
    kinds, weights = list(rules.tables), [weight for weight, _ in rules.tables.values()]
    lines: list[str] = []
    memory: list[int] = []  # of each tensor: the first one that may share its memory
    hooks = 0

    for requires_grad in (True, choose.random() < 0.5):
        values = numbers.random((2, 3)).round(3).tolist()
        lines.append(
            f"v{len(memory)} = torch.tensor({values}, dtype=torch.float64, requires_grad={requires_grad})"
        )
        memory.append(len(memory))
    lines.append("v2 = v0 * 0.75")
    memory.append(2)
    for _ in range(choose.choice(rules.length)):
        a = choose.randrange(len(memory))
        apart = [i for i in range(len(memory)) if memory[i] != memory[a]]
        b = choose.choice([a] + apart * 2)
        c = choose.randrange(len(memory))
        kind = choose.choices(kinds, weights)[0]
        if kind == "removal":
            if hooks:
                lines.append(f"h{choose.randrange(hooks)}.remove()")
            continue
        line = choose.choice(rules.tables[kind][1]).format(a=f"v{a}", b=f"v{b}", c=f"v{c}", h=f"h{hooks}")
        if kind in ("view", "value", "gradient"):
            line = f"v{len(memory)} = {line}"
            memory.append(memory[a] if kind == "view" else len(memory))
        elif kind == "hook":
            line = f"h{hooks} = {line}"
            hooks += 1
        elif kind == "backward" and family == "graphs" and choose.random() < 0.8:
            needed = sorted(set(re.findall(r"v\d+", line)))
            line = f"if able({', '.join(needed)}): {line}"
        if choose.random() < rules.muted.get(kind, 0):
            mode = "inference_mode" if kind == "value" and choose.random() < 0.2 else "no_grad"
            line = f"with torch.{mode}(): {line}"
        lines.append(line)
    names = " ".join(f"v{i}" for i in range(len(memory)) if choose.random() < 0.6) or "v2"
    return [*lines, f"total('{names}').backward()"]
