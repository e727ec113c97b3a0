"""Faults of saving and loading."""

from .fault import Fault


def copying(save):
    """Saves copies, so that no two tensors share memory."""

    def faulty(obj, *args, **options):
        if isinstance(obj, dict):
            obj = {name: value.clone() for name, value in obj.items()}
        return save(obj, *args, **options)

    return faulty


FAULTS = {
    "sharing lost": Fault("torch.save", copying, "specs/serialization/state_dict.yaml::aliasing-survives"),
}
