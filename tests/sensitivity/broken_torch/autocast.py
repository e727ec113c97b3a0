"""Faults of autocast: its regions, its lists of operators, its cache."""

import torch

from .fault import Fault

HERE = "specs/torch/amp"
REGIONS, OPERATORS, GRADIENTS = (
    f"{HERE}/{name}.yaml" for name in ("autocast", "autocast_operators", "autocast_gradients")
)


def on():
    return torch.is_autocast_enabled("cpu")


def low():
    return torch.get_autocast_dtype("cpu")


def off():
    return torch.autocast("cpu", enabled=False)


def is_float(value):
    return isinstance(value, torch.Tensor) and value.is_floating_point()


# Regions


def staying(exit):
    def faulty(self, kind, *rest):
        if kind is None:
            return exit(self, kind, *rest)
        torch.autocast_decrement_nesting()
        return False

    return faulty


def sticking(init):
    """A region in a region is enabled, whatever it says."""

    def faulty(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        return init(
            self, device_type, dtype, enabled or torch.is_autocast_enabled(device_type), cache_enabled
        )

    return faulty


def disabling(exit):
    def faulty(self, *exception):
        exit(self, *exception)
        torch.set_autocast_enabled(self.device, False)

    return faulty


def keeping_dtype(exit):
    def faulty(self, *exception):
        dtype = torch.get_autocast_dtype(self.device)
        exit(self, *exception)
        torch.set_autocast_dtype(self.device, dtype)

    return faulty


def with_options(**fixed):
    """A region that takes some of its options from nowhere."""

    def override(init):
        def faulty(self, device_type, dtype=None, enabled=True, cache_enabled=None):
            given = {"dtype": dtype, "enabled": enabled, "cache_enabled": cache_enabled}
            return init(self, device_type, **given | fixed)

        return faulty

    return override


def half_by_default(init):
    def faulty(self, device_type, dtype=torch.float16, enabled=True, cache_enabled=None):
        return init(self, device_type, dtype, enabled, cache_enabled)

    return faulty


def unwarned(init):
    def faulty(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        known = dtype in (None, torch.bfloat16, torch.float16)
        return init(self, device_type, dtype if known else torch.bfloat16, enabled, cache_enabled)

    return faulty


def for_anything(init):
    """A region for whatever is given as a device, if need be for the CPU."""

    def faulty(self, device_type="cpu", dtype=None, enabled=True, cache_enabled=None):
        try:
            init(self, device_type, dtype, enabled, cache_enabled)
        except (RuntimeError, ValueError, TypeError):
            init(self, "cpu", dtype, enabled, cache_enabled)

    return faulty


def plain(_):
    return lambda self, function: function


def left_at_the_end(_):
    """A decorator that leaves its region only where the function returns."""

    def faulty(self, function):
        def decorated(*args, **options):
            self.__enter__()
            result = function(*args, **options)
            self.__exit__(None, None, None)
            return result

        return decorated

    return faulty


def casting_weights(linear):
    def faulty(input, weight, bias=None):
        if on():
            weight.data = weight.data.to(low())
        return linear(input, weight, bias)

    return faulty


def in_grad_mode_only(enter):
    """Without gradients there is no autocast."""

    def faulty(self):
        enter(self)
        if not torch.is_grad_enabled():
            torch.set_autocast_enabled(self.device, False)

    return faulty


# Operators


def uncast(function):
    """On none of the lists."""

    def faulty(*args, **options):
        with off():
            return function(*args, **options)

    return faulty


def rounding_results(function):
    """Computes in float32, and rounds the result."""

    def faulty(*args, **options):
        if not on():
            return function(*args, **options)
        with off():
            return function(*(a.float() if is_float(a) else a for a in args), **options).to(low())

    return faulty


def to(dtype):
    """On another list: casts all floating arguments to ``dtype``, or to that of the region."""

    def override(function):
        def faulty(*args, **options):
            if not on():
                return function(*args, **options)
            with off():
                return function(*(a.to(dtype or low()) if is_float(a) else a for a in args), **options)

        return faulty

    return override


def narrowest(cat):
    def faulty(tensors, *args, **options):
        if on() and any(tensor.dtype == low() for tensor in tensors):
            tensors = [tensor.to(low()) for tensor in tensors]
        return cat(tensors, *args, **options)

    return faulty


def also_out(function):
    def faulty(*args, out=None):
        if out is None or not on():
            return function(*args) if out is None else function(*args, out=out)
        return out.copy_(function(*args))

    return faulty


def also_in_place(method):
    def faulty(self, *args, **options):
        if on():
            return self.copy_(self.addmm(*args, **options))
        return method(self, *args, **options)

    return faulty


def also_integers(function):
    return lambda input: function(input.float() if on() and not is_float(input) else input)


def without_dtype(function):
    return lambda *args, dtype=None, **options: function(*args, **options)


def exacting(layer_norm):
    """Takes only weights of the input's dtype."""

    def faulty(input, shape, weight=None, bias=None, eps=1e-5):
        if weight is not None and weight.dtype != input.dtype:
            raise RuntimeError("mixed dtype")
        return layer_norm(input, shape, weight, bias, eps)

    return faulty


# Gradients


def truncated(linear):
    """Cuts bits off where it should round."""

    def cut(value):
        return (value.detach().view(torch.int32) & ~0xFFFF).view(torch.float32)

    return lambda input, weight, bias=None: linear(cut(input), cut(weight), bias)


def cached_without_graph(mm):
    known = []

    def faulty(a, b):
        again = any(b is other for other in known)
        known.append(b)
        return mm(a, b.detach() if again else b)

    return faulty


def forgetting(exit):
    def faulty(self, *exception):
        torch.clear_autocast_cache()
        return exit(self, *exception)

    return faulty


def idle(_):
    return lambda *args, **options: None


FAULTS = {
    "a region is not left by an exception": Fault(
        "torch.autocast.__exit__", staying, f"{REGIONS}::left-by-an-exception"
    ),
    "enabled=False is ignored in a region": Fault(
        "torch.autocast.__init__", sticking, f"{REGIONS}::switched-off-inside"
    ),
    "enabled=False is ignored": Fault(
        "torch.autocast.__init__", with_options(enabled=True), f"{REGIONS}::disabled"
    ),
    "a region is made for any device": Fault(
        "torch.autocast.__init__", for_anything, f"{REGIONS}::device-without-autocast"
    ),
    "a region is made for a device object": Fault(
        "torch.autocast.__init__", for_anything, f"{REGIONS}::device-type-is-a-word"
    ),
    "leaving an inner region ends the outer one": Fault(
        "torch.autocast.__exit__", disabling, f"{REGIONS}::switched-off-inside"
    ),
    "the outer region's dtype is not restored": Fault(
        "torch.autocast.__exit__", keeping_dtype, f"{REGIONS}::nested-dtypes"
    ),
    "the dtype of a region is ignored": Fault(
        "torch.autocast.__init__", with_options(dtype=torch.bfloat16), f"{REGIONS}::nested-dtypes"
    ),
    "float16 is the default on the CPU": Fault(
        "torch.autocast.__init__", half_by_default, f"{REGIONS}::default-dtype"
    ),
    "a float32 region is a bfloat16 one": Fault(
        "torch.autocast.__init__", unwarned, f"{REGIONS}::dtype-that-is-not-low"
    ),
    "a decorated function is no region": Fault(
        "torch.autocast.__call__", plain, f"{REGIONS}::decorated-function"
    ),
    "a decorated function that raises stays in its region": Fault(
        "torch.autocast.__call__", left_at_the_end, f"{REGIONS}::decorated-and-raising"
    ),
    "every device has autocast": Fault(
        ("torch.amp.is_autocast_available", "torch.amp.autocast_mode.is_autocast_available"),
        lambda _: lambda device_type: True,
        f"{REGIONS}::available",
    ),
    "a region casts the weights themselves": Fault(
        "torch.nn.functional.linear", casting_weights, f"{REGIONS}::what-is-given-stays"
    ),
    "no autocast without gradients": Fault(
        "torch.autocast.__enter__", in_grad_mode_only, f"{REGIONS}::in-any-grad-mode"
    ),
    "matmul is on no list": Fault("torch.matmul", uncast, f"{OPERATORS}::products-in-low-precision"),
    "bmm rounds its result only": Fault(
        "torch.bmm", rounding_results, f"{OPERATORS}::products-in-low-precision"
    ),
    "conv2d is on no list": Fault(
        "torch.nn.functional.conv2d", uncast, f"{OPERATORS}::convolutions-in-low-precision"
    ),
    "prelu is on no list": Fault(
        "torch.nn.functional.prelu", to(torch.float32), f"{OPERATORS}::attention-and-prelu-in-low-precision"
    ),
    "mse_loss is in low precision": Fault(
        "torch.nn.functional.mse_loss", to(None), f"{OPERATORS}::losses-in-float32"
    ),
    "cross_entropy is on no list": Fault(
        "torch.nn.functional.cross_entropy", uncast, f"{OPERATORS}::losses-in-float32"
    ),
    "prod is in low precision": Fault("torch.prod", to(None), f"{OPERATORS}::others-in-float32"),
    "the inverse is rounded": Fault(
        "torch.linalg.inv", rounding_results, f"{OPERATORS}::linear-algebra-in-float32"
    ),
    "avg_pool3d rounds its result": Fault(
        "torch.nn.functional.avg_pool3d", rounding_results, f"{OPERATORS}::pooling-and-padding-in-float32"
    ),
    "irfft rounds its result": Fault(
        "torch.fft.irfft", rounding_results, f"{OPERATORS}::fourier-transforms-in-float32"
    ),
    "cat takes the narrowest type": Fault("torch.cat", narrowest, f"{OPERATORS}::promoted-to-the-widest"),
    "relu is in float32": Fault("torch.relu", to(torch.float32), f"{OPERATORS}::unlisted"),
    "add is in low precision": Fault("torch.add", to(None), f"{OPERATORS}::usual-promotion"),
    "integers are cast": Fault("torch.trace", also_integers, f"{OPERATORS}::other-numbers-stay"),
    "float64 is cast": Fault("torch.mm", to(None), f"{OPERATORS}::float64-stays"),
    "out= is cast": Fault("torch.mm", also_out, f"{OPERATORS}::out-forms"),
    "addmm_ is cast": Fault("torch.Tensor.addmm_", also_in_place, f"{OPERATORS}::in-place-forms"),
    "dtype= is ignored by prod": Fault("torch.prod", without_dtype, f"{OPERATORS}::explicit-dtype"),
    "layer_norm takes no mixture of types": Fault(
        "torch.nn.functional.layer_norm", exacting, f"{OPERATORS}::modules-take-both"
    ),
    "casts cut bits off": Fault(
        "torch.nn.functional.linear", truncated, f"{GRADIENTS}::rounded-where-documented"
    ),
    "a cached weight has no gradient": Fault(
        "torch.mm", cached_without_graph, f"{GRADIENTS}::cache-and-gradients"
    ),
    "the cache outlives its region": Fault(
        "torch.clear_autocast_cache", idle, f"{GRADIENTS}::cache-ends-with-the-region"
    ),
    "the cache ends with an inner region": Fault(
        "torch.autocast.__exit__", forgetting, f"{GRADIENTS}::weight-is-cast-once"
    ),
    "cache_enabled=False is ignored": Fault(
        "torch.autocast.__init__", with_options(cache_enabled=True), f"{GRADIENTS}::cache-can-be-disabled"
    ),
    "weights are never cached": Fault(
        "torch.autocast.__init__", with_options(cache_enabled=False), f"{GRADIENTS}::weight-is-cast-once"
    ),
}
