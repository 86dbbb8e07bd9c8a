"""ONNX Runtime in process, for infer.py: MODEL ROWS.u8 CLIENTS BATCH SECONDS. Each
client is a thread that runs one request after another on one session. Prints what
infer_load prints."""

from __future__ import annotations

import json
import sys
import threading
import time

import numpy as np
import onnxruntime

model, rows_file = sys.argv[1:3]
clients, batch = int(sys.argv[3]), int(sys.argv[4])
seconds = float(sys.argv[5])
rows = np.fromfile(rows_file, np.uint8).reshape(-1, 784).astype(np.float32)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
times: list[float] = []


def run(number: int, until: float) -> list[float]:
    taken = []
    at = number * 131 % (len(rows) - batch)
    given = {"input": rows[at : at + batch]}
    while True:
        begin = time.perf_counter()
        if begin >= until:
            return taken
        session.run(None, given)
        taken.append(time.perf_counter() - begin)


run(0, time.perf_counter() + 0.2)
begin = time.perf_counter()
threads = [
    threading.Thread(target=lambda n=number: times.extend(run(n, begin + seconds)))
    for number in range(clients)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
rate = len(times) / (time.perf_counter() - begin)
p50, p99 = np.quantile(np.array(times) * 1e6, [0.5, 0.99])
print(
    json.dumps(
        {
            "requests_per_second": rate,
            "rows_per_second": rate * batch,
            "p50_us": p50,
            "p99_us": p99,
        }
    )
)
