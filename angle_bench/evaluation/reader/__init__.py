"""The one reader of rows: files of any kind, row by row or in batches (docs/files.md)."""

from angle_bench.evaluation.reader.kinds import ReadOptions
from angle_bench.evaluation.reader.row_file import RowFile, open_rows

__all__ = ["ReadOptions", "RowFile", "open_rows"]
