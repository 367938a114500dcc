"""Makes the zip files of this folder with Python's own zipfile: state dicts {"w": float32[2, 600], "b": int64[2]}.

PyTorch is not needed: modules of its names stand in for it, since a pickle holds names only.
"""
import collections, io, pickle, struct, sys, types, warnings, zipfile

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})


class FloatStorage:
    __module__ = "torch"


class LongStorage:
    __module__ = "torch"


def _rebuild_tensor_v2():
    pass


_rebuild_tensor_v2.__module__ = "torch._utils"
torch.FloatStorage, torch.LongStorage, utils._rebuild_tensor_v2 = FloatStorage, LongStorage, _rebuild_tensor_v2


class Storage:
    def __init__(self, kind, key, count):
        self.id = ("storage", kind, key, "cpu", count)


class Tensor:
    def __init__(self, storage, shape, strides):
        self.arguments = (storage, 0, shape, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.id if isinstance(value, Storage) else None


pickled = io.BytesIO()
Pickler(pickled, 2).dump(
    collections.OrderedDict(
        w=Tensor(Storage(FloatStorage, "0", 1200), (2, 600), (600, 1)), b=Tensor(Storage(LongStorage, "1", 2), (2,), (1,))
    )
)
entries = [
    ("model/data.pkl", pickled.getvalue()),
    ("model/byteorder", b"little"),
    ("model/data/0", struct.pack("<1200f", *[i / 8 for i in range(1200)])),
    ("model/data/1", struct.pack("<2q", -1, 1 << 40)),
    ("model/version", b"3\n"),
]


def write(name, kind, entries, large=lambda entry: entry.endswith("/1")):
    with zipfile.ZipFile(name, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the name that is there twice
        for entry, data in entries:
            info = zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0))
            info.compress_type = kind
            # One entry gets the 64-bit extension, as from writers that do not know the length in advance.
            with archive.open(info, "w", force_zip64=large(entry)) as file:
                file.write(data)


write("stored.pth", zipfile.ZIP_STORED, entries)
write("deflated.pth", zipfile.ZIP_DEFLATED, entries)
write("bzip2.pth", zipfile.ZIP_BZIP2, entries)
write("twice.pth", zipfile.ZIP_DEFLATED, entries + entries[2:3])
zipfile.ZIP64_LIMIT = 1000  # as if the file had more than 4 GiB
write("zip64.pth", zipfile.ZIP_DEFLATED, entries, large=lambda entry: True)
