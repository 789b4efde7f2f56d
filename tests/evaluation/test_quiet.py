"""Other libraries are silenced, and nobody else."""

import warnings

from angle_bench.evaluation.quiet import quieten


def test_warnings_of_libraries_alone_are_silenced() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        quieten()
        for module in ("mteb.evaluate", "torch", "sklearn.linear_model", "mtebx", "my_notebook"):
            warnings.warn_explicit("!", UserWarning, "x.py", 1, module)
        filters = len(warnings.filters)
        quieten()
    assert len(said) == 2
    assert len(warnings.filters) <= filters
