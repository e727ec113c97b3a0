"""Faults of loading data: samples lost, doubled or mixed up, seeds, errors and ends that go unnoticed."""

import math
import queue
from dataclasses import replace

import torch
from torch._utils import ExceptionWrapper

from .fault import Fault

DATA = "torch.utils.data"
FETCHER = f"{DATA}._utils.fetch._IterableDatasetFetcher"
ITERATOR = f"{DATA}.dataloader._MultiProcessingDataLoaderIter"
WORKER_LOOP = f"{DATA}._utils.worker._worker_loop"
SIGNALS = f"{DATA}._utils.signal_handling"
SPECS = "specs/data"


def everywhere(name, home):
    """The names of one function: what users call it, and where loaders look it up."""
    return tuple(f"{DATA}.{module}{name}" for module in ("", "dataloader.", f"_utils.{home}."))


BASE_SEED, INIT_FN, WORKER_ID, NUM_WORKERS = 8, 9, 10, 11
"""Where these stand among the arguments of a worker's loop."""


def all_but_one(_):
    """The last sample is never asked for."""
    return lambda self: iter(range(len(self.data_source) - 1))


def first_twice(init):
    """The first sample of a stream comes twice."""

    def faulty(self, *args):
        init(self, *args)
        self.dataset_iter = (
            again for n, sample in enumerate(self.dataset_iter) for again in [sample] * (1 + (n == 0))
        )

    return faulty


def same_shuffle(_):
    """Every epoch is shuffled like the first."""

    def faulty(self):
        generator = torch.Generator().manual_seed(0)
        return iter(torch.randperm(len(self.data_source), generator=generator).tolist())

    return faulty


def without_generator(iterate):
    """The sampler's own generator is not used."""

    def faulty(self):
        self.generator = None
        return iterate(self)

    return faulty


def unpadded(_):
    """Ranks get what there is, so some get more than others."""

    def faulty(self):
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self.dataset), generator=generator) if self.shuffle else None
        indices = list(range(len(self.dataset))) if order is None else order.tolist()
        return iter(indices[self.rank :: self.num_replicas])

    return faulty


def neighbours_share(iterate):
    """Each rank but the first gets the samples of the one before it."""

    def faulty(self):
        own, self.rank = self.rank, max(self.rank - 1, 0)
        share = list(iterate(self))
        self.rank = own
        return iter(share)

    return faulty


def next_index(_):
    """The index after the one that was meant."""
    return lambda self, index: self.dataset[self.indices[(index + 1) % len(self.indices)]]


def positions(_):
    """Positions in the subset are taken for indices of the dataset."""
    return lambda self, indices: [self.dataset[index] for index in indices]


def one_seed(loop):
    """All workers get the seed of the first."""

    def faulty(*args):
        loop(*args[:BASE_SEED], args[BASE_SEED] - args[WORKER_ID], *args[BASE_SEED + 1 :])

    return faulty


def uninitialized(loop):
    """The last worker is not initialized."""

    def faulty(*args):
        last = args[WORKER_ID] == args[NUM_WORKERS] - 1
        loop(*args[:INIT_FN], None if last else args[INIT_FN], *args[INIT_FN + 1 :])

    return faulty


def after_init(**attributes):
    """Something is set to a value of its own, whatever was asked for."""

    def override(init):
        def faulty(self, *args, **options):
            init(self, *args, **options)
            for name, value in attributes.items():
                setattr(self, name, value)

        return faulty

    return override


def one_batch_less(next_data):
    """The iteration is over when one batch is left."""

    def faulty(self):
        if self._send_idx - self._rcvd_idx == 1:
            self._shutdown_workers()
            raise StopIteration
        return next_data(self)

    return faulty


def narrowing(collate):
    """Float64 becomes float32."""

    def faulty(batch):
        result = collate(batch)
        narrow = isinstance(result, torch.Tensor) and result.dtype == torch.float64
        return result.float() if narrow else result

    return faulty


def writing(collate):
    """The batch is written to the first sample."""

    def faulty(batch):
        result = collate(batch)
        if isinstance(batch[0], dict):
            batch[0].update(result)
        return result

    return faulty


def with_a_dimension(convert):
    """A sample by itself looks like a batch of one."""

    def faulty(data):
        result = convert(data)
        return result[None] if isinstance(result, torch.Tensor) else result

    return faulty


def all_to_the_last(split):
    """The last part gets all that is left over."""

    def faulty(dataset, lengths, **options):
        if sum(lengths) == 1:
            lengths = [math.floor(fraction * len(dataset)) for fraction in lengths]
            lengths[-1] += len(dataset) - sum(lengths)
        return split(dataset, lengths, **options)

    return faulty


def overlapping(split):
    """The second part begins with the last sample of the first."""

    def faulty(*args, **options):
        parts = split(*args, **options)
        if len(parts) > 1 and len(parts[0]) and len(parts[1]):
            parts[1].indices = parts[0].indices[-1:] + parts[1].indices[1:]
        return parts

    return faulty


def swallowing(process):
    """A batch that could not be loaded is passed over."""

    def faulty(self, data, worker):
        if not isinstance(data, ExceptionWrapper):
            return process(self, data, worker)
        process(self, None, worker)
        return self._next_data()

    return faulty


def of_no_type(_):
    """Only the message of an error arrives."""

    def faulty(self):
        raise RuntimeError(self.exc_msg)

    return faulty


def one_before(getitem):
    """The first sample of a later dataset is taken from the end of the one before."""

    def faulty(self, index):
        return getitem(self, index - (index in self.cumulative_sizes[:-1]))

    return faulty


def unweighted(init):
    """All weights are alike."""

    def faulty(self, *args, **options):
        init(self, *args, **options)
        self.weights = torch.ones_like(self.weights)

    return faulty


def all_but_the_last(iterate):
    """Draws with replacement leave the last index out."""

    def faulty(self):
        if not self.replacement:
            return iterate(self)
        size = (self.num_samples,)
        return iter(torch.randint(len(self.data_source) - 1, size, generator=self.generator).tolist())

    return faulty


def numbered_from_one(info):
    """Workers are numbered from one."""

    def faulty():
        return (found := info()) and replace(found, id=found.id + 1)

    return faulty


def unnoticed(watching):
    """Nobody looks whether the workers are alive."""
    if watching.__name__ != "_try_get_data":
        return lambda *_: None

    def faulty(self, timeout=5.0):
        try:
            return True, self._data_queue.get(timeout=timeout)
        except queue.Empty:
            return False, None

    return faulty


FAULTS = {
    "one sample dropped": Fault(
        f"{DATA}.SequentialSampler.__iter__", all_but_one, f"{SPECS}/loader_workers.yaml::exactly-once"
    ),
    "one sample doubled": Fault(
        f"{FETCHER}.__init__", first_twice, f"{SPECS}/iterable_loader.yaml::exactly-once"
    ),
    "shuffle not reseeded": Fault(
        f"{DATA}.RandomSampler.__iter__", same_shuffle, f"{SPECS}/loader.yaml::shuffled"
    ),
    "generator ignored": Fault(
        f"{DATA}.RandomSampler.__iter__", without_generator, f"{SPECS}/loader.yaml::shuffled-by-a-generator"
    ),
    "drop_last ignored": Fault(
        f"{DATA}.BatchSampler.__init__", after_init(drop_last=False), f"{SPECS}/loader.yaml::batches"
    ),
    "drop_last of a stream ignored": Fault(
        f"{FETCHER}.__init__",
        after_init(drop_last=False),
        f"{SPECS}/iterable_loader.yaml::last-batch-of-each-worker",
    ),
    "padding left out": Fault(
        f"{DATA}.DistributedSampler.__iter__", unpadded, f"{SPECS}/distributed_sampler.yaml::padding"
    ),
    "ranks overlap": Fault(
        f"{DATA}.DistributedSampler.__iter__",
        neighbours_share,
        f"{SPECS}/distributed_sampler.yaml::disjoint-cover",
    ),
    "epoch ignored": Fault(
        f"{DATA}.DistributedSampler.set_epoch",
        lambda _: lambda self, epoch: None,
        f"{SPECS}/distributed_sampler.yaml::epochs",
    ),
    "subset off by one": Fault(
        f"{DATA}.Subset.__getitem__", next_index, f"{SPECS}/datasets.yaml::chosen-samples"
    ),
    "batched subset unmapped": Fault(
        f"{DATA}.Subset.__getitems__", positions, f"{SPECS}/datasets.yaml::subset-in-batches"
    ),
    "worker seeds equal": Fault(WORKER_LOOP, one_seed, f"{SPECS}/loader_workers.yaml::seeds"),
    "base seed constant": Fault(
        f"{DATA}.dataloader._BaseDataLoaderIter.__init__",
        after_init(_base_seed=0),
        f"{SPECS}/loader_workers.yaml::seeds-of-epochs",
    ),
    "last batch lost with workers": Fault(
        f"{ITERATOR}._next_data", one_batch_less, f"{SPECS}/loader_workers.yaml::exactly-once"
    ),
    "order of batches lost": Fault(
        f"{ITERATOR}.__init__", after_init(_in_order=False), f"{SPECS}/loader_workers.yaml::order-is-kept"
    ),
    "collate casts the dtype": Fault(
        everywhere("default_collate", "collate"), narrowing, f"{SPECS}/collate.yaml::tensors"
    ),
    "split rounding": Fault(f"{DATA}.random_split", all_to_the_last, f"{SPECS}/splits.yaml::fractions"),
    "split overlaps": Fault(f"{DATA}.random_split", overlapping, f"{SPECS}/splits.yaml::counts"),
    "exception swallowed": Fault(
        f"{ITERATOR}._process_data", swallowing, f"{SPECS}/loader_workers.yaml::errors-arrive"
    ),
    "exception type lost": Fault(
        "torch._utils.ExceptionWrapper.reraise", of_no_type, f"{SPECS}/loader_workers.yaml::errors-arrive"
    ),
    "concat boundary": Fault(
        f"{DATA}.ConcatDataset.__getitem__", one_before, f"{SPECS}/datasets.yaml::one-after-the-other"
    ),
    "weights ignored": Fault(
        f"{DATA}.WeightedRandomSampler.__init__", unweighted, f"{SPECS}/samplers.yaml::by-weight"
    ),
    "last index never drawn": Fault(
        f"{DATA}.RandomSampler.__iter__", all_but_the_last, f"{SPECS}/samplers.yaml::with-replacement"
    ),
    "workers restarted": Fault(
        f"{DATA}.DataLoader.__iter__",
        lambda _: lambda self: self._get_iterator(),
        f"{SPECS}/loader_workers.yaml::kept-at-work",
    ),
    "worker_init_fn not called": Fault(
        WORKER_LOOP, uninitialized, f"{SPECS}/loader_workers.yaml::initialized"
    ),
    "worker id off": Fault(
        everywhere("get_worker_info", "worker"),
        numbered_from_one,
        f"{SPECS}/loader_workers.yaml::who-is-at-work",
    ),
    "collate changes the samples": Fault(
        everywhere("default_collate", "collate"), writing, f"{SPECS}/collate.yaml::samples-stay"
    ),
    "timeout ignored": Fault(
        f"{ITERATOR}.__init__", after_init(_timeout=0), f"{SPECS}/loader_workers.yaml::late"
    ),
    "dead worker unnoticed": Fault(
        (f"{SIGNALS}._set_worker_pids", f"{SIGNALS}._remove_worker_pids", f"{ITERATOR}._try_get_data"),
        unnoticed,
        f"{SPECS}/loader_workers.yaml::killed",
    ),
    "prefetch_factor ignored": Fault(
        f"{DATA}.DataLoader.__init__",
        after_init(prefetch_factor=2),
        f"{SPECS}/loader_workers.yaml::loaded-in-advance",
    ),
    "samples without batches get a dimension": Fault(
        everywhere("default_convert", "collate"), with_a_dimension, f"{SPECS}/loader.yaml::without-batches"
    ),
}
