"""Where torch does in a random program what its documentation does not say: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from . import recognise
from .lockstep import Step

DOCUMENTS = "https://docs.pytorch.org/docs/stable/"


@dataclass(frozen=True)
class Deviation:
    name: str
    does: str
    """What torch does."""
    against: str
    """The document that says otherwise, or ``undocumented``."""
    script: str
    """Statements of which the last shows it."""
    explains: Callable[[Step], bool]


def explain(step: Step | None) -> list[str]:
    """The deviation that accounts for all of a difference, or one for each tensor and hook that differs."""
    if step is None:
        return []
    whole = [d.name for d in DEVIATIONS if d.explains(step)][:1]
    if whole or len(step.seen) < 2:
        return whole
    parts = [explain(replace(step, seen={name: pair}, whole=False)) for name, pair in step.seen.items()]
    return sorted({name for part in parts for name in part}) if all(parts) else []


DEVIATIONS = (
    Deviation(
        "a view requires grad because its base does",
        "a view made under no_grad, or before its base was made to require grad, requires grad",
        DOCUMENTS + "generated/torch.no_grad.html: no result requires grad; pytorch#11390",
        """
        v0 = torch.ones(2, requires_grad=True)
        with torch.no_grad(): v1 = v0[:1]
        """,
        recognise.flag_of_base,
    ),
    Deviation(
        "a view keeps a history that its base has lost",
        "after its base was detached and written to, a view still requires grad, and has a node that leads nowhere",
        "undocumented",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0[:1]
        v0.detach_()
        v0.mul_(2)
        """,
        recognise.history_of_view,
    ),
    Deviation(
        "expanded memory is written",
        "filling, assignment by index and writes to a part are not refused where several elements share memory",
        DOCUMENTS + "generated/torch.Tensor.expand.html: to write, clone first",
        """
        v0 = torch.ones(1).expand(2)
        v0.zero_()
        """,
        recognise.expanded_memory,
    ),
    Deviation(
        "a multi-gradient hook does not count the root",
        "with the tensor on which backward is called among its tensors, it is called too early, or never",
        DOCUMENTS
        + "generated/torch.autograd.graph.register_multi_grad_hook.html: after the gradients of all",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        h0 = torch.autograd.graph.register_multi_grad_hook([fresh(t) for t in (v0, v1) if t.requires_grad], seen('h0'))
        v1.backward(torch.ones_like(v1))
        """,
        recognise.multi_hook_at_root,
    ),
    Deviation(
        "a multi-gradient hook on a leaf refuses grad",
        "torch.autograd.grad raises where a multi-gradient hook waits for a leaf that is among its inputs",
        DOCUMENTS
        + "generated/torch.autograd.graph.register_multi_grad_hook.html: works in .grad(); pytorch#131753",
        """
        v0 = torch.ones(2, requires_grad=True)
        h0 = torch.autograd.graph.register_multi_grad_hook([fresh(t) for t in (v0, v0) if t.requires_grad], seen('h0'))
        v1 = gradient(v0.sum(), v0)
        """,
        recognise.multi_hook_in_grad,
    ),
    Deviation(
        "grad without create_graph has a history",
        "what grad returns is a view of grad_outputs made without grad mode, which requires grad as they do",
        DOCUMENTS
        + "generated/torch.autograd.grad.html: there is a graph of the derivative with create_graph",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0.view(2, 1)
        v2 = gradient(v1, v0, grad_outputs=v1, retain_graph=True)
        """,
        recognise.grad_with_history,
    ),
    Deviation(
        "retain_grad keeps the gradient before hooks of the node",
        "the kept gradient is the one before register_prehook's hooks made another of it",
        DOCUMENTS
        + "notes/autograd.html#backward-hooks-execution: these hooks run second, .grad is updated third",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        v1.retain_grad()
        h0 = v1.grad_fn.register_prehook(seen('h0', lambda outputs: each(outputs, 2)))
        v1.sum().backward()
        """,
        recognise.kept_before_prehook,
    ),
    Deviation(
        "hooks of a view are lost when it is written to",
        "a hook on a view, or on its node, does not see what came through a later in-place operator on the view",
        DOCUMENTS + "notes/autograd.html#behavior-of-tensor-hooks-when-tensor-is-modified-in-place: "
        "it receives the gradient with respect to the value before",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        v2 = v1[:1]
        h0 = fresh(v2).register_hook(seen('h0'))
        v2.mul_(3)
        v1.sum().backward()
        """,
        recognise.hook_of_written_view,
    ),
    Deviation(
        "a post-accumulate hook is called where nothing accumulates",
        "it is called for a leaf that was detached, or does not require grad any more, and finds its old .grad or None",
        DOCUMENTS
        + "generated/torch.Tensor.register_post_accumulate_grad_hook.html: called after accumulation",
        """
        v0 = torch.ones(2, requires_grad=True)
        h0 = v0.register_post_accumulate_grad_hook(accumulated('h0'))
        v1 = v0 * 2
        v0.requires_grad_(False)
        v1.sum().backward()
        """,
        recognise.accumulated_nothing,
    ),
    Deviation(
        "hooks of a result stay with the leaf that it becomes",
        "after detach_ and requires_grad_() a hook is called for the new leaf too",
        DOCUMENTS + "notes/autograd.html#behavior-of-tensor-hooks-when-tensor-is-modified-in-place: "
        "a hook is bound to the grad_fn that the tensor had",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        h0 = fresh(v1).register_hook(seen('h0'))
        v1.detach_()
        v1.requires_grad_()
        v1.sum().backward()
        """,
        recognise.hook_of_former_value,
    ),
    Deviation(
        "a saved tensor was detached in place",
        "backward through an operator that saved a tensor is refused after detach_ of that tensor",
        "undocumented; pytorch#88860 made it an error",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        v2 = v1 * v1
        v1.detach_()
        v2.sum().backward()
        """,
        recognise.saved_and_detached,
    ),
    Deviation(
        "a gradient is kept after detach_",
        "a tensor that retains its gradient still gets that of its former value after it was detached in place",
        "undocumented",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        v1.retain_grad()
        v2 = v1 + 1
        v1.detach_()
        v2.sum().backward()
        """,
        recognise.kept_after_detach,
    ),
    Deviation(
        "retain_grad, detach_ and a recorded write break an assertion",
        "the write raises INTERNAL ASSERT FAILED, please report a bug",
        "undocumented",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        v1.retain_grad()
        v1.detach_()
        v1.add_(v0)
        """,
        recognise.written_after_detach,
    ),
    Deviation(
        "a view does not know that its base has a history now",
        "until its grad_fn is looked at it counts as a leaf: a write is refused, requires_grad_(False) is not",
        DOCUMENTS + "generated/torch.Tensor.is_leaf.html: it is none, being the result of an operation",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = torch.ones(2)
        v2 = v1[:1]
        v1.add_(v0)
        v2.mul_(2)
        """,
        recognise.stale_view,
    ),
    Deviation(
        "a write to a view runs backward once",
        "a second backward through it is refused, even where nothing was saved",
        "undocumented: which functions keep nothing that retain_graph=False frees",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0.clone()
        v2 = v1[:1]
        v2.add_(1)
        v1.sum().backward()
        v1.sum().backward()
        """,
        recognise.freed_write_to_view,
    ),
    Deviation(
        "of two reasons to refuse an index the other one is given",
        "that a view cannot follow its base, or be written, is said before that the index is out of range",
        "undocumented",
        """
        v0 = torch.ones(2, 2, requires_grad=True)
        v1 = v0 * 2
        v2 = v1.unbind()[0]
        with torch.no_grad(): v1.mul_(2)
        v3 = v2.transpose(0, 1)
        """,
        recognise.other_reason,
    ),
    Deviation(
        "grad returns a gradient from before the hooks of its tensor",
        "where another of the inputs depends on it, the gradient of a result is returned as it was before its hooks",
        DOCUMENTS
        + "generated/torch.Tensor.register_hook.html: what a hook returns is used in place of the gradient",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        h0 = fresh(v1).register_hook(seen('h0', lambda g: g * 2))
        v2 = gradients(v1.sum(), [v0, v1])
        """,
        recognise.captured_before_hook,
    ),
    Deviation(
        "a view that cannot follow its base is asked whether it requires grad",
        "requires_grad, requires_grad_() and retain_grad() answer; every other question about its place is refused",
        "undocumented",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        v2 = v1.unbind()[0]
        v1.mul_(2)
        v2.requires_grad_()
        """,
        recognise.stale_view_asked,
    ),
    Deviation(
        "a refused write to an inference tensor is done",
        "the operator raises after it has written",
        "https://docs.pytorch.org/cppdocs/notes/inference_mode.html: not allowed outside of inference mode",
        """
        with torch.inference_mode(): v0 = torch.ones(2) * 2
        v0.mul_(2)
        """,
        recognise.refused_but_done,
    ),
    Deviation(
        "detach makes an inference tensor mutable",
        "the result says that it is an inference tensor, but has a version, and a write to it writes to the other one",
        "https://docs.pytorch.org/cppdocs/notes/inference_mode.html: no version counter, immutable outside, clone it",
        """
        with torch.inference_mode(): v0 = torch.ones(2) * 2
        v1 = v0.detach()
        """,
        recognise.detached_inference_tensor,
    ),
    Deviation(
        "a result lies in memory as its input does, or not",
        "which operators keep the layout of their input, so that contiguous, reshape and view give a view or a copy",
        "undocumented",
        """
        v0 = torch.ones(2, 3).t()
        v1 = v0.cumsum(0)
        v2 = v1.contiguous()
        v1.mul_(2)
        """,
        recognise.layout,
    ),
    Deviation(
        "a saved leaf is asked again whether it requires grad",
        "a tensor that was saved when it did not require grad is part of a graph of derivatives if it does by then",
        "undocumented",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = torch.ones(2)
        v2 = v0 * v1
        v1.requires_grad_()
        v3 = gradient(v2.sum(), v0, create_graph=True)
        total('v1 v3').backward()
        """,
        recognise.saved_before_requiring_grad,
    ),
    Deviation(
        "what a view keeps depends on who looked",
        "retain_grad on a view whose base was written to concerns its former node, or none, until somebody asks for it",
        "undocumented",
        """
        v0 = torch.ones(2, dtype=torch.float64, requires_grad=True)
        v1 = v0 * 2
        v2 = v1[:2]
        v2.retain_grad()
        v3 = v2[:1]
        v3.mul_(3)
        total('v1').backward()
        """,
        recognise.kept_where_nobody_looked,
    ),
    Deviation(
        "a write to no elements ends the graph of derivatives",
        "with create_graph, what comes through the write to an empty view has no history",
        DOCUMENTS + "generated/torch.autograd.grad.html: create_graph constructs the graph of the derivative",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        v2 = v1[2:]
        v2.mul_(3)
        (v2 * v2).sum().backward(create_graph=True)
        """,
        recognise.nothing_written,
    ),
    Deviation(
        "a modified tensor is refused that the wanted gradients do not need",
        "grad and backward(inputs=) raise because of a saved tensor that only other gradients use",
        "undocumented",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = v0 * 2
        v2 = v0 * 3
        v3 = v1 * v2
        with torch.no_grad(): v2.mul_(2)
        v4 = gradient(v3.sum(), v2)
        """,
        recognise.modified_but_not_needed,
    ),
)
