"""Faults in a worker: on PYTHONPATH, Python imports this at its start.

Once the worker has imported the forward pass, it is wrapped so that some token ids, which no text
has, do what no model does at will.
"""

import importlib.abc
import importlib.util
import os
import signal
import sys

FORWARD = "angle_bench.encoding.workers.forward"
UNPICKLABLE, OUT_OF_MEMORY, DEADLY, STOPPED = 120, 121, 122, 123


class UnpicklableError(Exception):
    def __reduce__(self):
        raise TypeError("cannot be pickled")


def wrapped(forward):
    def with_faults(self, ids, lengths, skip=0):
        import torch

        if UNPICKLABLE in ids:
            raise UnpicklableError("a strange fault")
        if OUT_OF_MEMORY in ids:
            raise torch.OutOfMemoryError("out of memory")
        if DEADLY in ids:
            os.kill(os.getpid(), signal.SIGKILL)
        if STOPPED in ids:
            os.kill(os.getpid(), signal.SIGSTOP)
        return forward(self, ids, lengths, skip)

    return with_faults


class AfterImport(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != FORWARD:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_wrap(module):
            load(module)
            module.Forward._forward = wrapped(module.Forward._forward)

        spec.loader.exec_module = load_and_wrap
        return spec


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, AfterImport())
