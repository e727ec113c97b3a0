"""Helpers of generated programs, in torch's own vocabulary: they run on every backend as programs do.

This file is executed in the namespace of a program, where ``torch`` is the backend under test; a reproduction
script prints the functions that it needs. Values are small multiples of a quarter: exact in every dtype.
"""

# ruff: noqa: F821 - `torch`, `np` and `device` are names of the namespace that this runs in


def pattern(shape, seed=0, low=-1.5, high=1.5):
    """An array of quarters between low and high (the end excluded) that repeats after a prime number of elements."""
    count = int(np.prod(shape))
    steps = max(int((high - low) * 4), 1)
    return (low + ((np.arange(count) * (5 + 2 * seed) + 3 * seed + 1) % 13 % steps) / 4.0).reshape(shape)


def like(tensor, seed=0, requires_grad=False):
    """A tensor of pattern values with the shape and dtype of another: a cotangent or a tangent for it."""
    values = pattern(tuple(tensor.shape), seed)
    if tensor.dtype.is_complex:
        values = values + 1j * pattern(tuple(tensor.shape), seed + 3)
    return torch.tensor(values, dtype=tensor.dtype, device=device, requires_grad=requires_grad)


def floating(result):
    """The tensors of a result, however nested, that can carry a gradient."""
    if isinstance(result, (tuple, list)):
        return tuple(tensor for part in result for tensor in floating(part))
    if result is None:
        return ()
    return (result,) if result.dtype.is_floating_point or result.dtype.is_complex else ()


def differentiable(result):
    """The tensors of a result that require grad."""
    return tuple(part for part in floating(result) if part.requires_grad)


def contracted(result, seed=0):
    """One number from a result, in which every element counts differently."""
    total = None
    for number, part in enumerate(floating(result)):
        product = part * like(part, seed + number)
        summed = (product.real if part.dtype.is_complex else product).sum()
        total = summed if total is None else total + summed
    return total


def vjp(result, inputs, seed=0, **options):
    """The gradients of a result with a pattern as cotangent."""
    outputs = differentiable(result)
    cotangents = tuple(like(part, seed + number) for number, part in enumerate(outputs))
    return torch.autograd.grad(outputs, inputs, cotangents, **options)


def filled(module):
    """The module with every parameter and buffer set to a pattern, so that two builds agree; counters to two."""
    with torch.no_grad():
        for number, (_, parameter) in enumerate(module.named_parameters()):
            parameter.copy_(
                torch.tensor(pattern(tuple(parameter.shape), number, -0.75, 1.0), dtype=parameter.dtype)
            )
        for number, (_, buffer) in enumerate(module.named_buffers()):
            if buffer.dtype.is_floating_point:
                buffer.copy_(torch.tensor(pattern(tuple(buffer.shape), number, 0.5, 2.0), dtype=buffer.dtype))
            else:
                buffer.fill_(2)
    return module


def gradient(parameter, step):
    """A gradient that changes sign, vanishes on the third step and is large on the fifth, over and over.

    Each element beyond the twelfth has one in every fifth step only. In float16, too, all squares have a finite sum.
    """
    scale = (1.0, -0.5, 0.0, 2.0, 128.0, -1.0, 0.25)[step % 7] / 2 ** (step // 7)
    values = scale * pattern(tuple(parameter.shape), step)
    if parameter.dtype.is_complex:
        values = values + 1j * scale * pattern(tuple(parameter.shape), step + 3)
    number = np.arange(values.size).reshape(values.shape)
    values = np.where((number < 12) | (number % 5 == step % 5), values, 0.0)
    return torch.tensor(values, dtype=parameter.dtype, device=device)


def sparse_gradient(parameter, step):
    """The gradient of that step as a sparse tensor which has every second row, each as the sum of two halves."""
    rows = [row for row in range(parameter.shape[0]) if (row + step) % 2 == 0]
    values = gradient(parameter, step)[rows] / 2
    places = torch.tensor([rows + rows], dtype=torch.int64, device=device)
    return torch.sparse_coo_tensor(places, torch.cat([values, values]), tuple(parameter.shape))


def state_of(optimizer, parameter, names):
    """The entries of an optimizer's state for a parameter that its documentation names, in that order."""
    state = optimizer.state.get(parameter, {})
    return [state.get(name) for name in names]


def refused(call, *args, **kwargs):
    """Whether a call is refused with a RuntimeError: for claims that something is *not* refused."""
    try:
        call(*args, **kwargs)
    except RuntimeError:
        return True
    return False
