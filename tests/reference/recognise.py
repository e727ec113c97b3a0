"""How each of torch's deviations recognises itself: in a statement, in what differs after it, and in how it does.

Where that could still be something else, the program without the statements that are to blame has to agree.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from .evidence import (
    agreed,
    all_tensors,
    ancestors,
    has_lost_something,
    has_new_history,
    is_empty,
    is_written_view,
    only_hooks,
    refused_by_torch,
    registrations,
    running,
    strides,
    unshown,
    without_flags,
)
from .lockstep import State, Step, same, state


def flag_of_base(step: Step) -> bool:
    """Views without history on the reference; on torch they require grad like their base, or refuse to say."""
    return agreed(step) and all_tensors(
        step,
        lambda tensor, ours, theirs, fields: (
            (ours.requires_grad, ours.is_leaf) == (False, True)
            and theirs.requires_grad is not False
            and unshown(theirs, fields) <= {"requires_grad", "is_leaf", "retains_grad"}
            and tensor._is_view()
            and tensor._base.requires_grad
        ),
    )


def history_of_view(step: Step) -> bool:
    """Views that have a node on torch only, which leads nowhere: their base does not require grad any more.

    Results of such views have one too; a program that is looked at in time shows nothing.
    """

    def is_such_view(name: str) -> bool:
        tensor = step.theirs.scope[name]
        return tensor._is_view() and not tensor._base.requires_grad

    return (
        agreed(step)
        and all_tensors(
            step,
            lambda tensor, ours, theirs, fields: (
                unshown(theirs, fields) == {"requires_grad", "is_leaf"}
                and (theirs.requires_grad, theirs.is_leaf) == (True, False)
            ),
        )
        and any(map(is_such_view, step.seen))
        and (all(map(is_such_view, step.seen)) or step.vanishes_without([]))
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


WRITE_TO_VIEW = r"(?:with .*: )?(v\d+)(?:\.(?:t|diagonal)\(\))?(?:\[.*\])?(?:\.\w+_\(| [+*]?= )"
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
    scope = step.theirs.scope
    hooks = [
        match
        for match in registrations(step, r"(v\d+)\.register_post_accumulate_grad_hook")
        if not scope[match[2]].requires_grad
    ]
    names = {match[1] for match in hooks}
    names |= {name for name in step.seen for match in hooks if scope[name] is scope[match[2]]}
    return (
        step.errors in ((None, None), (None, "AttributeError"))
        and bool(hooks)
        and set(step.seen) <= names
        and step.vanishes_without(match.string for match in hooks)
    )


def hook_of_former_value(step: Step) -> bool:
    """Hooks of a result that was detached in place and then made to require grad."""
    hooks = [
        match
        for pattern in (r"fresh\((v\d+)\)\.register_hook", MULTI)
        for match in registrations(step, pattern)
        if any(
            {f"{name}.detach_()", f"{name}.requires_grad_()"} <= set(step.lines)
            for name in match.groups()[1:]
        )
    ]
    return (
        agreed(step)
        and any(match[1] in step.seen for match in hooks)
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
    """The view, asked now, is no leaf; when it was written to, or asked not to require grad, it was taken for one."""
    touched = re.match(r"(v\d+)(\.requires_grad_\(False\)$)?", step.line)
    view = step.theirs.scope.get(touched[1]) if touched else None
    if touched is None or view is None or not view._is_view() or state(view, {}).is_leaf is not False:
        return False
    if touched[2]:
        return step.errors == ("RuntimeError", None) and not step.seen
    return refused_by_torch(step, "a leaf Variable that requires grad is being used in an in-place operation")


def freed_write_to_view(step: Step) -> bool:
    """A second backward passes a write to a view, and no function that has saved something and lost it."""
    if not refused_by_torch(step, "backward through the graph a second time"):
        return False
    nodes = running(step)
    return any(node.name().endswith("CopySlices") for node in nodes) and not any(
        has_lost_something(n) for n in nodes
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
    refusal = (
        r"(?:Output \d of \w+ is a view|A view was created in no_grad mode) and its|a view of a leaf Variable"
    )
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
        and re.search(r"\bable\(|gradients?\(|\.requires_grad_\((?:False)?\)|\.retain_grad\(\)", step.line)
        is not None
        and "history of a view cannot follow" in str(step.ours.error)
        and set(step.seen) <= ({made[1]} if made else set())
        and any(getattr(step.theirs.look().get(name), "is_leaf", None) == "refused" for name in names)
    )


def detached_inference_tensor(step: Step) -> bool:
    """It says that it is an inference tensor, and has a version nevertheless."""
    return (
        agreed(step)
        and step.line.endswith(".detach()")
        and all_tensors(
            step,
            lambda tensor, ours, theirs, fields: (
                fields == {"version"} and ours.version == "refused" and tensor.is_inference()
            ),
        )
    )


def layout(step: Step) -> bool:
    """What makes a view or a copy, as the layout allows, is applied to results that lie differently in memory."""
    made = [match for line in step.lines if (match := re.match(VIEW_OR_COPY, line))]
    names = {match[1] for match in made} | {match[2] for match in made}
    laid = {name for name in names if strides(step.ours, name) != strides(step.theirs, name)}
    if step.errors[0] or step.errors[1]:
        return ".view(" in step.line and "RuntimeError" in step.errors and made[-1][2] in laid
    return bool(laid) and all_tensors(
        step, lambda tensor, ours, theirs, fields: fields <= {"values", "version"}
    )


VIEW_OR_COPY = r"(v\d+) = (v\d+)\.(?:view|reshape|contiguous|flatten)\("


def saved_before_requiring_grad(step: Step) -> bool:
    """Derivatives have a history through a leaf that did not require grad when it was saved, and add to its .grad."""
    lines = [line for line in step.lines if re.match(r"v\d+\.requires_grad_\(\)$", line)]
    leaves = [step.theirs.scope.get(line.split(".")[0]) for line in lines]

    def is_touched(tensor: Any, ours: State, theirs: State, fields: set[str]) -> bool:
        if fields == {"grad"}:
            return any(tensor is leaf for leaf in leaves)
        return has_new_history(tensor, ours, theirs, fields)

    return (
        agreed(step)
        and any("create_graph=True" in line for line in step.lines)
        and all_tensors(step, is_touched)
        and step.vanishes_without(lines)
    )


def kept_where_nobody_looked(step: Step) -> bool:
    """What views keep, in a program in which nothing differs if it is looked at after every statement."""
    return (
        agreed(step)
        and all_tensors(
            step,
            lambda tensor, ours, theirs, fields: fields <= {"grad", "retains_grad"} and tensor._is_view(),
        )
        and step.vanishes_without([])
    )


def nothing_written(step: Step) -> bool:
    """Derivatives have no history behind a write to no elements at all. Without such writes nothing differs."""
    writes = [
        line for line in step.lines if (match := re.match(WRITE_TO_VIEW, line)) and is_empty(step, match[1])
    ]
    return (
        agreed(step)
        and bool(writes)
        and any("create_graph=True" in line for line in step.lines)
        and step.vanishes_without(writes)
    )


def modified_but_not_needed(step: Step) -> bool:
    """Had all gradients been asked for, the reference would have refused too."""
    return (
        refused_by_torch(step, "has been modified by an inplace operation")
        and step.with_all_inputs() == "RuntimeError"
    )
