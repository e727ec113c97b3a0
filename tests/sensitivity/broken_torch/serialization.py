"""Faults of saving and loading: what tensors lose on the way, trust that is given unasked, places that are ignored."""

import copy

import torch

from .fault import Fault

SPECS = "specs/serialization"
TRUSTED = "torch._weights_only_unpickler._marked_safe_globals_set"
"""Named as a target too where a fault leaves something in it, so that it is put back."""
PACKAGES = "torch.serialization._package_registry"


def mapped(value, change):
    """A saved value with its tensors changed."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)(mapped(part, change) for part in value)
    if type(value) is dict:
        return {key: mapped(part, change) for key, part in value.items()}
    return value


def on_save(change):
    """Tensors are changed before they are saved."""

    def override(save):
        return lambda value, *args, **options: save(mapped(value, change), *args, **options)

    return override


def on_load(change):
    """Tensors are changed after they were loaded."""

    def override(load):
        return lambda *args, **options: mapped(load(*args, **options), change)

    return override


def with_options(change):
    """The options of a call are changed: a function of the dictionary."""

    def override(call):
        def faulty(*args, **options):
            change(options)
            return call(*args, **options)

        return faulty

    return override


def nothing(_):
    """A method or a function that does nothing."""
    return lambda *args, **options: None


def kept(value):
    """A copy, for the time of a fault."""
    return type(value)(value)


def untyped(tensor):
    """Floating numbers are float32."""
    return tensor.float() if tensor.is_floating_point() else tensor


def converted(change):
    """What was loaded is changed as a whole."""
    return lambda load: lambda *args, **options: change(load(*args, **options))


def plainer(value):
    """Containers lose their kind: tuples and sizes are lists, and dictionaries of other classes plain ones."""
    if isinstance(value, dict):
        return {key: plainer(part) for key, part in value.items()}
    return list(map(plainer, value)) if isinstance(value, list | tuple) else value


def of_a_machine_word(value):
    """Large integers are cut."""
    if isinstance(value, list):
        return [of_a_machine_word(part) for part in value]
    return value % 2**64 if isinstance(value, int) and abs(value) >= 2**64 else value


def with_a_gradient(tensor):
    if tensor.requires_grad and tensor.is_leaf:
        tensor.grad = torch.zeros_like(tensor)
    return tensor


def rescaled(tensor):
    return (
        torch.quantize_per_tensor(tensor.dequantize(), 1.0, 0, tensor.dtype)
        if tensor.is_quantized
        else tensor
    )


def uncounted(value):
    """Counts in a state are zero."""
    for part in value.values() if isinstance(value, dict) else ():
        if isinstance(part, torch.Tensor) and part.dtype is torch.int64:
            part.zero_()
    return value


def training(value):
    """Modules are loaded to be trained."""
    return value.train() if isinstance(value, torch.nn.Module) else value


def unhooked(value):
    if isinstance(value, torch.nn.Module):
        value._forward_hooks.clear()
    return value


def ahead(state_dict):
    """A scheduler is saved one epoch late."""

    def faulty(self):
        state = state_dict(self)
        return state | {"last_epoch": state["last_epoch"] + 1}

    return faulty


def ungrown(load_state_dict):
    """A gradient scaler starts to count anew."""
    return lambda self, state: load_state_dict(self, state | {"_growth_tracker": 0})


def of_one_pickle_module(options):
    options.pop("pickle_module", None)


def of_one_protocol(options):
    options.pop("pickle_protocol", None)


def trusting(options):
    options["weights_only"] = False


def trusting_by_default(options):
    options.setdefault("weights_only", False)


def without_dictionary(options):
    if isinstance(options.get("map_location"), dict):
        del options["map_location"]


def ignoring_results(options):
    """The function is called, and what it returns is lost."""
    if callable(place := options.get("map_location")):
        options["map_location"] = lambda storage, tag: place(storage, tag) and None


def forgetting_the_module(options):
    """Weights only, whatever is to unpickle them."""
    if options.get("weights_only"):
        options.pop("pickle_module", None)


def never_forgotten(value):
    """Of `safe_globals`: what was trusted in a block is trusted after it."""
    return kept(value) if isinstance(value, set) else nothing(value)


def last_list_alone(value):
    """Of `add_safe_globals`: what was added before is dropped."""
    if isinstance(value, set):
        return kept(value)

    def faulty(trusted):
        torch.serialization.clear_safe_globals()
        value(trusted)

    return faulty


def in_order_of_registration(value):
    if isinstance(value, list):
        return kept(value)
    return lambda *package: torch.serialization._package_registry.insert(0, package)


def one_index(_):
    """The CPU is asked for every storage, and whoever else may not be."""
    return lambda storage: "cpu"


def reading_all_the_same(load):
    def faulty(*args, **options):
        state = torch.serialization._serialization_tls
        skipping, state.skip_data = state.skip_data, False
        try:
            return load(*args, **options)
        finally:
            state.skip_data = skipping

    return faulty


def as_text(_):
    """1.9 is after 1.10."""
    return lambda module, required, error_if_malformed=True: (
        module.__version__ >= ".".join(map(str, required))
    )


def malformed_is_enough(check):
    return lambda module, required, error_if_malformed=True: check(module, required, error_if_malformed=False)


def zeroed(state_dict):
    """The state of an optimizer is saved as zeros."""

    def faulty(self):
        return copy.deepcopy(mapped(state_dict(self), torch.zeros_like))

    return faulty


FAULTS = {
    "sharing lost": Fault("torch.save", on_save(torch.clone), f"{SPECS}/state_dict.yaml::aliasing-survives"),
    "view relationships lost": Fault("torch.load", on_load(torch.clone), f"{SPECS}/tensors.yaml::sharing"),
    "dtype changed": Fault("torch.load", on_load(untyped), f"{SPECS}/tensors.yaml::every-dtype"),
    "needs no gradient once loaded": Fault(
        "torch.load", on_load(torch.Tensor.detach), f"{SPECS}/tensors.yaml::needing-a-gradient"
    ),
    "strides lost": Fault("torch.load", on_load(torch.Tensor.contiguous), f"{SPECS}/tensors.yaml::strides"),
    "conjugate bit lost": Fault(
        "torch.load", on_load(lambda x: x.conj() if x.is_conj() else x), f"{SPECS}/tensors.yaml::conjugated"
    ),
    "negative bit lost": Fault(
        "torch.load",
        on_load(lambda x: torch._neg_view(x) if x.is_neg() else x),
        f"{SPECS}/tensors.yaml::negative",
    ),
    "only the view saved": Fault("torch.save", on_save(torch.clone), f"{SPECS}/tensors.yaml::whole-storage"),
    "expanded in the file": Fault(
        "torch.save", on_save(torch.Tensor.contiguous), f"{SPECS}/tensors.yaml::expanded"
    ),
    "Parameter loaded as a tensor": Fault(
        "torch.load",
        on_load(lambda x: x.detach().requires_grad_(x.requires_grad)),
        f"{SPECS}/tensors.yaml::parameter",
    ),
    "attributes lost": Fault("torch.load", on_load(torch.Tensor.detach), f"{SPECS}/tensors.yaml::attributes"),
    "hooks lost without a word": Fault(
        "torch.utils.hooks.warn_if_has_hooks", nothing, f"{SPECS}/tensors.yaml::hooks"
    ),
    "weights only ignored": Fault(
        "torch.load", with_options(trusting), f"{SPECS}/weights_only.yaml::functions"
    ),
    "weights only off by default": Fault(
        "torch.load", with_options(trusting_by_default), f"{SPECS}/weights_only.yaml::default"
    ),
    "trust outlives its block": Fault(
        ("torch.serialization.safe_globals.__exit__", TRUSTED),
        never_forgotten,
        f"{SPECS}/weights_only.yaml::allowed-in-a-block",
    ),
    "trust in the last list alone": Fault(
        ("torch.serialization.add_safe_globals", TRUSTED),
        last_list_alone,
        f"{SPECS}/weights_only.yaml::added",
    ),
    "trust never taken back": Fault(
        ("torch.serialization.clear_safe_globals", TRUSTED),
        never_forgotten,
        f"{SPECS}/weights_only.yaml::cleared",
    ),
    "unsafe globals not listed": Fault(
        "torch.serialization.get_unsafe_globals_in_checkpoint",
        lambda _: lambda file: [],
        f"{SPECS}/weights_only.yaml::unsafe-globals",
    ),
    "weights only with another pickle module": Fault(
        "torch.load", with_options(forgetting_the_module), f"{SPECS}/weights_only.yaml::pickle-module"
    ),
    "dictionary of devices ignored": Fault(
        "torch.load", with_options(without_dictionary), f"{SPECS}/loading.yaml::dictionary"
    ),
    "result of map_location ignored": Fault(
        "torch.load", with_options(ignoring_results), f"{SPECS}/loading.yaml::what-the-function-returns"
    ),
    "packages in the order of registration": Fault(
        ("torch.serialization.register_package", PACKAGES),
        in_order_of_registration,
        f"{SPECS}/loading.yaml::priorities",
    ),
    "taggers not asked": Fault(
        "torch.serialization.location_tag", one_index, f"{SPECS}/loading.yaml::package"
    ),
    "skip_data saves data": Fault(
        ("torch.serialization.skip_data.__enter__", "torch.serialization.skip_data.__exit__"),
        nothing,
        f"{SPECS}/loading.yaml::saved-without-data",
    ),
    "skip_data loads data": Fault(
        "torch.load", reading_all_the_same, f"{SPECS}/loading.yaml::loaded-without-data"
    ),
    "versions compared as text": Fault(
        "torch.serialization.check_module_version_greater_or_equal",
        as_text,
        f"{SPECS}/loading.yaml::version-of-a-module",
    ),
    "malformed versions accepted": Fault(
        "torch.serialization.check_module_version_greater_or_equal",
        malformed_is_enough,
        f"{SPECS}/loading.yaml::malformed-version",
    ),
    "state of an optimizer zeroed": Fault(
        "torch.optim.Optimizer.state_dict", zeroed, f"{SPECS}/states.yaml::optimizers"
    ),
    "state of a generator not set": Fault("torch.set_rng_state", nothing, f"{SPECS}/states.yaml::generators"),
    "quantization lost": Fault("torch.load", on_load(rescaled), f"{SPECS}/tensors.yaml::quantized"),
    "scalars with a dimension": Fault(
        "torch.load", on_load(torch.atleast_1d), f"{SPECS}/tensors.yaml::sizes"
    ),
    "gradient loaded": Fault("torch.load", on_load(with_a_gradient), f"{SPECS}/tensors.yaml::no-gradient"),
    "containers of one kind": Fault("torch.load", converted(plainer), f"{SPECS}/tensors.yaml::containers"),
    "order of a dictionary lost": Fault(
        "torch.load", converted(plainer), f"{SPECS}/weights_only.yaml::ordered-and-counted"
    ),
    "sizes loaded as lists": Fault(
        "torch.load", converted(plainer), f"{SPECS}/weights_only.yaml::torch-types"
    ),
    "large integers cut": Fault(
        "torch.load", converted(of_a_machine_word), f"{SPECS}/weights_only.yaml::plain-types"
    ),
    "pickle module ignored": Fault(
        "torch.save", with_options(of_one_pickle_module), f"{SPECS}/loading.yaml::pickle-module-of-ones-own"
    ),
    "protocol ignored": Fault(
        "torch.save", with_options(of_one_protocol), f"{SPECS}/loading.yaml::protocols"
    ),
    "metadata lost": Fault("torch.load", converted(plainer), f"{SPECS}/states.yaml::metadata"),
    "batches not counted": Fault("torch.load", converted(uncounted), f"{SPECS}/states.yaml::batch-norm"),
    "models not counted": Fault("torch.load", converted(uncounted), f"{SPECS}/states.yaml::averaged-weights"),
    "mode of a module lost": Fault("torch.load", converted(training), f"{SPECS}/states.yaml::whole-module"),
    "hooks of a module lost": Fault(
        "torch.load", converted(unhooked), f"{SPECS}/states.yaml::hooks-of-modules"
    ),
    "scheduler saved too late": Fault(
        "torch.optim.lr_scheduler.LRScheduler.state_dict", ahead, f"{SPECS}/states.yaml::schedulers"
    ),
    "growth of a scaler lost": Fault(
        "torch.amp.GradScaler.load_state_dict", ungrown, f"{SPECS}/states.yaml::gradient-scalers"
    ),
}
