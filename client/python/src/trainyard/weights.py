"""Weights as NumPy arrays."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import numpy as np

_TYPES = {"F32": "<f4", "F64": "<f8"}
_PARAMETER = re.compile(r"([Wb])(\d+)")


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """The tensors W1, b1, W2, b2, ... of a safetensors file, in this order; others are
    passed over.

    W_i has the shape (units of the layer before, units), b_i the shape (units,): a
    layer's sums are n_i = W_i.T @ a + b_i. Raises ValueError for what is no such file.
    """
    if len(data) < 8:
        raise ValueError("not a safetensors file: it has no header")
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise ValueError("not a safetensors file: the header goes beyond its end")
    header = json.loads(data[8 : 8 + length])
    names = [name for name in header if _PARAMETER.fullmatch(name)]
    return {
        name: _tensor(name, header[name], data[8 + length :]) for name in sorted(names, key=_place)
    }


def _place(name: str) -> tuple[int, bool]:
    return int(name[1:]), name[0] == "b"


def _tensor(name: str, entry: Any, data: bytes) -> np.ndarray:
    dtype = _TYPES.get(str(entry["dtype"]))
    if dtype is None:
        raise ValueError(f"tensor {name} is neither F32 nor F64 but {entry['dtype']}")
    begin, end = entry["data_offsets"]
    shape: list[int] = entry["shape"]
    return np.array(np.frombuffer(data[begin:end], dtype=dtype).reshape(shape))
