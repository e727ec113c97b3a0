"""Modules: what they register, how they are walked through, found in, changed and converted."""

from __future__ import annotations

import pytest

from reference_impls import Reference


def layer(torch, *values):
    """A module with a parameter and a buffer."""

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(list(values) or [1.0]))
            self.register_buffer("count", torch.tensor([2]))

        def forward(self, x):
            return self.weight * x

    return Layer()


def nested(torch):
    """A module with two inside, the second of which holds the first once more."""
    outer, inner = layer(torch), layer(torch)
    inner.again = outer.first = layer(torch)
    outer.second = inner
    return outer


def names(pairs):
    return [name for name, _ in pairs]


# Registration


def test_assignment_registers(torch):
    """By the kind of value: a list, a tensor or a number is an attribute like any other."""
    m = torch.nn.Module()
    m.b, m.a = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    m.state, m.inside = torch.nn.Buffer(torch.ones(1)), torch.nn.Module()
    m.plain, m.several, m.number = torch.ones(1), [torch.nn.Module()], 3
    assert names(m.named_parameters()) == ["b", "a"] and names(m.named_buffers()) == ["state"]
    assert names(m.named_children()) == ["inside"] and m.number == 3


def test_one_name_is_of_one_kind(torch):
    """What is assigned takes the place of what had the name, whatever that was."""
    m = torch.nn.Module()
    for value, named in (
        (torch.nn.Buffer(torch.ones(1)), m.named_buffers),
        (torch.nn.Module(), m.named_children),
        (torch.nn.Parameter(torch.ones(1)), m.named_parameters),
    ):
        m.thing = value
        kinds = (m.named_buffers, m.named_children, m.named_parameters)
        assert [names(each()) for each in kinds] == [["thing"] if each == named else [] for each in kinds]
        assert m.thing is value


def test_plain_attributes_make_way():
    """Whatever is registered replaces one."""
    torch = Reference().torch
    for value in (torch.nn.Parameter(torch.ones(1)), torch.nn.Buffer(torch.ones(1)), torch.nn.Module()):
        m = torch.nn.Module()
        m.thing = None
        m.thing = value
        assert m.thing is value and "thing" not in vars(m)


def test_a_registered_name_takes_its_kind_only(torch):
    """None is allowed, and a tensor for a buffer; a tensor for a parameter is not."""
    m = nested(torch)
    for name in ("weight", "second", "count"):
        with pytest.raises(TypeError):
            setattr(m, name, 3.0)
    with pytest.raises(TypeError):
        m.weight = torch.ones(1)
    m.count = torch.tensor([5])
    m.weight = m.second = None
    assert dict(m.named_buffers(recurse=False))["count"].tolist() == [5]
    assert m.weight is None and names(m.named_parameters()) == ["first.weight"]
    assert names(m.named_children()) == ["first"]


def test_replaced_members_keep_their_place(torch):
    """A member keeps its place, until it is deleted."""
    m = torch.nn.Module()
    for name in "abc":
        setattr(m, name, torch.nn.Module())
    m.a = torch.nn.Module()
    assert names(m.named_children()) == ["a", "b", "c"]
    del m.a
    m.a = torch.nn.Module()
    assert names(m.named_children()) == ["b", "c", "a"]


def test_deleted_members_are_gone(torch):
    """Also from the names that are not saved."""
    m = layer(torch)
    m.register_buffer("scratch", torch.ones(1), persistent=False)
    del m.weight, m.scratch
    assert not hasattr(m, "weight") and list(m.state_dict()) == ["count"]
    m.register_parameter("scratch", torch.nn.Parameter(torch.ones(1)))
    assert list(m.state_dict()) == ["scratch", "count"]
    with pytest.raises(AttributeError):
        del m.weight


@pytest.mark.parametrize(
    ("name", "error"), [("", KeyError), ("a.b", KeyError), ("forward", KeyError), (3, TypeError)]
)
def test_refuses_names(torch, name, error):
    """A name is a word without a dot that nothing else has."""
    m = layer(torch)
    for register, value in (
        (m.register_parameter, torch.nn.Parameter(torch.ones(1))),
        (m.register_buffer, torch.ones(1)),
        (m.add_module, torch.nn.Module()),
    ):
        with pytest.raises(error):
            register(name, value)


def test_refuses_what_is_no_member(torch):
    """A tensor is no parameter, and a function no module."""
    m = torch.nn.Module()
    for register, value in (
        (m.register_parameter, torch.ones(1)),
        (m.register_buffer, 3),
        (m.add_module, len),
    ):
        with pytest.raises(TypeError):
            register("thing", value)


def test_nothing_before_init(torch):
    """A module whose own `__init__` has not run holds nothing."""

    class Early(torch.nn.Module):
        def __init__(self, value):
            self.thing = value

    for value in (torch.nn.Parameter(torch.ones(1)), torch.nn.Module(), torch.nn.Buffer(torch.ones(1))):
        with pytest.raises(AttributeError):
            Early(value)


# Walking


def test_order_of_a_walk(torch):
    """The outer one first, in the order of assignment, each once."""
    m = nested(torch)
    assert names(m.named_modules()) == ["", "first", "second"]
    assert names(m.named_modules(remove_duplicate=False)) == ["", "first", "second", "second.again"]
    assert names(m.named_modules(prefix="net")) == ["net", "net.first", "net.second"]
    assert list(m.modules()) == [m, m.first, m.second] and list(m.children()) == [m.first, m.second]


def test_shared_members_are_named_once(torch):
    """A parameter that is in two places, too; all places can be asked for."""
    m = nested(torch)
    assert names(m.named_parameters()) == ["weight", "first.weight", "second.weight"]
    assert names(m.named_parameters(recurse=False, prefix="net")) == ["net.weight"]
    assert names(m.named_buffers()) == ["count", "first.count", "second.count"]
    assert names(m.named_buffers(remove_duplicate=False))[-1] == "second.again.count"
    m.second.weight = m.weight
    assert names(m.named_parameters()) == ["weight", "first.weight"]
    assert len(list(m.parameters())) == 2
    assert names(m.named_parameters(remove_duplicate=False))[2:] == ["second.weight", "second.again.weight"]


# Finding


def test_dotted_paths(torch):
    """An empty path is the module itself; what is of another kind is not found."""
    m = nested(torch)
    assert m.get_submodule("") is m and m.get_submodule("second.again") is m.first
    assert m.get_parameter("second.again.weight") is m.first.weight
    assert m.get_buffer("second.count") is m.second.count
    for find, path in (
        (m.get_submodule, "third"),
        (m.get_submodule, "first.weight"),
        (m.get_parameter, "first.count"),
        (m.get_parameter, "first"),
        (m.get_buffer, "weight"),
    ):
        with pytest.raises(AttributeError):
            find(path)


def test_set_submodule(torch):
    """A last name may be new unless that is refused; a path to it has to exist, and is never a parameter's."""
    m, new = nested(torch), torch.nn.Module()
    m.set_submodule("second.again", new)
    assert m.second.again is new and m.first is not new
    m.set_submodule("second.third", new)
    assert m.second.third is new
    for path, strict in (("second.fourth", True), ("third.again", False), ("first.weight", False)):
        with pytest.raises(AttributeError):
            m.set_submodule(path, new, strict=strict)
    for path, value in (("", new), ("first", 3)):
        with pytest.raises(ValueError):
            m.set_submodule(path, value)


# Changing all of them


def test_apply_goes_inside_first(torch):
    """The module itself comes last; a module in two places is met in both."""
    m, met = nested(torch), []
    assert m.apply(met.append) is m
    assert met == [m.first, m.first, m.second, m]


def test_modes_reach_all(torch):
    """Training is a mode of every module inside, and nothing but a bool."""
    m = nested(torch)
    assert m.eval() is m and not any(each.training for each in m.modules())
    m.second.train()
    assert [each.training for each in m.modules()] == [False, True, True]
    with pytest.raises(ValueError):
        m.train(1)


def test_gradients_are_dropped_or_zeroed(torch):
    """They become None, or zeros in the same memory."""
    m = layer(torch, 1.0, 2.0)
    m(torch.ones(2)).sum().backward()
    held = m.weight.grad
    m.zero_grad(set_to_none=False)
    assert m.weight.grad is held and held.tolist() == [0, 0]
    m.zero_grad()
    assert m.weight.grad is None
    m.zero_grad(set_to_none=False)
    assert m.weight.grad is None


def test_requires_grad_of_all(torch):
    """Buffers have no part in it."""
    m = nested(torch)
    assert m.requires_grad_(False) is m and not any(each.requires_grad for each in m.parameters())
    assert all(each.requires_grad for each in m.requires_grad_().parameters())
    assert not m.count.requires_grad


# Conversion


def test_conversion_keeps_the_parameters(torch):
    """They stay the same objects, their gradients come along, and whole numbers stay whole."""
    m = layer(torch, 0.1, 0.2)
    weight = m.weight
    m(torch.ones(2)).sum().backward()
    assert m.to(torch.bfloat16) is m and m.weight is weight
    assert weight.dtype is weight.grad.dtype is torch.bfloat16 and m.count.dtype is torch.int64
    assert weight.is_leaf and weight.requires_grad
    assert m.double().weight.tolist() == [0.10009765625, 0.2001953125]


@pytest.mark.parametrize("name", ["float", "double", "half", "bfloat16"])
def test_conversion_by_name(torch, name):
    dtype = {"float": "float32", "double": "float64", "half": "float16"}.get(name, name)
    m = nested(torch)
    assert getattr(m, name)() is m
    assert {each.dtype for each in m.parameters()} == {getattr(torch, dtype)}
    assert {each.dtype for each in m.buffers()} == {torch.int64}


def test_conversion_to_what_is_no_floating_number(torch):
    """`to` takes floating and complex dtypes; `type` converts everything to any."""
    m = layer(torch)
    with pytest.raises(TypeError):
        m.to(torch.int64)
    assert m.to(torch.ones(1, dtype=torch.float64)).weight.dtype is torch.float64
    assert m.requires_grad_(False).type(torch.float32).count.dtype is torch.float32


def test_empty_members_keep_their_shapes(torch):
    m = nested(torch)
    weight, inner = m.weight, m.first.count
    assert m.to_empty(device="cpu", recurse=False) is m and m.weight is weight
    assert weight.shape == (1,) and m.first.count is inner


def test_repr_shows_the_tree(torch):
    """The outer one's own words come first, then what is inside, indented."""

    class Named(torch.nn.Module):
        def extra_repr(self):
            return "size=3"

    m = Named()
    assert repr(m) == "Named(size=3)" and repr(torch.nn.Module()) == "Module()"
    m.inner = torch.nn.Module()
    m.inner.leaf = Named()
    assert repr(m) == "Named(\n  size=3\n  (inner): Module(\n    (leaf): Named(size=3)\n  )\n)"
