"""The devices that torch sees, and the memory of theirs that nobody uses any more."""

import gc

import torch

from angle_bench.errors import ModelError, first_line


def accelerators() -> list[str]:
    """The accelerators that torch sees."""
    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else []


def give_back_memory() -> None:
    """Free what this process no longer uses, on accelerators too, for those that come next."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def accelerator_names() -> dict[str, str]:
    """The accelerators that torch sees, each with its hardware's name."""
    return {
        name: torch.cuda.get_device_name(name) if name.startswith("cuda") else "Apple GPU"
        for name in accelerators()
    }


def pick_device(name: str) -> torch.device:
    """The device of a name such as `cuda:1`; `auto` is the first accelerator, else the CPU.

    Raises:
        ModelError: torch does not know the device, or it is not here.
    """
    if name == "auto":
        return torch.device((accelerators() or ["cpu"])[0])
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        raise ModelError(
            f"the device {name} cannot be used: {first_line(error)}", "-d auto, or -d cpu"
        ) from error
    return device
