"""Where torch does in a random program what its documentation does not say: one table.

An entry recognises itself in a statement, in what differs after it, and in how it differs; where that could still
be something else, also by a program without the statements that are to blame, in which nothing differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from .lockstep import State, Step, same

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


def explain(step: Step | None) -> str | None:
    """The deviation that accounts for all of a difference."""
    return next((d.name for d in DEVIATIONS if d.explains(step)), None) if step else None


# What differs ----------------------------------------------------------------------------------------------


def agreed(step: Step) -> bool:
    """Whether both accepted the statement."""
    return step.errors == (None, None)


def refused_by_torch(step: Step, *words: str) -> bool:
    return step.errors == (None, "RuntimeError") and all(word in str(step.theirs.error) for word in words)


def all_tensors(step: Step, test: Callable[[Any, State, State, set[str]], bool]) -> bool:
    """Whether only tensors differ, and all pass a test: torch's tensor, both states, the differing fields."""
    if not step.seen or not all(isinstance(state, State) for pair in step.seen.values() for state in pair):
        return False
    return all(
        test(step.theirs.scope[name], ours, theirs, {f for f in State._fields if differ(ours, theirs, f)})
        for name, (ours, theirs) in step.seen.items()
    )


def differ(ours: State, theirs: State, field: str) -> bool:
    return not same(getattr(ours, field), getattr(theirs, field))


def only_hooks(step: Step, names: Iterable[str]) -> bool:
    """Whether nothing but the calls of these hooks differ."""
    return agreed(step) and bool(step.seen) and set(step.seen) <= set(names)


# How the program came there --------------------------------------------------------------------------------


def registrations(step: Step, pattern: str) -> list[re.Match]:
    """The statements that register hooks in this way; the groups are the hook and its tensors."""
    found = (re.match(r"(h\d+) = " + pattern, line) for line in step.lines)
    return [match for match in found if match and match[2] in step.theirs.scope]


def ancestors(step: Step, name: str) -> list[str]:
    """A tensor, what it was made from, what that was made from, …"""
    made = re.search(rf"^(?:with .*: )?{name} = (v\d+)[.[]", "\n".join(step.lines), re.MULTILINE)
    return [name, *ancestors(step, made[1])] if made else [name]


# The predicates --------------------------------------------------------------------------------------------


def flag_of_base(step: Step) -> bool:
    """Views without history on the reference; on torch they require grad like their base, or refuse to say."""
    return agreed(step) and all_tensors(
        step,
        lambda tensor, ours, theirs, fields: (
            (ours.requires_grad, ours.is_leaf) == (False, True)
            and theirs.requires_grad is not False
            and fields <= {"requires_grad", "is_leaf", "retains_grad"}
            and tensor._is_view()
            and tensor._base.requires_grad
        ),
    )


def history_of_view(step: Step) -> bool:
    """Views that have a node on torch only, which leads nowhere: their base does not require grad any more."""
    return agreed(step) and all_tensors(
        step,
        lambda tensor, ours, theirs, fields: (
            fields == {"requires_grad", "is_leaf"}
            and (theirs.requires_grad, theirs.is_leaf) == (True, False)
            and tensor._is_view()
            and not tensor._base.requires_grad
        ),
    )


def expanded_memory(step: Step) -> bool:
    """A write to an expanded tensor, or to a part of one."""
    written = re.match(r"(?:with .*: )?(v\d+)", step.line)
    return (
        step.errors == ("RuntimeError", None)
        and written is not None
        and any(
            stride == 0 and size > 1
            for tensor in (step.theirs.scope.get(name) for name in ancestors(step, written[1]))
            if tensor is not None
            for stride, size in zip(tensor.stride(), tensor.shape, strict=True)
        )
        and all_tensors(step, lambda tensor, ours, theirs, fields: bool(fields & {"values", "version"}))
    )


WRITE_TO_VIEW = r"(?:with .*: )?v\d+(?:\.(?:t|diagonal)\(\))?(?:\[.*\])?(?:\.\w+_\(| [+*]?= )"
MULTI = r"torch\.autograd\.graph\.register_multi_grad_hook\(\[fresh\(t\) for t in \((v\d+), (v\d+)\)"


def multi_hook_at_root(step: Step) -> bool:
    """Backward starts at one of the hook's tensors."""
    found = re.search(r"(?:^|: )(v\d+)\.backward\(|gradient\((v\d+), v", step.line)
    if found is None:
        return False
    scope = step.theirs.scope
    root = scope[found[1] or found[2]]
    hooks = [m for m in registrations(step, MULTI) if any(scope.get(name) is root for name in m.groups()[1:])]
    return only_hooks(step, (match[1] for match in hooks))


def multi_hook_in_grad(step: Step) -> bool:
    return refused_by_torch(step, "_will_engine_execute_node", "running autograd.grad()")


def grad_with_history(step: Step) -> bool:
    """What was asked for without create_graph has a history through ``grad_outputs`` that require grad.

    Hooks may see it too: other flags with the same numbers.
    """
    made = re.match(r"(v\d+) = gradient\(v\d+, v\d+, grad_outputs=(v\d+), retain_graph=True\)", step.line)
    if made is None or not agreed(step) or not step.theirs.scope[made[2]].requires_grad:
        return False
    hooks = {name for name in step.seen if name[0] == "h"}
    tensors = replace(step, seen={name: pair for name, pair in step.seen.items() if name not in hooks})
    return (
        set(tensors.seen) <= {made[1]}
        and all(same(*map(without_flags, step.seen[name])) for name in hooks)
        and (not tensors.seen or all_tensors(tensors, has_new_history))
    )


def has_new_history(tensor: Any, ours: State, theirs: State, fields: set[str]) -> bool:
    return fields == {"requires_grad", "is_leaf"} and (theirs.requires_grad, theirs.is_leaf) == (True, False)


def without_flags(calls: Any) -> Any:
    """What hooks noted, without whether it required grad."""
    if isinstance(calls, tuple):
        return calls[0]
    return [without_flags(call) for call in calls] if isinstance(calls, list) else calls


def kept_before_prehook(step: Step) -> bool:
    """Kept gradients lack what a hook before the node made of them."""
    hooks = registrations(step, r"(v\d+)\.grad_fn\.register_prehook\(seen\('h\d+', lambda")
    hooked = [step.theirs.scope[match[2]] for match in hooks]
    return (
        agreed(step)
        and all_tensors(
            step, lambda tensor, ours, theirs, fields: fields == {"grad"} and any(tensor is t for t in hooked)
        )
        and step.vanishes_without(match.string for match in hooks)
    )


def is_written_view(tensor: Any) -> bool:
    return tensor is not None and tensor._is_view() and tensor._version > 0


def hook_of_written_view(step: Step) -> bool:
    """Hooks of views that were written to since, or of their nodes, are called less often, or with less."""
    hooks = [
        match
        for match in registrations(step, r"(?:fresh\()?(v\d+)\)?\.(?:grad_fn\.)?register_(?:pre)?hook")
        if is_written_view(step.theirs.scope[match[2]])
    ] + [
        match
        for match in registrations(step, MULTI)
        if any(is_written_view(step.theirs.scope.get(name)) for name in match.groups()[1:])
    ]
    return (
        agreed(step)
        and any(match[1] in step.seen for match in hooks)
        and step.vanishes_without(match.string for match in hooks)
    )


def accumulated_nothing(step: Step) -> bool:
    """A post-accumulate hook of a leaf that does not require grad any more is called."""
    hooks = [
        match
        for match in registrations(step, r"(v\d+)\.register_post_accumulate_grad_hook")
        if not step.theirs.scope[match[2]].requires_grad
    ]
    return (
        step.errors in ((None, None), (None, "AttributeError"))
        and bool(hooks)
        and set(step.seen) <= {name for match in hooks for name in (match[1], match[2])}
        and step.vanishes_without(match.string for match in hooks)
    )


def saved_and_detached(step: Step) -> bool:
    return refused_by_torch(step, "saved tensor that has been detached in-place")


def kept_after_detach(step: Step) -> bool:
    """A tensor that had its gradient kept gets one although it was detached."""
    return agreed(step) and all_tensors(
        step,
        lambda tensor, ours, theirs, fields: (
            fields == {"grad"}
            and not tensor.requires_grad
            and any(step.theirs.scope.get(line.removesuffix(".detach_()")) is tensor for line in step.lines)
        ),
    )


def written_after_detach(step: Step) -> bool:
    return refused_by_torch(step, "old_fn INTERNAL ASSERT FAILED")


def stale_view(step: Step) -> bool:
    """The view, asked now, is no leaf."""
    written = re.match(r"(v\d+)", step.line)
    return (
        refused_by_torch(step, "a leaf Variable that requires grad is being used in an in-place operation")
        and written is not None
        and (view := step.theirs.scope.get(written[1])) is not None
        and view._is_view()
        and not view.is_leaf
    )


def freed_write_to_view(step: Step) -> bool:
    """A second backward passes a write to a view. Without such writes there is no difference."""
    writes = [line for line in step.lines if re.match(WRITE_TO_VIEW, line)]
    return refused_by_torch(step, "backward through the graph a second time") and step.vanishes_without(
        writes
    )


def refused_but_done(step: Step) -> bool:
    """Inference tensors have new values after a write to one of them that both refused."""
    return (
        step.errors == ("RuntimeError", "RuntimeError")
        and "Inplace update to inference tensor outside InferenceMode" in str(step.theirs.error)
        and all_tensors(
            step, lambda tensor, ours, theirs, fields: fields == {"values"} and tensor.is_inference()
        )
    )


def other_reason(step: Step) -> bool:
    """An index is out of range, and a view cannot be used: both refuse, for one of the two reasons."""
    refusal = r"Output \d of \w+ is a view and its base or another view|a view of a leaf Variable that requires grad"
    return (
        step.errors == ("IndexError", "RuntimeError")
        and re.match(refusal, str(step.theirs.error)) is not None
        and not step.seen
    )


def captured_before_hook(step: Step) -> bool:
    """Of several inputs one is a result that the other depends on, and its hook returns another gradient."""
    asked = re.search(r"^(v\d+) = gradients\(.*, \[(v\d+), (v\d+)\]", step.line)
    if asked is None or not agreed(step) or list(step.seen) != [asked[1]]:
        return False
    inputs = [step.theirs.scope[name] for name in asked.groups()[1:]]
    hooks = [
        match
        for match in registrations(step, r"fresh\((v\d+)\)\.register_hook\(seen\('h\d+', ")
        if any(step.theirs.scope[match[2]] is t and not t.is_leaf for t in inputs)
    ]
    return bool(hooks) and step.vanishes_without(match.string for match in hooks)


def stale_view_asked(step: Step) -> bool:
    """Only whether it requires grad was asked of a view that cannot follow its base."""
    names = set(re.findall(r"v\d+", step.line))
    made = re.match(r"(v\d+) = ", step.line)
    return (
        step.errors == ("RuntimeError", None)
        and re.search(r"\bable\(|gradients?\(|\.requires_grad_\(\)|\.retain_grad\(\)", step.line) is not None
        and "history of a view cannot follow" in str(step.ours.error)
        and set(step.seen) <= ({made[1]} if made else set())
        and any(getattr(step.theirs.look().get(name), "is_leaf", None) == "refused" for name in names)
    )


def modified_but_not_needed(step: Step) -> bool:
    """Had all gradients been asked for, the reference would have refused too."""
    return (
        refused_by_torch(step, "has been modified by an inplace operation")
        and step.with_all_inputs() == "RuntimeError"
    )


DEVIATIONS = (
    Deviation(
        "a view requires grad because its base does",
        "a view made under no_grad, or before its base was made to require grad, requires grad",
        DOCUMENTS + "generated/torch.no_grad.html: no result requires grad; pytorch#11390",
        """
        v0 = torch.ones(2, requires_grad=True)
        with torch.no_grad(): v1 = v0[:1]
        """,
        flag_of_base,
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
        history_of_view,
    ),
    Deviation(
        "expanded memory is written",
        "filling, assignment by index and writes to a part are not refused where several elements share memory",
        DOCUMENTS + "generated/torch.Tensor.expand.html: to write, clone first",
        """
        v0 = torch.ones(1).expand(2)
        v0.zero_()
        """,
        expanded_memory,
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
        multi_hook_at_root,
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
        multi_hook_in_grad,
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
        grad_with_history,
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
        kept_before_prehook,
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
        hook_of_written_view,
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
        accumulated_nothing,
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
        saved_and_detached,
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
        kept_after_detach,
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
        written_after_detach,
    ),
    Deviation(
        "a view does not know that its base has a history now",
        "a write to a view is refused as to a leaf, unless its grad_fn was looked at since its base was written to",
        DOCUMENTS + "generated/torch.Tensor.is_leaf.html: it is none, being the result of an operation",
        """
        v0 = torch.ones(2, requires_grad=True)
        v1 = torch.ones(2)
        v2 = v1[:1]
        v1.add_(v0)
        v2.mul_(2)
        """,
        stale_view,
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
        freed_write_to_view,
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
        other_reason,
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
        captured_before_hook,
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
        stale_view_asked,
    ),
    Deviation(
        "a refused write to an inference tensor is done",
        "the operator raises after it has written",
        "https://docs.pytorch.org/cppdocs/notes/inference_mode.html: not allowed outside of inference mode",
        """
        with torch.inference_mode(): v0 = torch.ones(2) * 2
        v0.mul_(2)
        """,
        refused_but_done,
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
        modified_but_not_needed,
    ),
)
