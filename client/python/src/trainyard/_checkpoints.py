"""Plans that read the weights that a job keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import numpy as np

from trainyard._plans import get_job
from trainyard._steps import Plan, Receive
from trainyard._words import FORMATS
from trainyard.errors import Unavailable
from trainyard.v1 import training_pb2
from trainyard.weights import read_safetensors


def weights(name: str, epoch: Optional[int]) -> Plan[dict[str, np.ndarray]]:
    """Those after `epoch`, or the last kept."""
    return read_safetensors((yield from _checkpoint(name, epoch, "safetensors")))


def export(name: str, path: Any, format: str, epoch: Optional[int]) -> Plan[Path]:
    """Saves them as a file, which is written whole or not at all."""
    file = Path(path)
    word = format or file.suffix[1:]
    if word not in FORMATS:
        raise ValueError(f"{path} does not tell a format; format is one of {', '.join(FORMATS)}")
    data = yield from _checkpoint(name, epoch, word)
    fresh = file.with_name(f"{file.name}.part")
    fresh.write_bytes(data)
    fresh.replace(file)
    return file


def _checkpoint(name: str, epoch: Optional[int], word: str) -> Plan[bytes]:
    which = "latest" if epoch is None else str(epoch)
    request = training_pb2.ReadCheckpointRequest(
        name=f"{name}/checkpoints/{which}", format=word.upper()
    )
    for last in (False, False, True):
        try:
            chunks = yield Receive("training.ReadCheckpoint", request)
            return b"".join(message.chunk for message in chunks)
        except Unavailable:
            if last:
                raise
        yield from get_job(name)  # returns when the server is there again
    raise AssertionError
