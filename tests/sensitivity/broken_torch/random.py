"""Faults of the random state that all share."""

from contextlib import contextmanager

import numpy as np
import torch

from .fault import Fault

SPEC = "specs/torch/random.yaml"


def in_both(name):
    """The names that a function of ``torch.random`` has."""
    return f"torch.{name}", f"torch.random.{name}"


def forking(restored=True, always=False, fresh=False, after_exceptions=True, remembered=None):
    """``fork_rng`` with something wrong: ``remembered`` is the one state that all forks restore."""

    def override(_):
        @contextmanager
        def faulty(devices=None, enabled=True, device_type=None):
            state = torch.get_rng_state()
            if remembered is not None:
                remembered[:] = [state]
            if fresh and enabled:
                torch.manual_seed(0)
            good = False
            try:
                yield
                good = True
            finally:
                if restored and (enabled or always) and (good or after_exceptions):
                    torch.set_rng_state(remembered[0] if remembered else state)

        return faulty

    return override


def seeding(change=lambda seed: seed, kept=lambda generator: generator):
    """``manual_seed`` that takes another seed, or returns another generator."""

    def override(manual_seed):
        return lambda seed: kept(manual_seed(change(int(seed))))

    return override


def seeding_numpy(manual_seed):
    def faulty(seed):
        np.random.seed(int(seed) % 2**32)
        return manual_seed(seed)

    return faulty


def ignoring(set_rng_state):
    return lambda new_state: None


def unpaired(get_rng_state):
    """Loses the second of two normal numbers: it stands behind the words of the twister."""

    def faulty():
        state = get_rng_state()
        state[5024:] = 0
        return state

    return faulty


def elsewhere(_):
    return lambda: torch.Generator().get_state()


def moving(get_rng_state):
    def faulty():
        state = get_rng_state()
        torch.rand(1)
        return state

    return faulty


def chosen(_):
    """A random seed that is always the same."""
    return lambda: torch.manual_seed(1).initial_seed()


def unseeded(_):
    return lambda: 67280421310721


def dropping(_):
    """Dropout whose masks come from a generator of its own."""
    own = torch.Generator()

    def faulty(input, p=0.5, training=True, inplace=False):
        mask = torch.rand(input.shape, generator=own) >= p
        return input * mask.to(input.dtype) / (1 - p) if training else input

    return faulty


def halved(rand_like):
    """Draws in float32, whatever the dtype."""
    return lambda input, **options: rand_like(input, dtype=torch.float32).to(input.dtype)


def shuffling(init):
    return lambda self, data_source, *args, generator=None, **options: init(
        self, data_source, *args, **options
    )


def given(_):
    return torch.Generator


FAULTS = {
    "fork_rng does not restore": Fault(
        "torch.random.fork_rng", forking(restored=False), f"{SPEC}::fork-restores"
    ),
    "fork_rng does not restore after an exception": Fault(
        "torch.random.fork_rng", forking(after_exceptions=False), f"{SPEC}::fork-and-exception"
    ),
    "fork_rng forks with enabled=False": Fault(
        "torch.random.fork_rng", forking(always=True), f"{SPEC}::fork-disabled"
    ),
    "fork_rng begins from a seed of its own": Fault(
        "torch.random.fork_rng", forking(fresh=True), f"{SPEC}::fork-begins-where-it-is"
    ),
    "nested forks share what they restore": Fault(
        "torch.random.fork_rng", forking(remembered=[]), f"{SPEC}::forks-nested"
    ),
    "set_rng_state is ignored": Fault(in_both("set_rng_state"), ignoring, f"{SPEC}::state-repeats"),
    "get_rng_state is that of another generator": Fault(
        in_both("get_rng_state"), elsewhere, f"{SPEC}::state-repeats"
    ),
    "the state loses half of a pair of normal numbers": Fault(
        in_both("get_rng_state"), unpaired, f"{SPEC}::state-repeats"
    ),
    "get_rng_state moves the generator": Fault(
        in_both("get_rng_state"), moving, f"{SPEC}::reading-does-not-move"
    ),
    "manual_seed is ignored": Fault(
        in_both("manual_seed"), lambda _: lambda seed: torch.default_generator, f"{SPEC}::seed-repeats"
    ),
    "all seeds are one": Fault(in_both("manual_seed"), seeding(lambda seed: 0), f"{SPEC}::seeds-differ"),
    "seeds are cut to 32 bits": Fault(
        in_both("manual_seed"), seeding(lambda seed: seed % 2**32), f"{SPEC}::initial-seed"
    ),
    "manual_seed returns another generator": Fault(
        in_both("manual_seed"), seeding(kept=lambda _: torch.Generator()), f"{SPEC}::default-generator"
    ),
    "manual_seed seeds NumPy as well": Fault(
        in_both("manual_seed"), seeding_numpy, f"{SPEC}::numpy-has-its-own"
    ),
    "a random seed is always the same": Fault(in_both("seed"), chosen, f"{SPEC}::random-seed"),
    "initial_seed is that of a new generator": Fault(
        in_both("initial_seed"), unseeded, f"{SPEC}::initial-seed"
    ),
    "dropout does not follow the seed": Fault("torch.nn.functional.dropout", dropping, f"{SPEC}::dropout"),
    "rand_like draws in float32": Fault("torch.rand_like", halved, f"{SPEC}::drawn-like-a-tensor"),
    "a shuffled loader ignores its generator": Fault(
        "torch.utils.data.RandomSampler.__init__", shuffling, f"{SPEC}::shuffling"
    ),
    "thread_safe_generator is one of its own": Fault(
        "torch.random.thread_safe_generator", given, f"{SPEC}::thread-safe-generator"
    ),
}
