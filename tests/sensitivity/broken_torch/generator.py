"""Faults of random number generators."""

import torch

from .fault import Fault

SPEC = "specs/torch/Generator.yaml"


def instead(**methods):
    """A subclass of ``torch.Generator`` with other methods, each told the method it replaces."""

    def override(kept):
        made = {
            name: lambda self, *args, _method=method, _name=name: _method(self, getattr(kept, _name), *args)
            for name, method in methods.items()
        }
        return type("Generator", (kept,), made)

    return override


def unpaired(self, get_state):
    """Loses the second of two normal numbers: it stands behind the words of the twister."""
    state = get_state(self)
    state[5024:] = 0
    return state


def early(self, get_state):
    """Says 0 for where in its words the twister is."""
    state = get_state(self)
    state[8:12] = torch.tensor([1, 0, 0, 0], dtype=torch.uint8)
    return state


def moving(self, get_state):
    state = get_state(self)
    torch.rand(1, generator=self)
    return state


def keeping_seed(self, set_state, new_state):
    """Goes on under the old seed."""
    return self if new_state.dtype == torch.uint8 and new_state.numel() else set_state(self, new_state)


def taking_anything(self, set_state, new_state):
    """Cuts or fills a state of another length."""
    state = self.get_state()
    if isinstance(new_state, torch.Tensor):
        given = new_state.flatten()[: state.numel()].to(torch.uint8)
        state = torch.cat([given, state[given.numel() :]])
    return set_state(self, state)


def without_generator(function):
    return lambda *args, generator=None, **options: function(*args, **options)


def also_global(function):
    def faulty(*args, generator=None, **options):
        if generator is not None:
            function(*args, **options)
        return function(*args, generator=generator, **options)

    return faulty


def cut(self, manual_seed, seed):
    return manual_seed(self, seed % 2**32)


def moved_on(self, manual_seed, seed):
    """Seeds once only: another call with the same seed goes on."""
    return self if seed == self.initial_seed() else manual_seed(self, seed)


def unsigned(self, manual_seed, seed):
    """Drops the sign, but tells the seed as it is."""
    return manual_seed(self, abs(seed) % 2**63)


def only_one(self, manual_seed, seed):
    """Seeds with the same number always, but tells the one that was given."""
    self.told = seed
    return manual_seed(self, 0)


def told(self, initial_seed):
    return getattr(self, "told", initial_seed(self))


def current(self, initial_seed):
    """Tells another seed once numbers were drawn."""
    untouched = type(self)().set_state(self.get_state()).manual_seed(initial_seed(self))
    return initial_seed(self) if torch.equal(untouched.get_state(), self.get_state()) else 0


def standing_still(function):
    def faulty(*args, generator=None, **options):
        state = generator.get_state() if generator is not None else None
        try:
            return function(*args, generator=generator, **options)
        finally:
            if generator is not None:
                generator.set_state(state)

    return faulty


def random_seed(self, seed):
    seed(self)
    return 5


FAULTS = {
    "all seeds of a generator are one": Fault(
        "torch.Generator",
        instead(manual_seed=only_one, initial_seed=told),
        f"{SPEC}::another-seed-other-numbers",
    ),
    "initial_seed changes with the draws": Fault(
        "torch.Generator", instead(initial_seed=current), f"{SPEC}::initial-seed"
    ),
    "randint does not move its generator": Fault(
        "torch.randint", standing_still, f"{SPEC}::each-draw-moves-on"
    ),
    "a state is a tensor of floats": Fault(
        "torch.Generator",
        instead(
            get_state=lambda self, get_state: get_state(self).float(),
            set_state=lambda self, set_state, state: set_state(self, state.to(torch.uint8)),
        ),
        f"{SPEC}::state-is-bytes",
    ),
    "set_state is ignored": Fault(
        "torch.Generator", instead(set_state=keeping_seed), f"{SPEC}::numbers-again"
    ),
    "a state loses half of a pair of normal numbers": Fault(
        "torch.Generator", instead(get_state=unpaired), f"{SPEC}::between-two-normal-numbers"
    ),
    "a state forgets where in the stream it is": Fault(
        "torch.Generator", instead(get_state=early), f"{SPEC}::far-along-the-stream"
    ),
    "reading a state moves the generator": Fault(
        "torch.Generator", instead(get_state=moving), f"{SPEC}::reading-does-not-move"
    ),
    "states of any length are taken": Fault(
        "torch.Generator", instead(set_state=taking_anything), f"{SPEC}::wrong-states"
    ),
    "a clone is the generator itself": Fault(
        "torch.Generator", instead(clone_state=lambda self, clone_state: self), f"{SPEC}::clone"
    ),
    "randperm ignores its generator": Fault(
        "torch.randperm", without_generator, f"{SPEC}::same-seed-same-numbers"
    ),
    "bernoulli ignores its generator": Fault(
        "torch.bernoulli", without_generator, f"{SPEC}::same-seed-same-numbers"
    ),
    "normal draws from the global generator, too": Fault(
        "torch.normal", also_global, f"{SPEC}::global-generator-untouched"
    ),
    "a generator's seed is cut to 32 bits": Fault(
        "torch.Generator", instead(manual_seed=cut), f"{SPEC}::range-of-seeds"
    ),
    "the same seed again does not start anew": Fault(
        "torch.Generator", instead(manual_seed=moved_on), f"{SPEC}::seeding-starts-anew"
    ),
    "seed returns another one than it set": Fault(
        "torch.Generator", instead(seed=random_seed), f"{SPEC}::random-seed"
    ),
}
