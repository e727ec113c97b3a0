"""What a reproduction script shows with; the functions that a script needs are copied into it.

``_expected`` is an iterator over what the reference yielded, statement by statement, by path.
"""

# ruff: noqa: F821 - `torch`, `np`, `_expected` and `contextlib` are names of the script


def taking(path, optimizer):
    """Where the suite asks for proof that an implementation ran; the script looks at results only."""
    return contextlib.nullcontext()


def follows(tensor, distribution):
    """Whether the elements of a tensor may be independent draws from a distribution."""
    roundoff = torch.finfo(tensor.dtype).eps / 2 if tensor.is_floating_point() else 0.0
    values = tensor.detach().cpu()
    return distribution.fits(
        (values if values.dtype == torch.bool else values.double()).flatten().numpy(), roundoff
    )


def _leaves(value, path=""):
    """The tensors, arrays, numbers and other values that a value is made of, each with its path."""
    if isinstance(value, torch.Tensor):
        wide = torch.complex128 if value.is_complex() else torch.float64
        value = value.to_dense() if value.layout is not torch.strided else value
        yield path, value.detach().to("cpu", wide).resolve_conj().numpy()
    elif isinstance(value, (tuple, list)) and any(
        isinstance(part, (torch.Tensor, tuple, list)) for part in value
    ):
        for index, part in enumerate(value):
            yield from _leaves(part, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{path}[{key!r}]")
    else:
        yield path, value


def _show(statement, value, *right):
    """Print what was expected of a statement and what was seen, at the worst element of each tensor."""
    expected = {path: (want, 0.0) for path, want in _leaves(right[0])} if right else next(_expected, {})
    print(statement)
    for path, seen in _leaves(value):
        want, tolerance = expected.get(path, ("nothing", 0.0))
        try:
            seen, want = np.asarray(seen, complex), np.asarray(want, complex)
        except (TypeError, ValueError):
            print(
                f"  {path or 'it'}: expected {want}, seen {seen}"
                + ("" if str(want) == str(seen) else DIFFERS)
            )
            continue
        if seen.shape != want.shape and seen.size + want.size:  # an empty list has lost its shape
            print(f"  {path or 'it'}: expected shape {want.shape}, seen {seen.shape}{DIFFERS}")
            continue
        if not seen.size:
            continue
        with np.errstate(all="ignore"):
            same = (seen == want) | (np.isnan(seen) & np.isnan(want))
            error = np.where(same, 0.0, np.nan_to_num(np.abs(seen - want), nan=np.inf))
            times = np.where(same, 0.0, error / np.broadcast_to(tolerance, error.shape))
        at = np.unravel_index(np.argmax(times), error.shape)
        place = path + (str([int(i) for i in at]) if at else "")
        print(f"  {place or 'it'}: expected {_number(want[at])}, seen {_number(seen[at])}", end="")
        print(f", error {error[at]:.3g}, {times[at]:.3g} times the tolerance" + DIFFERS * bool(times[at] > 1))


def _number(value):
    return repr(complex(value) if value.imag else float(value.real))


def _hold(statement, truth):
    """Print whether an assertion holds."""
    print(statement)
    print(f"  {bool(truth)}" + ("" if truth else DIFFERS))


@contextlib.contextmanager
def raises(*types):
    """Print which exception was expected and which was raised."""
    seen = "nothing"
    try:
        yield
    except Exception as error:
        seen = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
        found = isinstance(error, types)
    else:
        found = False
    expected = " or ".join(kind.__name__ for kind in types)
    print(f"raises: expected {expected}, seen {seen}" + ("" if found else DIFFERS))


@contextlib.contextmanager
def warns(*types):
    """Print which warning was expected and which was given."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
    seen = [warning.category.__name__ for warning in caught]
    found = any(issubclass(warning.category, types) for warning in caught)
    expected = " or ".join(kind.__name__ for kind in types)
    print(f"warns: expected {expected}, seen {', '.join(seen) or 'nothing'}" + ("" if found else DIFFERS))
