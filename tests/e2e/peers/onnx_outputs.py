"""Checks an ONNX model and runs rows through it with ONNX Runtime, in an interpreter
that has both: MODEL ROWS.npy OUT.npz. Each of the model's outputs is an array."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import onnxruntime

model, rows, out = sys.argv[1:]
onnx.checker.check_model(onnx.load(model), full_check=True)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
(given,) = session.get_inputs()
kind = {"tensor(float)": np.float32, "tensor(double)": np.float64}[given.type]
names = [output.name for output in session.get_outputs()]
answers = session.run(None, {given.name: np.load(rows).astype(kind)})
np.savez(out, **dict(zip(names, answers, strict=True)))
