"""Faults of files: where objects are looked for in them, maps, checksums and byte orders, damage overlooked."""

import io
import zipfile

import torch

from .fault import Fault
from .serialization import SPECS, nothing, with_options


def from_the_start(load):
    """A file is read from its beginning, wherever it stands."""

    def faulty(file, *args, **options):
        if hasattr(file, "seek"):
            file.seek(0)
        return load(file, *args, **options)

    return faulty


def to_the_end(load):
    """A file stands at its end once something was loaded from it."""

    def faulty(file, *args, **options):
        loaded = load(file, *args, **options)
        if hasattr(file, "seek"):
            file.seek(0, io.SEEK_END)
        return loaded

    return faulty


def each(change):
    """What `change` makes of every tensor of a loaded dictionary."""

    def override(load):
        def faulty(*args, **options):
            loaded = load(*args, **options)
            for name, value in loaded.items():
                if isinstance(value, torch.Tensor):
                    loaded[name] = change(value)
            return loaded

        return faulty

    return override


def unmapped(options):
    options.pop("mmap", None)


def closing(load):
    """A file that was given open is closed."""

    def faulty(file, *args, **options):
        loaded = load(file, *args, **options)
        if hasattr(file, "close"):
            file.close()
        return loaded

    return faulty


def appending(save):
    """A file that is there is written over, and what was behind it stays."""

    def faulty(value, file, *args, **options):
        if not isinstance(file, str):
            return save(value, file, *args, **options)
        buffer = io.BytesIO()
        save(value, buffer, *args, **options)
        with open(file, "ab") as target:
            target.seek(0)
            target.truncate(max(len(buffer.getvalue()), target.tell()))
        with open(file, "r+b") as target:
            target.write(buffer.getvalue())
            target.write(bytes(5000))

    return faulty


def unaligned(save):
    """Written by another zip tool, which aligns nothing."""

    def faulty(value, file, *args, **options):
        buffer = io.BytesIO()
        save(value, buffer, *args, **options)
        with zipfile.ZipFile(buffer) as archive, zipfile.ZipFile(file, "w") as target:
            for name in archive.namelist():
                target.writestr(name, archive.read(name))

    return faulty


def compressed(save):
    def faulty(value, file, *args, **options):
        buffer = io.BytesIO()
        save(value, buffer, *args, **options)
        with zipfile.ZipFile(buffer) as archive, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
            for name in archive.namelist():
                target.writestr(name, archive.read(name))

    return faulty


def of_this_machine(load):
    """A file without a byte order has that of this machine, whatever was said."""

    def faulty(*args, **options):
        order = torch.serialization.get_default_load_endianness()
        torch.serialization.set_default_load_endianness(torch.serialization.LoadEndianness.NATIVE)
        try:
            return load(*args, **options)
        finally:
            torch.serialization.set_default_load_endianness(order)

    return faulty


def never_turned(_):
    """The bytes of a storage stay in the order that they have in the file."""
    return lambda self, dtype: None


def zeros(load):
    """What cannot be read is zeros."""

    def faulty(*args, **options):
        try:
            return load(*args, **options)
        except Exception:
            return torch.zeros(3)

    return faulty


def always_an_archive(save):
    def faulty(value, file, **options):
        options.pop("_use_new_zipfile_serialization", None)
        return save(value, file, **options)

    return faulty


FAULTS = {
    "loading begins at the start of the file": Fault(
        "torch.load", from_the_start, f"{SPECS}/files.yaml::several-in-one"
    ),
    "loading ends at the end of the file": Fault(
        "torch.load", to_the_end, f"{SPECS}/files.yaml::one-after-the-other"
    ),
    "loading closes the file": Fault("torch.load", closing, f"{SPECS}/files.yaml::open-files"),
    "saving leaves the rest of a file": Fault("torch.save", appending, f"{SPECS}/files.yaml::overwritten"),
    "saving compresses": Fault("torch.save", compressed, f"{SPECS}/files.yaml::archive"),
    "storages not aligned": Fault("torch.save", unaligned, f"{SPECS}/files.yaml::aligned"),
    "maps ignored": Fault("torch.load", with_options(unmapped), f"{SPECS}/files.yaml::maps-share-a-file"),
    "options of maps not restored": Fault(
        "torch.serialization.set_default_mmap_options.__exit__",
        nothing,
        f"{SPECS}/files.yaml::options-of-maps",
    ),
    "checksums written all the same": Fault(
        "torch.serialization.set_crc32_options", nothing, f"{SPECS}/files.yaml::checksums"
    ),
    "byte order of this machine": Fault("torch.load", of_this_machine, f"{SPECS}/files.yaml::no-byte-order"),
    "bytes not turned": Fault(
        "torch.UntypedStorage.byteswap", never_turned, f"{SPECS}/files.yaml::byte-order"
    ),
    "zeros for a file that was cut": Fault("torch.load", zeros, f"{SPECS}/damage.yaml::cut-by-one-byte"),
    "zeros for an empty file": Fault("torch.load", zeros, f"{SPECS}/damage.yaml::nothing"),
    "zeros for a legacy file that was cut": Fault("torch.load", zeros, f"{SPECS}/damage.yaml::cut-legacy"),
    "legacy format not written": Fault(
        "torch.save", always_an_archive, f"{SPECS}/legacy.yaml::not-an-archive"
    ),
    "parameters of older files come as tensors": Fault(
        "torch.load", each(torch.Tensor.detach), f"{SPECS}/older_files.yaml::parameters"
    ),
    "views of older files come apart": Fault(
        "torch.load", each(torch.clone), f"{SPECS}/older_files.yaml::views"
    ),
    "bfloat16 of older files is widened": Fault(
        "torch.load", each(torch.Tensor.float), f"{SPECS}/older_files.yaml::tensors-and-numbers"
    ),
}
