"""Modules that hold others, or parameters, in a list or a dictionary."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reference import Reference


def for_module(ref: Reference, module: Any) -> dict[str, Any]:
    """The containers of a reference, whose modules are ``module``."""
    tensor, modules = ref.Tensor, module

    class ModuleList(modules):  # type: ignore[misc, valid-type]
        """Modules in a list, named by their places."""

        def __init__(self, modules: Iterable[Any] | None = None) -> None:
            super().__init__()
            self.extend(modules or ())

        def _become(self, modules: Iterable[Any]) -> None:
            held = list(modules)
            self._modules.clear()
            for place, module in enumerate(held):
                self.add_module(str(place), module)

        def __len__(self) -> int:
            return len(self._modules)

        def __iter__(self) -> Iterator[Any]:
            return iter(self._modules.values())

        def __getitem__(self, index: Any) -> Any:
            found = list(self)[index]
            return type(self)(found) if isinstance(index, slice) else found

        def __setitem__(self, index: int, module: Any) -> None:
            self.add_module(str(range(len(self))[index]), module)

        def __delitem__(self, index: Any) -> None:
            held = list(self)
            del held[index]
            self._become(held)

        def __iadd__(self, modules: Iterable[Any]) -> Any:
            return self.extend(modules)

        def __add__(self, other: Iterable[Any]) -> Any:
            return type(self)([*self, *other])

        def append(self, module: Any) -> Any:
            return self.extend([module])

        def extend(self, modules: Iterable[Any]) -> Any:
            free = (str(place) for place in count(len(self)) if str(place) not in self._modules)
            for module in list(modules):
                self.add_module(next(free), module)
            return self

        def insert(self, index: int, module: Any) -> None:
            held = list(self)
            held.insert(index, module)
            self._become(held)

        def pop(self, key: Any) -> Any:
            found = self[key]
            del self[key]
            return found

    class ModuleDict(modules):  # type: ignore[misc, valid-type]
        """Modules in a dictionary."""

        def __init__(self, modules: Any = None) -> None:
            super().__init__()
            self.update(modules or {})

        def __len__(self) -> int:
            return len(self._modules)

        def __iter__(self) -> Iterator[str]:
            return iter(self._modules)

        def __contains__(self, key: str) -> bool:
            return key in self._modules

        def __getitem__(self, key: str) -> Any:
            return self._modules[key]

        def __setitem__(self, key: str, module: Any) -> None:
            self.add_module(key, module)

        def __delitem__(self, key: str) -> None:
            del self._modules[key]

        def clear(self) -> None:
            self._modules.clear()

        def pop(self, key: str) -> Any:
            return self._modules.pop(key)

        def keys(self) -> Any:
            return self._modules.keys()

        def values(self) -> Any:
            return self._modules.values()

        def items(self) -> Any:
            return self._modules.items()

        def update(self, modules: Any) -> None:
            for key, module in _pairs(modules):
                self[key] = module

    class Sequential(ModuleList):
        """Modules one after the other."""

        def __init__(self, *modules: Any) -> None:
            super().__init__()
            if len(modules) == 1 and isinstance(modules[0], OrderedDict):
                for name, module in modules[0].items():
                    self.add_module(name, module)
            else:
                self.extend(modules)

        def forward(self, input: Any) -> Any:
            for module in self:
                input = module(input)
            return input

        def __getitem__(self, index: Any) -> Any:
            if isinstance(index, slice):
                return type(self)(OrderedDict(list(self._modules.items())[index]))
            return list(self)[index]

        def __setitem__(self, index: int, module: Any) -> None:
            self.add_module(list(self._modules)[index], module)

        def __add__(self, other: Iterable[Any]) -> Any:
            return type(self)(*self, *other)

        def __mul__(self, times: int) -> Any:
            return type(self)(*chain.from_iterable([self] * self._times(times)))

        __rmul__ = __mul__

        def __imul__(self, times: int) -> Any:
            return self.extend(chain.from_iterable([list(self)] * (self._times(times) - 1)))

        @staticmethod
        def _times(times: Any) -> int:
            if not isinstance(times, int):
                raise TypeError(f"a Sequential is repeated a whole number of times, not {times!r}")
            if times <= 0:
                raise ValueError(f"a Sequential is repeated at least once, not {times} times")
            return times

        def insert(self, index: int, module: Any) -> Any:
            super().insert(index, module)
            return self

    def hold(holder: Any, name: str, value: Any) -> None:
        """Puts a value into a container of parameters: a tensor becomes a parameter, and what is none stays."""
        parameter = ref.torch.nn.Parameter
        if isinstance(value, tensor) and not isinstance(value, parameter):
            value = parameter(value)
        if not isinstance(value, parameter):
            holder._parameters.pop(name, None)
        setattr(holder, name, value)

    class ParameterList(modules):  # type: ignore[misc, valid-type]
        """Parameters in a list, named by their places. What is no tensor is kept too."""

        def __init__(self, values: Iterable[Any] | None = None) -> None:
            super().__init__()
            self._size = 0
            self.extend(values or ())

        def __len__(self) -> int:
            return self._size

        def __iter__(self) -> Iterator[Any]:
            return (getattr(self, str(place)) for place in range(self._size))

        def __getitem__(self, index: Any) -> Any:
            found = list(self)[index]
            return type(self)(found) if isinstance(index, slice) else found

        def __setitem__(self, index: int, value: Any) -> None:
            hold(self, str(range(self._size)[index]), value)

        def __delitem__(self, index: Any) -> None:
            held = list(self)
            del held[index]
            for place in range(self._size):
                delattr(self, str(place))
            self._size = 0
            self.extend(held)

        def __iadd__(self, values: Iterable[Any]) -> Any:
            return self.extend(values)

        def append(self, value: Any) -> Any:
            self._size += 1
            self[self._size - 1] = value
            return self

        def extend(self, values: Iterable[Any]) -> Any:
            for value in list(values):
                self.append(value)
            return self

    class ParameterDict(modules):  # type: ignore[misc, valid-type]
        """Parameters in a dictionary. What is no tensor is kept too."""

        def __init__(self, parameters: Any = None) -> None:
            super().__init__()
            self._keys: dict[str, None] = {}
            self.update(parameters or {})

        def __len__(self) -> int:
            return len(self._keys)

        def __iter__(self) -> Iterator[str]:
            return iter(self._keys)

        def __reversed__(self) -> Iterator[str]:
            return reversed(self._keys)

        def __contains__(self, key: str) -> bool:
            return key in self._keys

        def __getitem__(self, key: str) -> Any:
            if key not in self._keys:
                raise KeyError(key)
            return getattr(self, key)

        def __setitem__(self, key: str, value: Any) -> None:
            self._keys[key] = None
            hold(self, key, value)

        def __delitem__(self, key: str) -> None:
            del self._keys[key]
            delattr(self, key)

        def __or__(self, other: Any) -> Any:
            both = self.copy()
            both.update(other)
            return both

        def __ror__(self, other: Any) -> Any:
            return type(self)(OrderedDict(other.items())) | self

        def __ior__(self, other: Any) -> Any:
            self.update(other)
            return self

        def copy(self) -> Any:
            return type(self)(OrderedDict(self.items()))

        def clear(self) -> None:
            for key in list(self):
                del self[key]

        def pop(self, key: str) -> Any:
            value = self[key]
            del self[key]
            return value

        def popitem(self) -> tuple[str, Any]:
            key = next(reversed(self))
            return key, self.pop(key)

        def get(self, key: str, default: Any = None) -> Any:
            return self[key] if key in self else default  # noqa: SIM401 - this is what `get` is

        def setdefault(self, key: str, default: Any = None) -> Any:
            if key not in self:
                self[key] = default
            return self[key]

        def fromkeys(self, keys: Iterable[str], default: Any = None) -> Any:
            return type(self)([(key, default) for key in keys])

        def keys(self) -> Any:
            return self._keys.keys()

        def items(self) -> Iterator[tuple[str, Any]]:
            return ((key, self[key]) for key in self)

        def values(self) -> Iterator[Any]:
            return (self[key] for key in self)

        def update(self, parameters: Any) -> None:
            for key, value in _pairs(parameters):
                self[key] = value

    return {
        each.__name__: each for each in (Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict)
    }


def _pairs(given: Any) -> Iterable[tuple[str, Any]]:
    return given.items() if isinstance(given, Mapping) or hasattr(given, "items") else given
