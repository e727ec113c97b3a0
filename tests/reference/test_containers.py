"""Modules and parameters in lists and dictionaries."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from reference_impls import Reference

REF = Reference()


def adding(torch, n):
    """A module that adds a number."""

    class Adding(torch.nn.Module):
        def forward(self, x):
            return 10 * x + n

    module = Adding()
    module.n = n
    return module


def numbers(modules):
    return [module.n for module in modules]


def values(parameters):
    return [each.item() for each in parameters]


@pytest.fixture(params=["ModuleList", "Sequential"])
def several(request, torch):
    """Three modules, in either list of modules."""
    made = [adding(torch, n) for n in (1, 2, 3)]
    return torch.nn.ModuleList(made) if request.param == "ModuleList" else torch.nn.Sequential(*made)


# Lists of modules


def test_places_are_names(several):
    assert [name for name, _ in several.named_children()] == ["0", "1", "2"]
    assert len(several) == 3 and numbers(several) == [1, 2, 3]


def test_reading_a_list(several):
    """A negative index counts from the end, a slice is a container of the same kind."""
    assert several[-1].n == 3 and several[1] is list(several)[1]
    assert type(several[1:]) is type(several) and numbers(several[1:]) == [2, 3]
    assert numbers(several[::-2]) == [3, 1]
    with pytest.raises(IndexError):
        several[3]


def test_writing_a_list(torch, several):
    several[-3] = adding(torch, 9)
    assert numbers(several) == [9, 2, 3]
    with pytest.raises(IndexError):
        several[3] = adding(torch, 4)


def test_what_follows_moves_up(several):
    """After a deletion the places are counted anew."""
    del several[0]
    assert [name for name, _ in several.named_children()] == ["0", "1"] and numbers(several) == [2, 3]
    del several[-1:]
    assert numbers(several) == [2]


def test_growing_a_list(torch, several):
    """At the end, in the middle, by another list; adding two makes a third."""
    assert several.append(adding(torch, 4)) is several
    assert several.extend([adding(torch, 5)]) is several
    several.insert(1, adding(torch, 8))
    assert numbers(several) == [1, 8, 2, 3, 4, 5]
    longer = several + several
    assert len(longer) == 12 and len(several) == 6 and type(longer) is type(several)
    several += longer[:1]
    assert numbers(several)[-1] == 1 and len(several) == 7


@pytest.mark.parametrize(("index", "found"), [(-1, [1, 8, 2]), (-5, [8, 1, 2]), (5, [1, 2, 8])])
def test_inserted_where_a_list_would(index, found):
    """An index may count from the end, and lie beyond either."""
    several = REF.torch.nn.ModuleList(adding(REF.torch, n) for n in (1, 2))
    several.insert(index, adding(REF.torch, 8))
    assert numbers(several) == found
    assert [name for name, _ in several.named_children()] == ["0", "1", "2"]


def test_extended_by_itself():
    several = REF.torch.nn.ModuleList(adding(REF.torch, n) for n in (1, 2))
    assert numbers(several.extend(several)) == [1, 2, 1, 2]


def test_deleted_parameters():
    """What follows moves up, whether it is a parameter or not."""
    m = REF.torch.nn.ParameterList([REF.torch.tensor(1.0), "word", REF.torch.tensor(3.0)])
    del m[0]
    assert m[0] == "word" and m[1].item() == 3 and len(m) == 2
    assert [name for name, _ in m.named_parameters()] == ["1"]


def test_pop(several):
    assert several.pop(-2).n == 2 and numbers(several) == [1, 3]


# Sequential


def test_one_after_the_other(torch):
    three = torch.nn.Sequential(*(adding(torch, n) for n in (1, 2, 3)))
    assert three(0) == 123 and torch.nn.Sequential()(5) == 5
    assert three[1:](0) == 23


def test_named_parts(torch):
    """A dictionary names the parts, which a slice keeps, and an index finds by place."""
    m = torch.nn.Sequential(OrderedDict(a=adding(torch, 1), b=adding(torch, 2)))
    assert m.a.n == 1 and m[1] is m.b
    assert [name for name, _ in m[1:].named_children()] == ["b"]
    m[0] = adding(torch, 9)
    assert [name for name, _ in m.named_children()] == ["a", "b"] and m(0) == 92


def test_repeated(torch):
    """The same modules in turn, at least once, a whole number of times."""
    m = torch.nn.Sequential(adding(torch, 1), adding(torch, 2))
    assert (2 * m)(0) == (m * 2)(0) == 1212 and m(0) == 12 and len(list((m * 2).children())) == 2
    m *= 2
    assert m(0) == 1212
    for times, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError)):
        with pytest.raises(error):
            m * times
        with pytest.raises(error):
            m *= times


# A dictionary of modules


def test_dictionary_of_modules(torch):
    """It keeps the order in which keys came."""
    m = torch.nn.ModuleDict({"b": adding(torch, 1), "a": adding(torch, 2)})
    m["c"] = adding(torch, 3)
    assert list(m) == list(m.keys()) == ["b", "a", "c"] and numbers(m.values()) == [1, 2, 3]
    assert "a" in m and "d" not in m and len(m) == 3 and m.a is m["a"]
    m.update([("a", adding(torch, 5)), ("d", adding(torch, 4))])
    assert [(key, module.n) for key, module in m.items()] == [("b", 1), ("a", 5), ("c", 3), ("d", 4)]
    assert m.pop("b").n == 1 and list(m) == ["a", "c", "d"]
    del m["d"]
    with pytest.raises(KeyError):
        m["d"]
    m.clear()
    assert not len(m)


def test_containers_hold_modules_only(torch):
    for made in (torch.nn.ModuleList(), torch.nn.Sequential()):
        with pytest.raises(TypeError):
            made.append(torch.ones(1))
    with pytest.raises(TypeError):
        torch.nn.ModuleDict()["a"] = 3


# Parameters


def test_list_of_parameters(torch):
    """Tensors become parameters, parameters stay what they are, and anything else is kept beside them."""
    own = torch.nn.Parameter(torch.tensor(1.0), requires_grad=False)
    m = torch.nn.ParameterList([own, torch.tensor(2.0)])
    assert m[0] is own and m[1].requires_grad and isinstance(m[1], torch.nn.Parameter)
    m.append("word").extend([torch.tensor(4.0)])
    assert [name for name, _ in m.named_parameters()] == ["0", "1", "3"] and m[2] == "word" and len(m) == 4
    m += [torch.tensor(5.0)]
    assert values(m[3:]) == [4, 5] and isinstance(m[3:], torch.nn.ParameterList)
    m[-1] = torch.tensor(6.0)
    assert values(m[-2:]) == [4, 6] and len(list(m)) == 5
    for wrong in (5, -6):
        with pytest.raises(IndexError):
            m[wrong]


def test_a_parameter_makes_way():
    """Where a parameter was, something else can stand."""
    for m, key in ((REF.torch.nn.ParameterDict({"a": 1}), "a"), (REF.torch.nn.ParameterList([1]), 0)):
        for value in (REF.torch.tensor(2.0), 3):
            m[key] = value
        assert m[key] == 3 and not list(m.parameters())


def test_dictionary_of_parameters(torch):
    """It keeps the order of its keys, and has the methods of a dictionary."""
    m = torch.nn.ParameterDict({"b": torch.tensor(1.0)})
    m["a"] = torch.tensor(2.0)
    assert list(m) == list(m.keys()) == ["b", "a"] and list(reversed(m)) == ["a", "b"]
    assert values(m.values()) == [1, 2] and "a" in m and "c" not in m and len(m) == 2
    assert m.get("c") is None and m.get("c", 5) == 5 and m.setdefault("b", 7) is m["b"]
    assert m.setdefault("c", torch.tensor(3.0)) is m["c"] and [key for key, _ in m.items()] == ["b", "a", "c"]
    assert m.pop("b").item() == 1 and m.popitem()[0] == "c" and list(m) == ["a"]
    del m["a"]
    assert not len(m) and not list(m.parameters())


def test_missing_key():
    m = REF.torch.nn.ParameterDict({"a": 1})
    for ask in (m.__getitem__, m.__delitem__, m.pop):
        with pytest.raises(KeyError):
            ask("b")


def test_joined_dictionaries(torch):
    """The right one wins; in place only where that is asked for."""
    one = torch.nn.ParameterDict({"a": torch.tensor(1.0), "b": torch.tensor(2.0)})
    other = torch.nn.ParameterDict({"b": torch.tensor(3.0), "c": torch.tensor(4.0)})
    joined = one | other
    assert list(joined) == ["a", "b", "c"] and values(joined.values()) == [1, 3, 4] and len(one) == 2
    twin = one.copy()
    one |= other
    assert values(one.values()) == [1, 3, 4] and list(twin) == ["a", "b"] and twin["a"] is one["a"]
    one.clear()
    assert not len(one) and len(twin) == 2


def test_dictionary_from_keys(torch):
    m = torch.nn.ParameterDict().fromkeys(["a", "b"], 3)
    assert isinstance(m, torch.nn.ParameterDict) and dict(m.items()) == {"a": 3, "b": 3}
